package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	"fealty/features/clickhouse"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/serving"
)

// worthField is one column of written_worths and where its value stands in a
// Worth: a number, a whole number of which 0 is none, a text, or a pointer to a
// list, which is kept as JSON.
type worthField struct {
	name   string
	number func(*score.Worth) *float64
	whole  func(*score.Worth) *int64
	text   func(*score.Worth) *string
	list   func(*score.Worth) any
}

func (f *worthField) kind() frame.Kind {
	if f.number != nil || f.whole != nil {
		return frame.Number
	}
	return frame.Text
}

func worthNumber(name string, of func(*score.Worth) *float64) worthField {
	return worthField{name: name, number: of}
}

func worthFigure(name string, of func(*score.Worth) *model.Figure) worthField {
	return worthField{name: name, number: func(w *score.Worth) *float64 { return (*float64)(of(w)) }}
}

func worthWhole(name string, of func(*score.Worth) *int64) worthField {
	return worthField{name: name, whole: of}
}

func worthText(name string, of func(*score.Worth) *string) worthField {
	return worthField{name: name, text: of}
}

func worthList(name string, of func(*score.Worth) any) worthField {
	return worthField{name: name, list: of}
}

// worthFields are written_worths' columns behind run_id and account, in its order.
var worthFields = []worthField{
	worthNumber("alive", func(w *score.Worth) *float64 { return &w.Lifetime.Alive }),
	worthNumber("no_purchase", func(w *score.Worth) *float64 { return &w.Lifetime.NoPurchase }),
	worthNumber("purchases", func(w *score.Worth) *float64 { return &w.Lifetime.Purchases }),
	worthNumber("spend", func(w *score.Worth) *float64 { return &w.Lifetime.Spend }),
	worthText("spend_by", func(w *score.Worth) *string { return &w.Lifetime.SpendBy }),
	worthNumber("lifetime_value", func(w *score.Worth) *float64 { return &w.Lifetime.Value }),
	worthNumber("lifetime_low", func(w *score.Worth) *float64 { return &w.Lifetime.Low }),
	worthNumber("lifetime_high", func(w *score.Worth) *float64 { return &w.Lifetime.High }),
	worthText("lifetime_model", func(w *score.Worth) *string { return &w.Lifetime.Model }),
	worthText("lifetime_value_by", func(w *score.Worth) *string { return &w.Lifetime.ValueBy }),
	worthText("lifetime_why", func(w *score.Worth) *string { return &w.Lifetime.Why }),
	worthNumber("loyalty", func(w *score.Worth) *float64 { return &w.Loyalty.Score }),
	worthNumber("loyalty_uncapped", func(w *score.Worth) *float64 { return &w.Loyalty.Uncapped }),
	worthText("loyalty_cap", func(w *score.Worth) *string { return &w.Loyalty.Cap }),
	worthText("loyalty_profile", func(w *score.Worth) *string { return &w.Loyalty.Profile }),
	worthText("loyalty_why", func(w *score.Worth) *string { return &w.Loyalty.Why }),
	worthText("loyalty_story", func(w *score.Worth) *string { return &w.Loyalty.Story }),
	worthWhole("loyalty_children", func(w *score.Worth) *int64 { return &w.Loyalty.Children }),
	worthNumber("satisfaction", func(w *score.Worth) *float64 { return &w.Loyalty.Satisfaction }),
	worthNumber("response_rate", func(w *score.Worth) *float64 { return &w.Loyalty.ResponseRate }),
	worthNumber("value", func(w *score.Worth) *float64 { return &w.Place.Value }),
	worthNumber("value_existing", func(w *score.Worth) *float64 { return &w.Place.Existing }),
	worthNumber("value_potential", func(w *score.Worth) *float64 { return &w.Place.Potential }),
	worthNumber("value_influence", func(w *score.Worth) *float64 { return &w.Place.Influence }),
	worthNumber("value_learning", func(w *score.Worth) *float64 { return &w.Place.Learning }),
	worthText("tier", func(w *score.Worth) *string { return &w.Place.Tier }),
	worthText("level", func(w *score.Worth) *string { return &w.Place.Level }),
	worthText("cell", func(w *score.Worth) *string { return &w.Place.Cell }),
	worthText("verdict", func(w *score.Worth) *string { return &w.Place.Verdict }),
	worthText("wallet_state", func(w *score.Worth) *string { return &w.Wallet.State }),
	worthFigure("wallet", func(w *score.Worth) *model.Figure { return &w.Wallet.Amount }),
	worthFigure("wallet_low", func(w *score.Worth) *model.Figure { return &w.Wallet.Low }),
	worthFigure("wallet_high", func(w *score.Worth) *model.Figure { return &w.Wallet.High }),
	worthFigure("wallet_spend", func(w *score.Worth) *model.Figure { return &w.Wallet.Spend }),
	worthFigure("wallet_share", func(w *score.Worth) *model.Figure { return &w.Wallet.Share }),
	worthFigure("wallet_potential", func(w *score.Worth) *model.Figure { return &w.Wallet.Potential }),
	worthText("wallet_why", func(w *score.Worth) *string { return &w.Wallet.Why }),
	worthText("wallet_author", func(w *score.Worth) *string { return &w.Wallet.Author }),
	worthWhole("wallet_period", func(w *score.Worth) *int64 { return &w.Wallet.Period }),
	worthFigure("wallet_width", func(w *score.Worth) *model.Figure { return &w.Wallet.Width }),
	worthFigure("wallet_trend", func(w *score.Worth) *model.Figure { return &w.Wallet.Trend }),
	worthText("wallet_no_trend", func(w *score.Worth) *string { return &w.Wallet.NoTrend }),
	worthList("indicators", func(w *score.Worth) any { return &w.Loyalty.Indicators }),
	worthList("attitudes", func(w *score.Worth) any { return &w.Loyalty.Attitudes }),
	worthList("wallets", func(w *score.Worth) any { return (*walletList)(&w.Wallets) }),
	worthList("wallet_flags", func(w *score.Worth) any { return &w.Wallet.Flags }),
	worthList("recommendations", func(w *score.Worth) any { return &w.Recommendations }),
	worthList("value_parts", func(w *score.Worth) any { return &w.Place.Parts }),
	worthList("because", func(w *score.Worth) any { return &w.Place.Because }),
	worthList("breaches", func(w *score.Worth) any { return &w.Place.Breaches }),
	worthText("worth_hash", func(w *score.Worth) *string { return &w.Hash }),
}

