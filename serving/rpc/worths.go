package rpc

import (
	"context"
	"errors"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// worths is the Worths service: four views of one answer, and the base's growth.
type worths struct {
	fealtyv1.UnsafeWorthsServer
	answers serving.Answers
	// declare takes declarations of wallets; nil takes none. keyName is the name of a
	// key by its id.
	declare func(context.Context, serving.DeclareRequest) (serving.DeclareResult, error)
	keyName func(ctx context.Context, id string) (string, error)
}

// author is the name of a key, "" where keys have none.
func (w *worths) author(ctx context.Context, id string) (string, error) {
	if w.keyName == nil {
		return "", nil
	}
	return w.keyName(ctx, id)
}

// of returns what the account that a request names is worth.
func (w *worths) of(ctx context.Context, r interface {
	GetAccount() string
	GetGroups() bool
},
) (*serving.WorthAnswer, error) {
	a, err := of(w.answers, r).Worth(ctx, frame.AccountID(r.GetAccount()))
	if errors.Is(err, serving.ErrNoWorth) {
		return nil, refuse(err, "the run tells nothing of what this account is worth")
	}
	return &a, err
}

func (w *worths) GetValue(ctx context.Context, r *fealtyv1.GetValueRequest) (*fealtyv1.Value, error) {
	a, err := w.of(ctx, r)
	if err != nil {
		return nil, err
	}
	l, p := &a.Lifetime, &a.Place
	v := &fealtyv1.Value{
		Account: text(string(a.Account)), Currency: text(a.Currency), HorizonDays: *count(a.HorizonDays),
		Alive: number(l.Alive), NoPurchase: number(l.NoPurchase), Purchases: number(l.Purchases), Spend: number(l.Spend), SpendBy: present(a.SpendBy),
		LifetimeValue: number(l.Value), LifetimeLow: number(l.Low), LifetimeHigh: number(l.High), LifetimeModel: text(l.Model),
		ValueBy: present(a.ValueBy), LifetimeWhy: present(a.LifetimeWhy),
		CommercialValue: number(p.Value), ExistingValue: number(p.Existing), PotentialValue: number(p.Potential),
		InfluenceValue: number(p.Influence), LearningValue: number(p.Learning),
		Tier: termOf(a.Tier), Level: termOf(a.Level), Rfm: termOf(a.Cell), Verdict: termOf(a.Verdict), Breaches: termsOf(a.Breaches), Origin: originOf(a),
	}
	for _, g := range a.Because {
		v.Because = append(v.Because, &fealtyv1.Ground{Term: termOf(g.Term), Value: figure(g.Value), Figures: map[string]float64{}})
	}
	for i, g := range p.Because {
		for name, f := range g.Figures {
			v.Because[i].Figures[name] = float64(f)
		}
	}
	for i, part := range p.Parts {
		v.Parts = append(v.Parts, &fealtyv1.ValuePart{Term: termOf(a.Parts[i]), Value: float64(part.Value), Of: string(loyalty.PartCode(part.Code).Of())})
	}
	for i := range a.Untold {
		u := &a.Untold[i]
		v.Untold = append(v.Untold, &fealtyv1.UntoldPart{Of: text(u.Of), Why: termOf(serving.Term{Code: u.Why, EN: u.EN, ZH: u.ZH})})
	}
	for i, b := range p.Breaches {
		v.PolicyBreaches = append(v.PolicyBreaches, &fealtyv1.Breach{Term: termOf(a.Breaches[i]), Actual: figure(b.Actual), Bound: figure(b.Bound)})
	}
	return v, nil
}

func (w *worths) GetWallet(ctx context.Context, r *fealtyv1.GetWalletRequest) (*fealtyv1.Wallet, error) {
	a, err := w.of(ctx, r)
	if err != nil {
		return nil, err
	}
	m := &fealtyv1.Wallet{Account: text(string(a.Account)), Currency: text(a.Currency), Total: shareOf(&a.Wallet), Origin: originOf(a)}
	for i := range a.Wallets {
		m.Categories = append(m.Categories, shareOf(&a.Wallets[i]))
	}
	return m, nil
}

// DeclareWallet declares in the name of the key: without one nobody would stand for
// what is said. What the account spends, and the notes, which compare with it, are
// told only to a key that may read.
func (w *worths) DeclareWallet(ctx context.Context, r *fealtyv1.DeclareWalletRequest) (*fealtyv1.DeclareWalletResponse, error) {
	who, _ := ctx.Value(principalKey{}).(principal)
	author, err := w.author(ctx, who.id)
	if err != nil {
		return nil, err
	}
	if author == "" || w.declare == nil {
		return nil, refuse(serving.ErrDenied, "a declaration bears the name of its key, and is taken only from who has one")
	}
	d, err := w.declare(ctx, serving.DeclareRequest{
		Account: r.GetAccount(), Category: r.GetCategory(), Amount: r.Amount, Rank: int(r.GetRank()), Suppliers: int(r.GetSuppliers()),
		Period: r.GetPeriod(), Author: author, New: r.GetNewCategory(),
	})
	if err != nil {
		return nil, err
	}
	m := &fealtyv1.DeclareWalletResponse{Author: text(author), Period: text(d.Period), RecordedAt: instant(d.Recorded), AlreadyDeclared: d.Already}
	if !slices.Contains(who.scopes, ScopeRead) {
		return m, nil
	}
	m.Spend = figure(d.Spend)
	for _, note := range d.Notes {
		m.Notes = append(m.Notes, &fealtyv1.Text{En: text(note.EN), Zh: text(note.ZH)})
	}
	return m, nil
}

func (w *worths) GetRecommendations(ctx context.Context, r *fealtyv1.GetRecommendationsRequest) (*fealtyv1.Recommendations, error) {
	a, err := w.of(ctx, r)
	if err != nil {
		return nil, err
	}
	m := &fealtyv1.Recommendations{Account: text(string(a.Account)), Currency: text(a.Currency), HorizonDays: *count(a.HorizonDays), Origin: originOf(a), Why: present(a.NothingNext)}
	for i := range a.Recommendations {
		one := &a.Recommendations[i]
		m.Recommendations = append(m.Recommendations, &fealtyv1.Recommendation{
			Kind: termOf(one.Kind), Product: text(one.Item), ProductName: text(one.Name), Category: text(one.Category), Probability: figure(one.Probability), Amount: figure(one.Amount),
			WalletShare: figure(one.WalletShare), WalletGap: figure(one.WalletGap), Reason: termOf(one.Reason),
		})
	}
	return m, nil
}

func (w *worths) GetLoyalty(ctx context.Context, r *fealtyv1.GetLoyaltyRequest) (*fealtyv1.Loyalty, error) {
	a, err := w.of(ctx, r)
	if err != nil {
		return nil, err
	}
	l := &a.Loyalty
	m := &fealtyv1.Loyalty{
		Account: text(string(a.Account)), Score: number(l.Score), Uncapped: number(l.Uncapped), Cap: present(a.Cap),
		Satisfaction: number(l.Satisfaction), ResponseRate: number(l.ResponseRate), Origin: originOf(a),
		Profile: present(a.Profile), Why: present(a.Why), Story: present(a.Story), Attitudes: attitudesOf(a),
	}
	if l.Children > 0 {
		m.Children = count(int(l.Children))
	}
	for i := range a.Indicators {
		k := &a.Indicators[i]
		m.Indicators = append(m.Indicators, indicatorOf(k))
	}
	return m, nil
}

func indicatorOf(k *serving.SaidIndicator) *fealtyv1.Indicator {
	m := &fealtyv1.Indicator{
		Term: termOf(k.Name), Value: figure(k.Value), Why: present(k.Why), Weight: figure(k.Weight), Used: figure(k.Used),
		Author: text(k.Author), Comment: text(k.Comment), At: entered(k.At), Group: present(k.Group),
	}
	if k.EN != "" {
		m.Sentence = &fealtyv1.Text{En: text(k.EN), Zh: text(k.ZH)}
	}
	if len(k.Figures) > 0 {
		m.Figures = make(map[string]float64, len(k.Figures))
	}
	for name, v := range k.Figures {
		m.Figures[text(name)] = float64(v)
	}
	return m
}

func attitudesOf(a *serving.WorthAnswer) []*fealtyv1.Attitude {
	out := make([]*fealtyv1.Attitude, len(a.Attitudes))
	for i := range a.Attitudes {
		k := &a.Attitudes[i]
		out[i] = &fealtyv1.Attitude{
			Term: termOf(k.Name), Value: figure(k.Value), Why: present(k.Why), Basis: present(k.Basis), Sentence: &fealtyv1.Text{En: text(k.EN), Zh: text(k.ZH)},
		}
	}
	return out
}

// entered is when a person entered something, absent when nobody did.
func entered(at int64) *timestamppb.Timestamp {
	if at == 0 {
		return nil
	}
	return instant(at)
}

func (w *worths) GetGrowth(ctx context.Context, r *fealtyv1.GetGrowthRequest) (*fealtyv1.Growth, error) {
	g, err := w.answers.Growth(ctx, serving.GrowthRequest{From: r.GetFrom(), To: r.GetTo(), By: r.GetBy(), Every: r.GetEvery()})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// Of a large base the two ends of a period take a while to look at.
		return nil, refuse(ctx.Err(), "growth of this base takes longer than a call may; ask for fewer steps, or on the command line, where it may take its time: fealty growth")
	}
	if err != nil {
		return nil, err
	}
	return &fealtyv1.Growth{
		From: text(g.From), To: text(g.To), By: text(g.By), ActiveWithinDays: count(g.ActiveWithinDays), Base: periodsOf(g.Base), Parts: periodsOf(g.Rows),
		Ends: endsOf(g.Ends),
	}, nil
}

