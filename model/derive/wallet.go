package derive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features/frame"
	"fealty/model/wallet"
)

// The columns that wallets are read from: the spend of a year and of its newer
// half, and what makes accounts peers: how long, how broadly and under which
// contracts they buy, not how much, which is what share of wallet moves. A frame
// has numbers alone; industry or region are none, so that these columns can be
// computed again from one account's row.
const (
	yearSpend = "spend_365d"
	halfSpend = "spend_180d"
	yearDays  = 365.
	halfDays  = 180.
)

var (
	peers = []frame.Meta{
		{Name: tenure, LabelEN: "tenure", LabelZH: "客户年限"},
		{Name: "categories_ever", LabelEN: "categories ever bought", LabelZH: "购买过的品类数"},
		{Name: "contract_amount", LabelEN: "amount of contracts", LabelZH: "合同金额"},
	}
	peerColumns = namesOf(peers)
)

// walletMetas are the columns of the estimated wallet, in their order.
var walletMetas = []frame.Meta{
	{
		Name: "wallet_share_est", Unit: "share", Group: "wallet", Factor: "wallet", Direction: frame.Lowers, Actionable: true,
		LabelEN: "Estimated share of wallet, all categories", LabelZH: "估计钱包份额（全部品类）",
		ReasonEN: []string{"About {wallet_share_est} of what similar accounts let expect as its wallet is spent here"},
		ReasonZH: []string{"按相似客户推算的钱包中约{wallet_share_est}在本公司消费"},
	},
	{
		Name: "wallet_gap_est", Unit: "base currency", Group: "wallet", Factor: "wallet", Direction: frame.Unknown, Actionable: true,
		LabelEN: "Estimated spend elsewhere in a year", LabelZH: "估计一年内在别处的消费",
		ReasonEN: []string{"About {wallet_gap_est} a year is estimated to be spent elsewhere"},
		ReasonZH: []string{"估计每年约{wallet_gap_est}在别处消费"},
	},
	{
		Name: "wallet_width_est", Unit: "times", Group: "wallet", Factor: "wallet", Direction: frame.Unknown,
		LabelEN: "Uncertainty of the estimated wallet (high ÷ low)", LabelZH: "估计钱包的不确定性（上限÷下限）",
		ReasonEN: []string{"The estimated wallet is known within a factor of {wallet_width_est}"},
		ReasonZH: []string{"估计钱包的上限是下限的{wallet_width_est}倍"},
	},
	{
		Name: "wallet_trend_est", Unit: "share", Group: "wallet", Factor: "wallet", Direction: frame.Lowers, Actionable: true,
		LabelEN: "Change of the estimated share of wallet, the last 180 days against the 185 before", LabelZH: "估计钱包份额的变化（近180天相对于此前185天）",
		ReasonEN: []string{"The share of the estimated wallet in the last 180 days differs by {wallet_trend_est} from that of the 185 days before"},
		ReasonZH: []string{"近180天的估计钱包份额比此前185天变化了{wallet_trend_est}"},
	},
}

// WalletMetas returns what the columns of the estimated wallet are, in their
// order. The result is the caller's own.
func WalletMetas() []frame.Meta { return slices.Clone(walletMetas) }

// WalletNames are the names of those columns.
func WalletNames() []string { return namesOf(walletMetas) }

func namesOf(metas []frame.Meta) []string {
	names := make([]string, len(metas))
	for j := range metas {
		names[j] = metas[j].Name
	}
	return names
}

// Purses gathers what the accounts that one cutoff knows spend, and what makes
// them peers; the zero value knows none. It takes 56 bytes per account.
type Purses struct {
	accounts []frame.AccountID
	cutoffs  []frame.Cutoff
	spend    []float64
	peers    [][]float64
}

// PurseReader reads purses out of a frame of features.
type PurseReader struct {
	frame *frame.Frame
	spend *frame.Column
	peers []*frame.Column
}

// Spending returns what reads the purses of a frame's rows.
func Spending(f *frame.Frame) PurseReader {
	r := PurseReader{frame: f, spend: f.Column(yearSpend)}
	for _, name := range peerColumns {
		r.peers = append(r.peers, f.Column(name))
	}
	return r
}