// worthColumns are written_worths', in its order.
func worthColumns() *columns {
	all := []column{{"run_id", frame.Text}, {"account", frame.Text}}
	for i := range worthFields {
		all = append(all, column{worthFields[i].name, worthFields[i].kind()})
	}
	return newColumns(all...)
}

// addWorth appends what an account is worth.
func (c *columns) addWorth(w *score.Worth, account frame.AccountID, run string, d *digest) error {
	if w.Account != account {
		return fmt.Errorf("the worth of account %q stands with the score of account %q: %w", w.Account, account, serving.ErrInvalid)
	}
	lists := make([]string, len(worthFields))
	for i := range worthFields {
		if f := &worthFields[i]; f.list != nil {
			var err error
			if lists[i], err = listText(f.list(w)); err != nil {
				return fmt.Errorf("the %s of account %q: %w: %w", f.name, account, err, serving.ErrInvalid)
			}
		}
	}
	l := c.line(run, d)
	l.text(string(account))
	for i := range worthFields {
		switch f := &worthFields[i]; {
		case f.number != nil:
			l.number(*f.number(w))
		case f.whole != nil:
			l.number(orMissing(*f.whole(w)))
		case f.text != nil:
			l.text(*f.text(w))
		default:
			l.text(lists[i])
		}
	}
	l.end()
	return nil
}

// listText is a list, given by pointer, as JSON; "" when it is empty. What is no
// UTF-8 in its texts is kept as U+FFFD.
func listText(list any) (string, error) {
	if reflect.ValueOf(list).Elem().Len() == 0 {
		return "", nil
	}
	raw, err := json.Marshal(list) // the shortest text that reads back to the same bits
	return string(raw), err
}

// orMissing is a whole number below 2⁵³ as a number, missing when it is 0.
func orMissing(v int64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return float64(v)
}

// walletList reads wallets of runs that did not tell width and trend yet, which
// are missing then, not 0.
type walletList []score.Wallet