func endsOf(ends []serving.GrowthEnd) []*fealtyv1.GrowthEnd {
	out := make([]*fealtyv1.GrowthEnd, len(ends))
	for i := range ends {
		e := &ends[i]
		out[i] = &fealtyv1.GrowthEnd{At: text(e.At), Run: text(e.Run), Cutoff: text(e.Cutoff)}
		if e.EN != "" {
			out[i].Why = &fealtyv1.Text{En: text(e.EN), Zh: text(e.ZH)}
		}
	}
	return out
}

// walletsOf are wallets at an end of a period, nil where they are not measured.
func walletsOf(w *serving.GrowthWallets) *fealtyv1.GrowthWallets {
	if w == nil {
		return nil
	}
	return &fealtyv1.GrowthWallets{Share: figure(w.Share), Known: count(w.Known), Estimated: count(w.Estimated), Unknown: count(w.Unknown)}
}

func periodsOf(rows []serving.GrowthRow) []*fealtyv1.GrowthPeriod {
	out := make([]*fealtyv1.GrowthPeriod, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = &fealtyv1.GrowthPeriod{
			From: text(r.From), To: text(r.To), Key: text(r.Key), Before: count(r.Before), After: count(r.After), New: count(r.New), WonBack: count(r.WonBack),
			MovedIn: count(r.MovedIn), MovedOut: count(r.MovedOut), Retained: count(r.Retained), Lost: count(r.Lost), RetentionRate: figure(r.RetentionRate),
			DurationBeforeDays: figure(r.DurationBefore), DurationAfterDays: figure(r.DurationAfter), CategoriesBefore: figure(r.CategoriesBefore),
			CategoriesAfter: figure(r.CategoriesAfter), ShareBefore: figure(r.ShareBefore), ShareAfter: figure(r.ShareAfter),
			NewGone: count(r.NewGone), WonBackGone: count(r.WonBackGone),
			AccountsWithShareBefore: count(r.SharedBefore), AccountsWithShareAfter: count(r.SharedAfter),
			WalletsBefore: walletsOf(r.WalletsBefore), WalletsAfter: walletsOf(r.WalletsAfter),
		}
		for k := range min(len(r.EN), len(r.ZH)) {
			out[i].Sentences = append(out[i].Sentences, &fealtyv1.Text{En: text(r.EN[k]), Zh: text(r.ZH[k])})
		}
	}
	return out
}

