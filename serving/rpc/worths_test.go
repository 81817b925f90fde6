package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// worthOf is what the fakes tell; what is NaN is not known.
func worthOf(a frame.AccountID) serving.WorthAnswer {
	nan := math.NaN()
	none := model.Figure(nan)
	term := func(code string) serving.Term {
		return serving.Term{Code: code, EN: code + " in words", ZH: code + "的说明"}
	}
	w := serving.WorthAnswer{
		Run: "run-1", Currency: "GBP", HorizonDays: 90, Receipt: score.Receipt{Model: "m1", Cutoff: 1_315_612_800, KnownAt: 1_315_612_800, Watermark: 7},
		SpendBy: term("lifetime"), Tier: term("vip"), Level: serving.Term{EN: "not known", ZH: "未知"}, Cell: term("5-4-3"), Verdict: term("keep"),
		Because: []serving.SaidGround{{Term: term("earns"), Value: 900}}, Breaches: []serving.Term{term("pays_late")},
		Wallet:  serving.SaidWallet{Wallet: score.Wallet{Amount: none, Low: none, High: none, Spend: 0, Share: none, Potential: none, Width: none, Trend: none}, State: term("unknown"), NoTrend: term("first_year")},
		Wallets: []serving.SaidWallet{{Wallet: score.Wallet{Category: "tea", Amount: 200, Low: 150, High: 400, Spend: 50, Share: .25, Potential: 150, Width: 2.5, Trend: -.125, Author: "Li Wei"}, Period: "2026-01-01", State: term("estimated"), Why: term("peers"), Flags: []serving.Term{term("stale")}}},
		Recommendations: []serving.SaidRecommendation{{
			Recommendation: score.Recommendation{Item: "T-1", Name: "Fine tea", Category: "tea", Probability: .5, Amount: none}, Kind: term("new"), Reason: term("together"), WalletShare: 0, WalletGap: 150,
		}},
		Cap: term("open_complaint"), Untold: []serving.Untold{{Of: "learning", Why: "not_entered", EN: "not_entered in words", ZH: "not_entered的说明"}},
		Indicators: []serving.SaidIndicator{
			{Indicator: score.Indicator{Value: 0, Weight: 60, Used: 100, Figures: map[string]model.Figure{"active_month_share": .05}}, Name: term("repeat_purchase"), Group: term("basic"), EN: "of 100", ZH: "满分100"},
			{Indicator: score.Indicator{Value: none, Weight: 40}, Name: term("tolerance"), Why: term("nothing_failed")},
		},
	}
	w.Account = a
	if w.ValueBy = term("plain_mean"); a == "old" {
		w.SpendBy, w.ValueBy, w.LifetimeWhy = serving.Term{}, serving.Term{}, term("no_history")
		w.Recommendations, w.NothingNext = nil, term("nothing_eligible")
	}
	w.Lifetime = score.Lifetime{Alive: .9, NoPurchase: .2, Purchases: 3.5, Spend: 350, Value: 1200, Low: 700, High: 1900, Model: "mbgnbd, all accounts"}
	w.Place = score.Place{Value: 950, Existing: 900, Potential: 50, Influence: nan, Learning: nan}
	w.Loyalty = score.Loyalty{Score: 60, Uncapped: 75, Satisfaction: nan, ResponseRate: .5}
	return w
}