// UnmarshalJSON implements json.Unmarshaler.
func (l *walletList) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, (*[]score.Wallet)(l)); err != nil {
		return err //nolint:wrapcheck // whoever reads the list names it
	}
	// Within texts a quote is escaped: what is found is a key.
	if !bytes.Contains(raw, []byte(`"width":`)) {
		for i := range *l {
			(*l)[i].Width, (*l)[i].Trend = model.Figure(math.NaN()), model.Figure(math.NaN())
		}
	}
	return nil
}

// worthsOf reads a block of worths.sql.
func worthsOf(t *frame.Table) ([]score.Worth, error) {
	all := make([]score.Worth, t.Rows())
	for i, account := range t.Column("account").Texts {
		all[i].Account = frame.AccountID(account)
	}
	for k := range worthFields {
		f := &worthFields[k]
		c := t.Column(f.name)
		for i := range all {
			switch w := &all[i]; {
			case f.number != nil:
				*f.number(w) = c.Numbers[i]
			case f.whole != nil:
				if v := c.Numbers[i]; !math.IsNaN(v) {
					*f.whole(w) = int64(v)
				}
			case f.text != nil:
				*f.text(w) = c.Texts[i]
			case c.Texts[i] != "":
				if err := json.Unmarshal([]byte(c.Texts[i]), f.list(w)); err != nil {
					return nil, fmt.Errorf("the %s of account %q: %w", f.name, w.Account, err)
				}
			}
		}
	}
	return all, nil
}

// Worths implements serving.Runs. Parts arrive as the engine cuts them and
// belong to the receiver. A run that tells nothing of worth has none.
func (s *Runs) Worths(ctx context.Context, r serving.Run, accounts []frame.AccountID, each func([]score.Worth) error) error {
	return s.readWorths(ctx, "worths.sql", r, accounts, func(t *frame.Table) error {
		worths, err := worthsOf(t)
		if err != nil {
			return err
		}
		return each(worths)
	})
}

// Briefs implements serving.Runs. It reads none of the lists, which are nearly all
// of what is kept of a worth.
func (s *Runs) Briefs(ctx context.Context, r serving.Run, each func([]serving.Brief) error) error {
	return s.readWorths(ctx, "briefs.sql", r, nil, func(t *frame.Table) error {
		all := make([]serving.Brief, t.Rows())
		account, tier, verdict := t.Column("account").Texts, t.Column("tier").Texts, t.Column("verdict").Texts
		points, value := t.Column("loyalty").Numbers, t.Column("lifetime_value").Numbers
		share, potential, story := t.Column("wallet_share").Numbers, t.Column("wallet_potential").Numbers, t.Column("loyalty_story").Texts
		for i := range all {
			all[i] = serving.Brief{
				Account: frame.AccountID(account[i]), Loyalty: points[i], LifetimeValue: value[i], WalletShare: share[i], Potential: potential[i],
				Tier: loyalty.Tier(tier[i]), Verdict: loyalty.Verdict(verdict[i]), Story: story[i],
			}
		}
		return each(all)
	})
}

// readWorths reads worths; none is an error only when the run was dropped.
func (s *Runs) readWorths(ctx context.Context, file string, r serving.Run, accounts []frame.AccountID, each func(*frame.Table) error) error {
	read, err := s.read(ctx, file, r, accounts, each)
	if err != nil || read > 0 {
		return err
	}
	// Nothing: the run was dropped, or has none of the names, or tells nothing.
	_, err = s.Run(ctx, r.ID)
	return err
}

// read asks for the rows of a run, of all accounts or of those named, and
// returns how many there were.
func (s *Runs) read(ctx context.Context, file string, r serving.Run, accounts []frame.AccountID, each func(*frame.Table) error) (int64, error) {
	var read int64
	for _, part := range namedParts(accounts) {
		var refused error
		err := s.engine.Query(ctx, runStatement(file), clickhouse.Params{"run": r.ID, "accounts": part}, func(t *frame.Table) error {
			if t.Rows() == 0 {
				return nil
			}
			read += int64(t.Rows())
			refused = each(t)
			return refused
		})
		if refused != nil {
			return read, refused
		}
		if err != nil {
			return read, fmt.Errorf("read run %q: %w", r.ID, err)
		}
	}
	return read, nil
}