// worthsThroughChain is the service as the gateway calls it.
type worthsThroughChain struct {
	fealtyv1.UnsafeWorthsServer
	chain *chain
	to    *worths
}

func (t *worthsThroughChain) GetValue(ctx context.Context, r *fealtyv1.GetValueRequest) (*fealtyv1.Value, error) {
	return through(ctx, t.chain, fealtyv1.Worths_GetValue_FullMethodName, r, t.to.GetValue)
}

func (t *worthsThroughChain) GetWallet(ctx context.Context, r *fealtyv1.GetWalletRequest) (*fealtyv1.Wallet, error) {
	return through(ctx, t.chain, fealtyv1.Worths_GetWallet_FullMethodName, r, t.to.GetWallet)
}

func (t *worthsThroughChain) DeclareWallet(ctx context.Context, r *fealtyv1.DeclareWalletRequest) (*fealtyv1.DeclareWalletResponse, error) {
	return through(ctx, t.chain, fealtyv1.Worths_DeclareWallet_FullMethodName, r, t.to.DeclareWallet)
}

func (t *worthsThroughChain) GetRecommendations(ctx context.Context, r *fealtyv1.GetRecommendationsRequest) (*fealtyv1.Recommendations, error) {
	return through(ctx, t.chain, fealtyv1.Worths_GetRecommendations_FullMethodName, r, t.to.GetRecommendations)
}

