package serving

import (
	"math"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
)

// What accounts cost, bring beside and bought before is planted, and found in what is
// told of them: a lasting loss in the review list, the margin of who was referred at
// whom referred it, units in the ranking by volume, the gone in their own list.
func TestWhatValueIsMadeOf(t *testing.T) {
	s, facts, _ := settled(t, 80)
	run, err := s.Runs.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := CutoffText(run.Cutoff, s.Settings.Location())
	anew := WorthRequest{Cutoff: at}
	before, err := s.ValuesOf(t.Context(), ValueRequest{WorthRequest: anew}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var buying []ValueRow
	gone, costed := "", ""
	for _, row := range before.Rows {
		switch {
		case row.Stage != "lapsed":
			buying = append(buying, row)
		case row.Tier != "" || row.Verdict != "":
			t.Errorf("%s is gone and stands as %s, %s", row.Account, row.Tier, row.Verdict)
		default:
			gone, costed = row.Account, gone
		}
	}
	counted := 0
	for _, tier := range before.Tiers {
		if counted += tier.Accounts; tier.Policy == nil || tier.PolicyEN == "" {
			t.Errorf("tier %+v has no policy", tier)
		}
	}
	if costed == "" || before.Gone == 0 || counted+before.Gone != len(before.Rows) || before.Assumed != len(before.Rows) || before.ValueRate != 1 {
		t.Fatalf("%d in tiers, %d gone, %d assumed at %v of %d", counted, before.Gone, before.Assumed, before.ValueRate, len(before.Rows))
	}
	loser, cheap, referrer, referred, fresh := buying[0].Account, buying[1].Account, buying[2].Account, buying[3].Account, buying[4].Account
	nan := math.NaN()
	for account, h := range map[string]features.Holding{
		loser: {First: 1, SpendLastYear: 1000, MarginLastYear: -.25, Units365: 7}, cheap: {First: 1, SpendLastYear: 1000, MarginLastYear: .9, Units365: nan},
		fresh:    {First: int64(run.Cutoff) - 300*secondsPerDay, MarginLastYear: nan, Units365: nan},
		referred: {First: 1000 + secondsPerDay, MarginLastYear: nan, Units365: 9},
		costed:   {First: 1, MarginLastYear: nan, MarginEver: .3, Units365: nan},
	} {
		if account != costed {
			h.MarginEver = nan
		}
		h.Account, h.Cutoff, h.Key, h.Category, h.Orders = frame.AccountID(account), run.Cutoff, "everything", "everything", 1
		facts.holdings = append(facts.holdings, h)
	}
	// All are served at a loss this year; one earned in the year before, one was then
	// courted and yet to buy.
	facts.upkeeps = []features.Upkeep{
		{Account: frame.AccountID(loser), Cutoff: run.Cutoff, Contacts: 5, Costed: 4, Cost: 1e6, ContactsLastYear: 5, CostedLastYear: 3, CostLastYear: 1e6},
		{Account: frame.AccountID(cheap), Cutoff: run.Cutoff, Contacts: 3, Costed: 3, Cost: 1e6, ContactsLastYear: 1, CostedLastYear: 1, CostLastYear: 899},
		{Account: frame.AccountID(fresh), Cutoff: run.Cutoff, Contacts: 3, Costed: 3, Cost: 1e6, ContactsLastYear: 2, CostedLastYear: 2, CostLastYear: 50},
	}
	for _, of := range []string{referred, "nobody", loser} { // the last bought before
		facts.referrals = append(facts.referrals, features.Referral{Account: frame.AccountID(referrer), Cutoff: run.Cutoff, Referred: frame.AccountID(of), At: 1000 + secondsPerDay})
	}
	review, err := s.ValuesOf(t.Context(), ValueRequest{WorthRequest: anew, Verdict: "review"}, nil)
	if err != nil || len(review.Rows) != 1 || review.Rows[0].Account != loser {
		t.Fatalf("to be reviewed: %+v (%v)", review.Rows, err)
	}
	if g := review.Rows[0].Because; len(g) != 1 || g[0].Code != "lasting_loss" || g[0].Figures["net_value_before"] != -250 || !strings.Contains(review.Rows[0].ZH, "-250.00") {
		t.Errorf("because %+v, %s", g, review.Rows[0].ZH)
	}
	if len(review.Verdicts) < 2 || review.Accounts != len(before.Rows) {
		t.Errorf("with a filter the sums are of %d accounts: %+v", review.Accounts, review.Verdicts)
	}
	anew.Accounts = []string{loser, cheap, referrer}
	three, err := s.ValuesOf(t.Context(), ValueRequest{WorthRequest: anew}, nil)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]map[string]float64{}
	for _, row := range three.Rows {
		parts[row.Account] = map[string]float64{"influence": float64(row.Influence)}
		for _, p := range row.Parts {
			if parts[row.Account][p.Code] = float64(p.Value); p.EN == "" || p.ZH == "" || p.Of == "" {
				t.Errorf("part %+v of %s", p, row.Account)
			}
		}
	}
	if p := parts[loser]; p["service_cost"] != 1e6 || p["margin_rate"] != 1 || p["influence"] != 0 {
		t.Errorf("%s is made of %v", loser, p)
	}
	if p := parts[referrer]; p["referred_accounts"] != 1 || p["referred_margin"] != float64(buying[3].Existing) || p["influence"] != p["referred_margin"] || p["service_cost"] != 0 {
		t.Errorf("%s is made of %v, and referred %+v", referrer, p, buying[3])
	}
	if _, err := s.ValuesOf(t.Context(), ValueRequest{Verdict: "shed"}, nil); KindOf(err) != Invalid {
		t.Errorf("an unknown verdict: %v", err)
	}
	broken, err := s.ValuesOf(t.Context(), ValueRequest{WorthRequest: WorthRequest{Cutoff: at}, Breached: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range broken.Rows {
		if len(row.Breaches) == 0 {
			t.Errorf("%s breaks nothing and is shown", row.Account)
		}
	}
	facts.standings = map[frame.AccountID]features.Standing{frame.AccountID(gone): {OptedOut: true}, frame.AccountID(loser): {OptedOut: true}}
	best, err := s.Best(t.Context(), BestRequest{WorthRequest: WorthRequest{Cutoff: at}, By: "volume", Share: 1}, nil)
	if err != nil || best.Column != "quantity_365d" || best.Of != 2 || len(best.Rows) != 2 || best.Rows[0].Account != referred || best.Rows[0].OptedOut || !best.Rows[1].OptedOut {
		t.Errorf("by volume %+v (%v)", best, err)
	}
	back, err := s.WinBacks(t.Context(), WorthRequest{Cutoff: at}, nil)
	if err != nil || back.OptedOut != 1 || len(back.Rows) != before.Gone-1 {
		t.Fatalf("%d to win back of %d gone, %d opted out (%v)", len(back.Rows), before.Gone, back.OptedOut, err)
	}
	for _, row := range back.Rows {
		if row.Account == gone {
			t.Errorf("%s may not be called and is listed", gone)
		}
		by, margin := "margin_rate", 1.0
		if row.Account == costed {
			by, margin = "margin_share_ever", .3
		}
		if row.MarginBy != by || float64(row.Margin) != margin {
			t.Errorf("%s is told by %s, %v", row.Account, row.MarginBy, row.Margin)
		}
	}
	lives, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Cutoff: at, Accounts: []string{costed}}}, nil)
	if err != nil || len(lives.Rows) != 1 || lives.Rows[0].MarginBy != "margin_share_ever" || !strings.Contains(lives.Rows[0].EN, "by its own margin over its whole history") {
		t.Errorf("the lifetime of %s is %+v (%v)", costed, lives.Rows, err)
	}
	// The rate is counted of all that are gone, also where one is shown; the older costs are none of it.
	back, err = s.WinBacks(t.Context(), WorthRequest{Cutoff: at, Limit: 1}, nil)
	if err != nil || len(back.Rows) != 1 || back.Assumed != before.Gone-2 || back.ValueRate != 1 {
		t.Errorf("%d of %d gone by the rate %v (%v)", back.Assumed, before.Gone, back.ValueRate, err)
	}
}

func TestCellsAreSummed(t *testing.T) {
	nan := math.NaN()
	rows := []ValueRow{
		{Cell: "5-4-3", Value: 10, risk: .2}, {Cell: "1-1-1", Value: 3, risk: nan, Stage: "lapsed"}, {Cell: "5-4-3", Value: model.Figure(nan), risk: .4},
		{Cell: "", Value: 7, risk: .9},
	}
	var r ValueResult
	r.addCells(rows)
	if len(r.Cells) != 2 || r.Cells[0].Cell != "5-4-3" || r.Cells[0].Accounts != 2 || r.Cells[0].Value != 10 || math.Abs(float64(r.Cells[0].Risk)-.3) > 1e-12 ||
		r.Cells[1].Accounts != 1 || !math.IsNaN(float64(r.Cells[1].Risk)) || r.Cells[0].EN == "" || r.Cells[0].ZH == "" {
		t.Errorf("%+v", r.Cells)
	}
}