// Add gives the purse of row i to what a cutoff knows; a row without spend in the
// year teaches nothing.
func (r PurseReader) Add(to *Purses, i int) {
	if r.spend == nil || !(r.spend.Numbers[i] > 0) {
		return
	}
	if to.peers == nil {
		to.peers = make([][]float64, len(r.peers))
	}
	to.accounts, to.cutoffs = append(to.accounts, r.frame.Accounts[i]), append(to.cutoffs, r.frame.Cutoffs[i])
	to.spend = append(to.spend, r.spend.Numbers[i])
	for j, v := range r.at(i) {
		to.peers[j] = append(to.peers[j], v)
	}
}

// at returns what makes row i a peer, missing where the frame has no such column.
func (r PurseReader) at(i int) []float64 {
	values := make([]float64, len(r.peers))
	for j, c := range r.peers {
		values[j] = math.NaN()
		if c != nil {
			values[j] = c.Numbers[i]
		}
	}
	return values
}

// asPeers returns the purses as wallets see them: one category, all spend.
func (p *Purses) asPeers() wallet.Peers {
	f := &frame.Frame{Accounts: p.accounts, Cutoffs: p.cutoffs}
	for j, values := range p.peers {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: peerColumns[j]}, Kind: frame.Number, Numbers: values})
	}
	s := wallet.Spend{Start: make([]int, len(p.accounts)+1), Category: make([]int32, len(p.accounts)), Amount: p.spend}
	for i := range s.Start {
		s.Start[i] = i
	}
	return wallet.Peers{Frame: f, Categories: []string{""}, Spend: s}
}

// walletColumns are what fits the columns of the estimated wallet.
type walletColumns struct {
	model *wallet.Model
	// why is what was in the way of a fit; then all columns are missing.
	why string
	// without are the peers' columns that the fit left out, since they tell the spend.
	without []string
}

// walletParams are those of a model that every training cutoff has one of. No
// interval is too wide for a column that tells its width.
func walletParams() wallet.Params {
	p := wallet.Defaults()
	p.MaxRatio, p.MaxRows, p.References, p.Rounds, p.Threads = 1000, 5000, 500, 40, 1
	return p
}

// WithWallet returns the columns with those of the estimated wallet behind, fitted
// on the purses of the same cutoff: a high quantile of what peers spend in a year
// with its split-conformal interval (package wallet). Declared wallets have columns
// of their own in the catalogue and stay out, since no row holds those of others.
// Too few accounts are no error: the columns are then missing, and WhyNoWallet
// says so.
func (c *Columns) WithWallet(ctx context.Context, p *Purses) (*Columns, error) {
	out := *c
	m, report, err := wallet.Fit(ctx, p.asPeers(), nil, walletParams())
	switch {
	case errors.Is(err, wallet.ErrInput):
		out.wallet = &walletColumns{why: err.Error()}
	case err != nil:
		return nil, fmt.Errorf("fit the wallet columns: %w", err)
	case report.Categories[0].Why != wallet.None:
		out.wallet = &walletColumns{why: fmt.Sprintf("%d accounts have spent within the year, and a wallet needs %d", len(p.accounts), walletParams().MinPeers)}
	default:
		out.wallet = &walletColumns{model: m, without: report.Categories[0].Without}
	}
	return &out, nil
}

// WithoutWallet returns the columns without those of the estimated wallet.
func (c *Columns) WithoutWallet() *Columns {
	out := *c
	out.wallet = nil
	return &out
}

// WhyNoWallet says why the columns of the wallet have no values, "" when they have and
// where they are not among them.
func (c *Columns) WhyNoWallet() string {
	if c.wallet == nil {
		return ""
	}
	return c.wallet.why
}