func (t *worthsThroughChain) GetLoyalty(ctx context.Context, r *fealtyv1.GetLoyaltyRequest) (*fealtyv1.Loyalty, error) {
	return through(ctx, t.chain, fealtyv1.Worths_GetLoyalty_FullMethodName, r, t.to.GetLoyalty)
}

func (t *worthsThroughChain) GetGrowth(ctx context.Context, r *fealtyv1.GetGrowthRequest) (*fealtyv1.Growth, error) {
	return through(ctx, t.chain, fealtyv1.Worths_GetGrowth_FullMethodName, r, t.to.GetGrowth)
}

func originOf(a *serving.WorthAnswer) *fealtyv1.Origin {
	opted := a.OptedOut
	return &fealtyv1.Origin{Run: text(a.Run), Receipt: receiptOf(&a.Receipt), Stale: text(a.Stale), Moved: movedOf(a.Moved), OptedOut: &opted}
}

func shareOf(w *serving.SaidWallet) *fealtyv1.WalletShare {
	return &fealtyv1.WalletShare{
		Width: figure(w.Width), Trend: figure(w.Trend), NoTrend: present(w.NoTrend), Author: text(w.Author), Period: text(w.Period),
		Category: text(w.Category), State: termOf(w.State), Wallet: figure(w.Amount), Low: figure(w.Low), High: figure(w.High), Spend: figure(w.Spend),
		Share: figure(w.Share), Potential: figure(w.Potential), Why: present(w.Why), Flags: termsOf(w.Flags),
	}
}

func termOf(t serving.Term) *fealtyv1.Term {
	return &fealtyv1.Term{Code: text(t.Code), Text: &fealtyv1.Text{En: text(t.EN), Zh: text(t.ZH)}}
}

// present is a term that is absent where there is no code.
func present(t serving.Term) *fealtyv1.Term {
	if t.Code == "" {
		return nil
	}
	return termOf(t)
}

func termsOf(all []serving.Term) []*fealtyv1.Term {
	out := make([]*fealtyv1.Term, len(all))
	for i := range all {
		out[i] = termOf(all[i])
	}
	return out
}

func figure(v model.Figure) *float64 { return number(float64(v)) }
