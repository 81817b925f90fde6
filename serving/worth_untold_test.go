package serving

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// What is not told of value and place is named with its reason, in a list, in its sums
// and in the answer about one account alike.
func TestWhatIsNotToldSaysWhy(t *testing.T) {
	nan := math.NaN()
	room := func(total float64, of ...score.Wallet) *score.Worth {
		return &score.Worth{
			Wallet: score.Wallet{Potential: model.Figure(total)}, Wallets: of,
			Place: score.Place{Value: 5, Existing: 5, Potential: nan, Influence: 0, Learning: nan, Tier: "vip", Verdict: "keep"},
		}
	}
	unplaced := func(existing float64) *score.Worth {
		return &score.Worth{Place: score.Place{Value: existing, Existing: existing, Learning: 1}}
	}
	guess := score.Wallet{Category: "tea", State: "estimated", Potential: 9, Flags: []string{"by_peers_only", "not_bought"}}
	learning := " learning=not_entered"
	var rows []ValueRow
	for i, of := range []struct {
		worth *score.Worth
		stage score.Stage
		want  string
	}{
		{room(nan), score.Active, "potential=no_wallet" + learning},
		{room(90), score.Active, "potential=no_category" + learning},
		{room(90, guess), score.Active, "potential=no_category" + learning},
		{room(90, guess, score.Wallet{Category: "coffee", State: "estimated", Potential: 9}), score.Active, "potential=no_propensity" + learning},
		{room(90, score.Wallet{Category: "tea", State: "known", Potential: 9, Flags: []string{"not_bought"}}), score.Active, "potential=no_propensity" + learning},
		{unplaced(5), score.Lapsed, "tier=gone verdict=gone"},
		{unplaced(nan), score.Lapsed, "existing=no_spend tier=gone verdict=gone"},
		{unplaced(nan), score.Active, "existing=no_spend tier=no_spend verdict=no_spend"},
		{(&told{crowd: &crowd{above: above{names: []frame.AccountID{"p"}}}, loyalty: &loyalty.Scores{Above: []loyalty.Mean{{}}}}).ofAbove(0), score.NeverBought, "existing=never_bought potential=never_bought influence=never_bought learning=never_bought tier=never_bought verdict=never_bought"},
	} {
		row := ValueRow{Stage: string(of.stage), Tier: of.worth.Place.Tier, Verdict: of.worth.Place.Verdict, Value: model.Figure(of.worth.Place.Value), Untold: untoldOf(of.worth)}
		many := row
		many.Untold = untoldOf(of.worth)
		rows = append(rows, many)
		row.stand(true)
		row.say()
		var got []string
		for _, u := range row.Untold {
			if got = append(got, u.Of+"="+u.Why); !strings.Contains(row.EN, u.EN) || !strings.Contains(row.ZH, u.ZH) || !strings.HasPrefix(u.EN, "No "+u.Of) || u.EN == u.ZH {
				t.Errorf("%+v in %s / %s", u, row.EN, row.ZH)
			}
		}
		if all := strings.Join(got, " "); all != of.want {
			t.Errorf("row %d: %s, want %s", i, all, of.want)
		}
		a := WorthAnswer{Worth: *of.worth}
		a.say(nil, of.stage, nil)
		if fmt.Sprint(a.Untold) != fmt.Sprint(row.Untold) {
			t.Errorf("row %d: the answer about one account says %v", i, a.Untold)
		}
		if u := row.untold(ofTier); u != nil && (a.Tier != Term{"", u.EN, u.ZH} || a.Verdict != Term{"", row.untold(ofVerdict).EN, row.untold(ofVerdict).ZH}) {
			t.Errorf("row %d: tier %+v, verdict %+v", i, a.Tier, a.Verdict)
		}
	}
	var r ValueResult
	for i := range rows {
		if rows[i].stand(false); rows[i].untold(string(loyalty.Learning)) != nil {
			t.Errorf("a row of many tells %+v", rows[i].Untold)
		}
	}
	r.sum(rows)
	said := ""
	for _, of := range r.Tiers {
		said += fmt.Sprintf("%s%s %d %s; ", of.Tier, of.Why, of.Accounts, of.ZH)
	}
	for _, of := range r.Verdicts {
		said += fmt.Sprintf("%s%s %d %s; ", of.Verdict, of.Why, of.Accounts, of.EN)
	}
	if want := "vip 5 VIP客户; no_spend 1 未分级：近365天消费额未知; keep 5 Keep; gone 2 No verdict: it is already gone; " +
		"never_bought 1 No verdict: it has never bought; no_spend 1 No verdict: its spend of the last 365 days is not known; "; said != want {
		t.Errorf("together %s", said)
	}
}