// WalletText says of which wallet the columns are, another and poorer one than what is
// told of an account; "" where they are not among the columns.
func (c *Columns) WalletText() (en, zh string) {
	if c.wallet == nil {
		return "", ""
	}
	var english, chinese []string
	var without []frame.Meta
	for _, m := range peers {
		english, chinese = append(english, m.LabelEN), append(chinese, m.LabelZH)
		if slices.Contains(c.wallet.without, m.Name) {
			without = append(without, m)
		}
	}
	en = "These columns are of a poorer wallet than the one that is told of an account: all spend as one category, peers by " +
		strings.Join(english, ", ") + " alone, and no declared wallets"
	zh = "这些列所依据的钱包比对外给出的钱包粗略：全部消费视为一个品类，仅按" + strings.Join(chinese, "、") + "寻找相似客户，且不使用申报的钱包"
	if len(without) > 0 {
		left, out := wallet.WithoutText(without)
		en, zh = en+"; "+left, zh+"；"+out
	}
	return en + ".", zh + "。"
}

// of returns the columns of a frame's rows. The trend is of the share: the wallet of a
// part of the year is the year's by the number of days. A row whose spend is missing has none
// of the values; more returns than purchases count as no spend.
func (w *walletColumns) of(f *frame.Frame) ([]frame.Column, error) {
	out := missing(walletMetas, f.Rows())
	if w.model == nil {
		return out, nil
	}
	var p Purses
	var rows []int
	read, half := Spending(f), f.Column(halfSpend)
	if read.spend == nil {
		return out, nil
	}
	p.peers = make([][]float64, len(read.peers))
	for i, v := range read.spend.Numbers {
		if math.IsNaN(v) {
			continue
		}
		rows = append(rows, i)
		p.accounts, p.cutoffs, p.spend = append(p.accounts, f.Accounts[i]), append(p.cutoffs, f.Cutoffs[i]), append(p.spend, max(0, v))
		for j, of := range read.at(i) {
			p.peers[j] = append(p.peers[j], of)
		}
	}
	if len(rows) == 0 {
		return out, nil
	}
	all, err := w.model.Estimate(p.asPeers(), nil)
	if err != nil {
		return nil, fmt.Errorf("derive the wallet columns: %w", err)
	}
	for k, i := range rows {
		e := &all[k]
		if e.State == wallet.Unknown {
			continue
		}
		values := [...]float64{e.Share, e.Potential, math.NaN(), math.NaN()}
		if e.Low > 0 {
			values[2] = e.High / e.Low
		}
		if half != nil {
			newer := half.Numbers[i]
			older := read.spend.Numbers[i] - newer
			values[3] = (newer/halfDays - older/(yearDays-halfDays)) * yearDays / e.Wallet
		}
		for j, v := range values {
			out[j].Numbers[i] = v
		}
	}
	return out, nil
}

// missing returns columns without values.
func missing(of []frame.Meta, rows int) []frame.Column {
	out := make([]frame.Column, len(of))
	for j := range out {
		out[j] = frame.Column{Meta: of[j], Kind: frame.Number, Numbers: make([]float64, rows)}
		for i := range rows {
			out[j].Numbers[i] = math.NaN()
		}
	}
	return out
}

// savedWallet is what is saved of them.
type savedWallet struct {
	Why   string `json:"why,omitempty"`
	Model string `json:"model,omitempty"`
	// Without is absent in texts from before; then nothing was left out.
	Without []string `json:"without,omitempty"`
}

func (w *walletColumns) save() (*savedWallet, error) {
	out := &savedWallet{Why: w.why, Without: w.without}
	if w.model != nil {
		text, err := w.model.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("save the wallet columns: %w", err)
		}
		out.Model = string(text)
	}
	return out, nil
}

// read checks what was saved: a model of the peers' columns, or why there is none.
func (s *savedWallet) read() (*walletColumns, error) {
	if (s.Why == "") == (s.Model == "") {
		return nil, fmt.Errorf("%w: reason %q beside a wallet model of %d bytes", ErrText, s.Why, len(s.Model))
	}
	for _, name := range s.Without {
		if !slices.Contains(peerColumns, name) {
			return nil, fmt.Errorf("%w: the wallet was learnt without %q, the columns are %q", ErrText, name, peerColumns)
		}
	}
	w := &walletColumns{why: s.Why, without: s.Without}
	if s.Model == "" {
		return w, nil
	}
	var err error
	if w.model, err = wallet.Parse([]byte(s.Model)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if !slices.Equal(w.model.Features(), peerColumns) {
		return nil, fmt.Errorf("%w: the wallet model reads %q, these columns %q", ErrText, w.model.Features(), peerColumns)
	}
	return w, nil
}