// The four answers over REST, as a reader of the OpenAPI file would expect them.
func TestWorthAsJSON(t *testing.T) {
	v := serve(t, nil)
	origin := `{"run": "run-1", "receipt": {"model": "m1", "cutoff": "2011-09-10T00:00:00Z", "knownAt": "2011-09-10T00:00:00Z", "watermark": "7"}, "optedOut": false}`
	said := func(code string) string {
		return fmt.Sprintf(`{"code": %q, "text": {"en": "%s in words", "zh": "%s的说明"}}`, code, code, code)
	}
	for path, want := range map[string]string{
		"/v1/values/a%2Fb": `{"account": "a/b", "currency": "GBP", "horizonDays": 90, "alive": 0.9, "noPurchase": 0.2, "purchases": 3.5, "spend": 350,
			"spendBy": ` + said("lifetime") + `, "lifetimeValue": 1200, "lifetimeLow": 700, "lifetimeHigh": 1900, "lifetimeModel": "mbgnbd, all accounts", "valueBy": ` + said("plain_mean") + `,
			"commercialValue": 950, "existingValue": 900, "potentialValue": 50, "tier": ` + said("vip") + `, "level": {"text": {"en": "not known", "zh": "未知"}},
			"rfm": ` + said("5-4-3") + `, "verdict": ` + said("keep") + `, "because": [{"term": ` + said("earns") + `, "value": 900}], "breaches": [` + said("pays_late") + `],
			"untold": [{"of": "learning", "why": ` + said("not_entered") + `}], "origin": ` + origin + `}`,
		// Nothing is told in place of what is not: no term without a code, and the reason.
		"/v1/values/old": `{"account": "old", "currency": "GBP", "horizonDays": 90, "alive": 0.9, "noPurchase": 0.2, "purchases": 3.5, "spend": 350,
			"lifetimeWhy": ` + said("no_history") + `, "lifetimeValue": 1200, "lifetimeLow": 700, "lifetimeHigh": 1900, "lifetimeModel": "mbgnbd, all accounts",
			"commercialValue": 950, "existingValue": 900, "potentialValue": 50, "tier": ` + said("vip") + `, "level": {"text": {"en": "not known", "zh": "未知"}},
			"rfm": ` + said("5-4-3") + `, "verdict": ` + said("keep") + `, "because": [{"term": ` + said("earns") + `, "value": 900}], "breaches": [` + said("pays_late") + `],
			"untold": [{"of": "learning", "why": ` + said("not_entered") + `}], "origin": ` + origin + `}`,
		"/v1/wallets/a%2Fb": `{"account": "a/b", "currency": "GBP", "total": {"state": ` + said("unknown") + `, "spend": 0, "noTrend": ` + said("first_year") + `}, "categories": [{
			"category": "tea", "state": ` + said("estimated") + `, "wallet": 200, "low": 150, "high": 400, "spend": 50, "share": 0.25, "potential": 150, "width": 2.5, "trend": -0.125, "author": "Li Wei", "period": "2026-01-01",
			"why": ` + said("peers") + `, "flags": [` + said("stale") + `]}], "origin": ` + origin + `}`,
		"/v1/recommendations/a%2Fb": `{"account": "a/b", "currency": "GBP", "horizonDays": 90, "recommendations": [{
			"kind": ` + said("new") + `, "product": "T-1", "productName": "Fine tea", "category": "tea", "probability": 0.5, "walletShare": 0, "walletGap": 150, "reason": ` + said("together") + `}], "origin": ` + origin + `}`,
		"/v1/recommendations/old": `{"account": "old", "currency": "GBP", "horizonDays": 90, "why": ` + said("nothing_eligible") + `, "origin": ` + origin + `}`,
		"/v1/loyalty/a%2Fb": `{"account": "a/b", "score": 60, "uncapped": 75, "cap": ` + said("open_complaint") + `, "indicators": [
			{"term": ` + said("repeat_purchase") + `, "value": 0, "weight": 60, "used": 100, "group": ` + said("basic") + `,
				"sentence": {"en": "of 100", "zh": "满分100"}, "figures": {"active_month_share": 0.05}},
			{"term": ` + said("tolerance") + `, "why": ` + said("nothing_failed") + `, "weight": 40, "used": 0}], "responseRate": 0.5, "origin": ` + origin + `}`,
	} {
		code, body, _ := v.rest(t, http.MethodGet, path, readerKey, "")
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, body)
		}
		if d := cmp.Diff(decode(t, want), decode(t, body)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

// Growth passes its four words on, and zeros are told.
func TestGrowthAsJSON(t *testing.T) {
	v := serve(t, nil)
	var asked serving.GrowthRequest
	gone := make(chan struct{})
	nan := model.Figure(math.NaN())
	v.answers.grow = func(r serving.GrowthRequest) (serving.GrowthResult, error) {
		asked = r
		if r.By == "colour" {
			return serving.GrowthResult{}, fmt.Errorf("growth by %q: need region: %w", r.By, serving.ErrInvalid)
		}
		row := serving.GrowthRow{
			From: "2026-01-31", To: "2026-02-28", Before: 10, After: 12, New: 3, WonBack: 1, NewGone: 4, SharedAfter: 5, Retained: 8, Lost: 2, RetentionRate: .8, DurationBefore: 100,
			DurationAfter: 110, CategoriesBefore: 2, CategoriesAfter: 2.5, ShareBefore: nan, ShareAfter: nan, EN: []string{"wider"}, ZH: []string{"更广"},
			WalletsAfter: &serving.GrowthWallets{Share: .25, Known: 1, Estimated: 7},
		}
		if r.By == "slow" {
			<-gone
			return serving.GrowthResult{}, fmt.Errorf("ask: %w", context.DeadlineExceeded)
		}
		part := row
		part.Key, part.EN, part.ZH = "north", nil, nil
		return serving.GrowthResult{From: "2026-01-31", To: "2026-02-28", By: r.By, ActiveWithinDays: 180, Base: []serving.GrowthRow{row}, Rows: []serving.GrowthRow{part},
			Ends: []serving.GrowthEnd{{At: "2026-01-31", EN: "no run", ZH: "没有运行"}, {At: "2026-02-28", Run: "r", Cutoff: "2026-02-27"}}}, nil
	}
	code, body, _ := v.rest(t, http.MethodGet, "/v1/growth?from=2026-01-31&to=2026-02-28&by=region&every=month", fullKey, "")
	if want := (serving.GrowthRequest{From: "2026-01-31", To: "2026-02-28", By: "region", Every: "month"}); code != http.StatusOK || asked != want {
		t.Fatalf("%d %s, asked %+v", code, body, asked)
	}
	figures := `"from": "2026-01-31", "to": "2026-02-28", "before": 10, "after": 12, "new": 3, "wonBack": 1, "movedIn": 0, "movedOut": 0, "retained": 8, "lost": 2,
		"retentionRate": 0.8, "durationBeforeDays": 100, "durationAfterDays": 110, "categoriesBefore": 2, "categoriesAfter": 2.5,
		"newGone": 4, "wonBackGone": 0, "accountsWithShareBefore": 0, "accountsWithShareAfter": 5,
		"walletsAfter": {"share": 0.25, "known": 1, "estimated": 7, "unknown": 0}`
	want := `{"from": "2026-01-31", "to": "2026-02-28", "by": "region", "activeWithinDays": 180, "base": [{` + figures + `, "sentences": [{"en": "wider", "zh": "更广"}]}],
		"parts": [{"key": "north", ` + figures + `}],
		"ends": [{"at": "2026-01-31", "why": {"en": "no run", "zh": "没有运行"}}, {"at": "2026-02-28", "run": "r", "cutoff": "2026-02-27"}]}`
	if d := cmp.Diff(decode(t, want), decode(t, body)); d != "" {
		t.Error(d)
	}
	long := strings.Repeat("x", 101)
	for query, words := range map[string]string{
		"by=colour": `growth by \"colour\": need region`, "from=" + long: "from: has 101 bytes", "to=" + long: "to: has 101 bytes", "every=%ff": "", "of=region": `\"of\" is unknown`,
	} {
		if code, body, _ := v.rest(t, http.MethodGet, "/v1/growth?"+query, fullKey, ""); code != http.StatusBadRequest || !strings.Contains(body, words) {
			t.Errorf("%s: %d %s, want %q", query, code, body, words)
		}
	}
	// What takes too long names the way out.
	time.AfterFunc(60*time.Millisecond, func() { close(gone) })
	if code, body, _ := v.rest(t, http.MethodGet, "/v1/growth?by=slow", fullKey, "", "Grpc-Timeout", "20m"); code != http.StatusGatewayTimeout || !strings.Contains(body, "fealty growth") {
		t.Errorf("a growth that takes too long: %d %s", code, body)
	}
	if code, body, _ := v.rest(t, http.MethodGet, "/v1/growth", readerKey, ""); code != http.StatusForbidden {
		t.Errorf("with a key that may only read: %d %s", code, body)
	}
}

// A score shows its account's worth in brief; what is not known is absent.
func TestScoreShowsWorthInBrief(t *testing.T) {
	v := serve(t, nil)
	v.answers.get = func(_ context.Context, a frame.AccountID) (serving.Answer, error) {
		x := answerFor(a)
		x.Brief = &serving.Brief{Loyalty: 0, LifetimeValue: math.NaN(), WalletShare: .25, Potential: math.Inf(1), Tier: "vip"}
		return x, nil
	}
	_, body, _ := v.rest(t, http.MethodGet, "/v1/scores/A-1", readerKey, "")
	got := decode(t, body)
	if got["loyalty"] != json.Number("0") || got["walletShare"] != json.Number("0.25") || got["tier"] != "vip" {
		t.Errorf("got %s", body)
	}
	for _, absent := range []string{"lifetimeValue", "potential", "verdict"} {
		if _, there := got[absent]; there {
			t.Errorf("%s is %v", absent, got[absent])
		}
	}
}

// worthRuns are two runs as a warehouse would keep them: one published, one of groups.
type worthRuns struct {
	serving.Runs
	scores []score.Score
}

func (w *worthRuns) Latest(context.Context) (serving.Run, error) {
	return serving.Run{ID: "run-1", Kind: serving.KindScores, Cutoff: 86400, HorizonDays: 90, Currency: "GBP"}, nil
}

func (w *worthRuns) Newest(context.Context, string, frame.Cutoff) (serving.Run, error) {
	return serving.Run{ID: "groups", Kind: serving.KindScores, Purpose: serving.PurposeGroups, Cutoff: 86400}, nil
}

func (w *worthRuns) Scores(_ context.Context, r serving.Run, _ []frame.AccountID, each func([]score.Score) error) error {
	if r.ID == "groups" {
		return each([]score.Score{{Account: "holding"}})
	}
	return each(w.scores)
}

func (w *worthRuns) Worths(_ context.Context, r serving.Run, accounts []frame.AccountID, each func([]score.Worth) error) error {
	for i := range w.scores {
		s := &w.scores[i]
		if r.ID == "groups" || s.Worth == nil || len(accounts) > 0 && !slices.Contains(accounts, s.Account) {
			continue
		}
		if err := each([]score.Worth{*s.Worth}); err != nil {
			return err
		}
	}
	return nil
}

func (w *worthRuns) Briefs(ctx context.Context, r serving.Run, each func([]serving.Brief) error) error {
	return w.Worths(ctx, r, nil, func(part []score.Worth) error { return each([]serving.Brief{serving.BriefOf(&part[0])}) })
}

// Over a desk that holds a run: who has a worth, under which name, and who has none.
func TestWorthOfAServedRun(t *testing.T) {
	told := func(a frame.AccountID) score.Score {
		w := worthOf(a)
		return score.Score{Account: a, Name: "of " + string(a), Worth: &w.Worth}
	}
	runs := &worthRuns{scores: []score.Score{{Account: "erased", Unscorable: features.Erased.String()}, told("heir"), {Account: "new"}}}
	desk := serving.NewDesk(serving.DeskOptions{
		Runs: runs, Settings: serving.DefaultSettings(),
		Moves: func(_ context.Context, r serving.Run) (map[frame.AccountID]features.Move, error) {
			if r.ID == "groups" {
				return map[frame.AccountID]features.Move{"heir": {Into: "holding", Kind: features.Group}}, nil
			}
			return map[frame.AccountID]features.Move{"old": {Into: "heir", Kind: features.Merged, Since: 3600}}, nil
		},
	})
	if _, err := desk.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := serve(t, func(o *Options) { o.Answers = desk })
	client := fealtyv1.NewWorthsClient(v.conn)
	ctx := as(t, readerKey)
	type answered interface {
		GetAccount() string
		GetOrigin() *fealtyv1.Origin
	}
	calls := map[string]func(account string, groups bool) (answered, error){
		"/v1/values/": func(a string, g bool) (answered, error) {
			return client.GetValue(ctx, &fealtyv1.GetValueRequest{Account: a, Groups: g})
		},
		"/v1/wallets/": func(a string, g bool) (answered, error) {
			return client.GetWallet(ctx, &fealtyv1.GetWalletRequest{Account: a, Groups: g})
		},
		"/v1/recommendations/": func(a string, g bool) (answered, error) {
			return client.GetRecommendations(ctx, &fealtyv1.GetRecommendationsRequest{Account: a, Groups: g})
		},
		"/v1/loyalty/": func(a string, g bool) (answered, error) {
			return client.GetLoyalty(ctx, &fealtyv1.GetLoyaltyRequest{Account: a, Groups: g})
		},
	}
	const nobody, nothing = "no such account is known", "the run tells nothing of what this account is worth"
	for path, call := range calls {
		for account, moved := range map[string]string{"heir": "", "old": "merged"} {
			m, err := call(account, false)
			if err != nil || m.GetAccount() != "heir" || m.GetOrigin().GetRun() != "run-1" || m.GetOrigin().GetMoved().GetKind() != moved {
				t.Errorf("gRPC %s%s: %v, %v", path, account, m, err)
			}
			code, body, _ := v.rest(t, http.MethodGet, path+account, readerKey, "")
			if got := decode(t, body); code != http.StatusOK || got["account"] != "heir" || strings.Contains(body, `"kind":"merged"`) != (moved != "") {
				t.Errorf("REST %s%s: %d %s", path, account, code, body)
			}
		}
		for account, words := range map[string]string{"nobody": nobody, "new": nothing, "erased": nothing} {
			if _, err := call(account, false); status.Code(err) != codes.NotFound || status.Convert(err).Message() != words {
				t.Errorf("gRPC %s%s: %v, want %q", path, account, err, words)
			}
			if code, body, _ := v.rest(t, http.MethodGet, path+account, readerKey, ""); code != http.StatusNotFound || decode(t, body)["message"] != words {
				t.Errorf("REST %s%s: %d %s, want %q", path, account, code, body, words)
			}
		}
		if _, err := call("heir", true); status.Code(err) != codes.NotFound || status.Convert(err).Message() != nothing {
			t.Errorf("gRPC %s of a group: %v", path, err)
		}
		if code, body, _ := v.rest(t, http.MethodGet, path+"heir?groups=true", readerKey, ""); code != http.StatusNotFound || decode(t, body)["message"] != nothing {
			t.Errorf("REST %s of a group: %d %s", path, code, body)
		}
		if _, err := call("", false); status.Code(err) != codes.InvalidArgument {
			t.Errorf("gRPC %s without an account: %v", path, err)
		}
		for bad, words := range map[string]string{
			"": "account: is empty", "heir?account=other": "no query parameters", "heir?groups=true&groups=false": "no query parameters", "a%00b": "NUL",
			strings.Repeat("x", 513): "account: has 513 bytes",
		} {
			if code, body, _ := v.rest(t, http.MethodGet, path+bad, readerKey, ""); code != http.StatusBadRequest || !strings.Contains(body, words) {
				t.Errorf("REST %s%s: %d %s, want %q", path, bad, code, body, words)
			}
		}
	}
	code, body, _ := v.rest(t, http.MethodGet, "/v1/scores?filter=tier%20%3D%20%22%22", readerKey, "")
	if code != http.StatusBadRequest || !strings.Contains(body, "tier is one of small, ordinary, major, vip") {
		t.Errorf("a tier that there is not: %d %s", code, body)
	}
	if _, body, _ := v.rest(t, http.MethodGet, "/v1/scores?filter=loyalty%20%3E%200&order_by=lifetime_value%20desc", readerKey, ""); decode(t, body)["totalSize"] != json.Number("1") || !strings.Contains(body, `"lifetimeValue":1200`) || strings.Contains(body, "erased") {
		t.Errorf("scores with a loyalty: %s", body)
	}
}
