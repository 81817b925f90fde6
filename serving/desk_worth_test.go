package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"

	"github.com/google/go-cmp/cmp"
)

// worthy are scores of n accounts, all but the last with a worth.
func worthy(n int) []score.Score {
	all := markedScores(n, 1)
	for i := range n - 1 {
		all[i].Worth = &score.Worth{
			Account: all[i].Account, Loyalty: score.Loyalty{Score: float64(10 * i)}, Lifetime: score.Lifetime{Value: math.NaN()},
			Place: score.Place{Tier: "vip"}, Wallet: score.Wallet{Share: .5, Potential: model.Figure(math.NaN())},
		}
	}
	return all
}

// An answer follows the account asked for to where it goes on, and tells nothing of
// one that was erased, has no worth, or stands in a run that tells none.
func TestWorthOfWhomTheRunTells(t *testing.T) {
	runs := &twinRuns{}
	facts := &twinFacts{
		moves:     map[frame.AccountID]features.Move{"old": {Into: "C0001", Kind: features.Merged, Since: 7}},
		standings: map[frame.AccountID]features.Standing{"C0000": {Erased: true}, "C0001": {OptedOut: true}},
	}
	d, _ := wherever(runs, facts)
	if _, err := d.Worth(t.Context(), "C0001"); KindOf(err) != Unavailable {
		t.Errorf("before the first run: %v", err)
	}
	publishOn(t, runs, 98, markedScores(4, 1))
	refreshed(t, d, true)
	if _, err := d.Worth(t.Context(), "C0001"); !errors.Is(err, ErrNoWorth) || KindOf(err) != NotFound {
		t.Errorf("a run that tells no worth: %v", err)
	}
	a, err := d.Get(t.Context(), "C0001")
	if err != nil || a.Brief != nil {
		t.Errorf("a run that tells no worth, in brief: %+v, %v", a.Brief, err)
	}
	bytes := d.Status(t.Context()).Bytes

	run := publishOn(t, runs, 99, worthy(4))
	refreshed(t, d, true)
	if now := d.Status(t.Context()).Bytes - bytes; now < 4*(4*8+2*4) {
		t.Errorf("another run takes %d bytes, less than its columns of worth", now)
	}
	asked := ""
	d.WhyNothingNext = func(_ context.Context, version string) (string, error) {
		if asked += version + ";"; len(asked) == len(version)+1 {
			return "", ErrUnavailable
		}
		return nothingEligible, nil
	}
	if w, err := d.Worth(t.Context(), "old"); err != nil || w.NothingNext != (Term{}) {
		t.Errorf("nobody can say why nothing is recommended: %+v, %v", w.NothingNext, err)
	}
	w, err := d.Worth(t.Context(), "old")
	if want := (Moved{Account: "old", Kind: features.Merged, Since: 7}); err != nil || w.Account != "C0001" || w.Moved == nil || *w.Moved != want || !w.OptedOut || w.Run != run.ID || w.Loyalty.Score != 10 {
		t.Errorf("the merged account: %+v, %v", w, err)
	}
	if again, err := d.Worth(t.Context(), "old"); err != nil || again.NothingNext != w.NothingNext || w.NothingNext != termIn(nothingWhys, nothingEligible) || asked != run.Model+";"+run.Model+";" {
		t.Errorf("nothing is recommended because %+v, then %+v (%v), asked of %s", w.NothingNext, again.NothingNext, err, asked)
	}
	if a, err := d.Get(t.Context(), "old"); err != nil || a.Brief == nil || a.Brief.Loyalty != 10 || a.Brief.Tier != loyalty.VIP || a.Moved == nil {
		t.Errorf("the merged account in brief: %+v, %v", a, err)
	}
	for account, noWorth := range map[frame.AccountID]bool{"nobody": false, "C0003": true, "C0000": true} {
		if w, err := d.Worth(t.Context(), account); KindOf(err) != NotFound || errors.Is(err, ErrNoWorth) != noWorth || w.Run != "" {
			t.Errorf("%s: %+v, %v", account, w, err)
		}
	}
	if a, err := d.Get(t.Context(), "C0000"); err != nil || a.Brief != nil || a.Unscorable != erased {
		t.Errorf("the erased account in brief: %+v, %v", a, err)
	}
	page, err := d.List(t.Context(), ListRequest{Filter: "tier = vip AND loyalty <= 20", OrderBy: "loyalty desc"})
	if err != nil || page.Total != 2 || page.Answers[0].Account != "C0002" || page.Answers[1].Account != "C0001" {
		t.Errorf("listed %+v, %v; want C0002 and C0001, not the erased one", page, err)
	}

	if _, err := d.Groups().Worth(t.Context(), "C0001"); KindOf(err) != Unavailable {
		t.Errorf("without a run of groups: %v", err)
	}
	publishAs(t, runs, PurposeGroups, 99, markedScores(2, 1))
	refreshed(t, d, false)
	if _, err := d.Groups().Worth(t.Context(), "C0001"); !errors.Is(err, ErrNoWorth) {
		t.Errorf("a run of groups: %v", err)
	}
	if err := runs.Drop(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Worth(t.Context(), "C0001"); KindOf(err) != Unavailable {
		t.Errorf("a run that was dropped while it is held: %v", err)
	}
}

// busyRuns tells how many questions of worth go on at once.
type busyRuns struct {
	twinRuns
	enter, leave chan struct{}
	now          atomic.Int32
}

func (b *busyRuns) Worths(ctx context.Context, r Run, accounts []frame.AccountID, each func([]score.Worth) error) error {
	if len(accounts) > 0 {
		if b.now.Add(1) > asksAtOnce {
			return errors.New("too many at once")
		}
		b.enter <- struct{}{}
		<-b.leave
		b.now.Add(-1)
	}
	return b.twinRuns.Worths(ctx, r, accounts, each)
}

// The warehouse is asked a few questions at a time; whoever waits may give up.
func TestQuestionsOfWorthAreBounded(t *testing.T) {
	runs := &busyRuns{enter: make(chan struct{}), leave: make(chan struct{})}
	publishOn(t, &runs.twinRuns, 99, worthy(3))
	d, _ := deskOver(runs)
	refreshed(t, d, true)
	done := make(chan error)
	for range asksAtOnce {
		go func() {
			_, err := d.Worth(context.Background(), "C0001")
			done <- err
		}()
		<-runs.enter
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Worth(ctx, "C0001"); KindOf(err) != Canceled {
		t.Errorf("one more that gives up: %v", err)
	}
	close(runs.leave)
	for range asksAtOnce {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// One growth is computed at a time, and one too large to answer is refused.
func TestGrowthIsBounded(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	d := NewDesk(DeskOptions{Runs: &twinRuns{}, Grow: func(_ context.Context, r GrowthRequest, _ func(Progress)) (GrowthResult, error) {
		if r.By == "product" {
			return GrowthResult{Rows: make([]GrowthRow, MaxGrowthRows+1)}, nil
		}
		enter <- struct{}{}
		<-leave
		return GrowthResult{By: r.By}, nil
	}})
	if _, err := d.Growth(t.Context(), GrowthRequest{By: "product"}); KindOf(err) != Exhausted {
		t.Errorf("too many rows: %v", err)
	}
	done := make(chan error)
	go func() {
		g, err := d.Growth(context.Background(), GrowthRequest{By: "region"})
		if g.By != "region" {
			err = fmt.Errorf("answered %+v, %w", g, err)
		}
		done <- err
	}()
	<-enter
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Growth(ctx, GrowthRequest{}); KindOf(err) != Canceled {
		t.Errorf("a second one that gives up: %v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := d.Groups().Growth(t.Context(), GrowthRequest{}); KindOf(err) != Unavailable {
		t.Errorf("of groups: %v", err)
	}
}

func TestAWorthWithoutAScoreIsRefused(t *testing.T) {
	for name, account := range map[string]frame.AccountID{"before all": "A", "between": "C00005", "behind all": "D"} {
		runs := &twinRuns{}
		all := worthy(3)
		all[1].Worth.Account = account
		publishOn(t, runs, 99, all)
		d, _ := deskOver(runs)
		if _, err := d.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), string(account)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every code of an answer comes with its words in both languages.
func TestWorthInWords(t *testing.T) {
	nan := model.Figure(math.NaN())
	w := score.Worth{
		Account:  "C1",
		Lifetime: score.Lifetime{Spend: 100, SpendBy: "lifetime", ValueBy: "plain_mean", Why: "no_departure"},
		Loyalty: score.Loyalty{Score: 60, Uncapped: 72, Cap: "open_complaint", Profile: "segment trade", Story: "loyal_yet_leaving", Attitudes: []score.Attitude{
			{Name: "satisfaction", Value: 40, Basis: "perception_only"}, {Name: "emotional", Value: nan, Why: "too_old"}, {Name: "mood", Value: 3},
		}, Indicators: []score.Indicator{
			{Name: "repeat_purchase", Value: 80, Weight: 60, Used: 100, Figures: map[string]model.Figure{"active_month_share": .8}}, {Name: "referrals_made", Value: nan, Why: "no_column", Weight: 40},
		}},
		Place: score.Place{
			Tier: "major", Level: "friend", Cell: "5-4-3", Verdict: "fix_terms", Because: []score.Ground{{Code: "overdue", Value: 1250}, {Code: "omen", Value: 3}},
			Breaches: []score.Breach{{Code: "pays_late", Actual: nan, Bound: nan}, {Code: "answers_slow", Actual: 40, Bound: 24}},
		},
		Wallet: score.Wallet{State: "known"},
		Wallets: []score.Wallet{{
			Category: "tea", State: "unknown", Low: 10, High: 9000, Spend: 5, Why: "too_wide", Flags: []string{"not_bought"},
		}, {Category: "cocoa", State: "known", Amount: 100, Spend: 25, Share: .25, Potential: 75}},
		Recommendations: []score.Recommendation{
			{Kind: "new", Category: "coffee", Reason: "together", Because: "tea", Orders: 3},
			{Kind: "gift", Category: "cocoa", Reason: "omen"},
		},
	}
	runs := &twinRuns{}
	all := []score.Score{{Account: "C1", Worth: &w}}
	r := publishOn(t, runs, 99, all)
	d, _ := deskOver(runs)
	refreshed(t, d, true)
	a, err := d.Worth(t.Context(), "C1")
	if err != nil {
		t.Fatal(err)
	}
	got := []Term{
		a.SpendBy, a.ValueBy, a.LifetimeWhy, a.Tier, a.Level, a.Cell, a.Verdict, a.Because[0].Term, a.Because[1].Term, a.Breaches[0], a.Breaches[1], a.Wallet.State, a.Wallet.Why,
		a.Wallets[0].State, a.Wallets[0].Why, a.Wallets[0].Flags[0], a.Recommendations[0].Kind, a.Recommendations[0].Reason,
		a.Recommendations[1].Kind, a.Recommendations[1].Reason, a.Indicators[0].Name, a.Indicators[0].Why, a.Indicators[1].Why, a.Cap,
		a.Indicators[0].Group, {"", a.Indicators[0].EN, a.Indicators[0].ZH}, a.Indicators[1].Group, {"", a.Indicators[1].EN, a.Indicators[1].ZH},
		a.Profile, a.Why, a.Story, a.Attitudes[0].Basis, a.Attitudes[1].Name, a.Attitudes[1].Why, a.Attitudes[2].Name, {"", a.Attitudes[0].EN, a.Attitudes[1].ZH},
	}
	want := []Term{
		{"lifetime", "By the lifetime model", "按生命周期模型"},
		{"plain_mean", "A purchase counts the account's own mean", "每次购买按客户自身的平均金额计"},
		{"no_departure", "Nobody is seen to leave in these histories, so that nobody can say who is still a customer; the forecast takes all for customers", "从购买历史中看不出有客户离开，无法判断谁仍是客户；预测把所有账户都当作客户"},
		{"major", "Major", "主要客户"},
		{"friend", "Friend", "朋友"},
		{"5-4-3", "Grades (1 is the poorest): recency 5, frequency 4, monetary value 3", "等级（1为最低）：近度5，频度4，金额3"},
		{"fix_terms", "Fix the terms", "调整条款"},
		{"overdue", "Overdue: 1,250.00", "逾期1,250.00"},
		{"omen", "omen", "omen"}, // of a later version
		{"pays_late", "Invoices are paid later than the terms of the tier", "付款晚于该级别账期"}, // of a run of before
		{"answers_slow", "First answers take 40 hours; the policy of the tier is 24", "首次答复平均需40小时；该级别政策为24小时"},
		{"known", "known", "已知"},
		{"", "", ""},
		{"unknown", "unknown", "未知"},
		{"too_wide", "unknown: anything from 10.00 to 9,000.00 is likely, too wide to act on", "未知：可能在10.00到9,000.00之间，范围太宽，无法据此行动"},
		{"not_bought", "buys no tea here; this is what it would spend if it did", "未在本公司购买tea；此为若购买时的估计消费"},
		{"new", "Never bought before", "从未购买"},
		{"together", "Often bought together with tea, which this account ordered 3 times.", "常与 tea 一起购买，该客户已订购后者 3 次。"},
		{"gift", "gift", "gift"},
		{"omen", "omen", "omen"},
		{"repeat_purchase", "Regular repeat purchase", "经常性重复购买"},
		{"", "", ""},
		{"no_column", "the data for it is not kept here", "此处没有所需数据"},
		{"open_complaint", "open_complaint", "open_complaint"}, // the run was scored with other settings
		{"basic", "Basic", "基本"},
		{"", "Regular repeat purchase: 80 of 100. Bought in 80 % of the months", "经常性重复购买：80分（满分100）。有80 %的月份购买"},
		{"", "", ""}, {"", "", ""}, // of a later version
		{"segment trade", "The weights of segment trade", "细分“trade”的权重"},
		{"", "", ""},
		{"loyal_yet_leaving", "Loyal by its record, yet among those most likely to leave", "按记录忠诚，却属于最可能流失的客户"},
		{"perception_only", "by perception alone; the expectation was not asked", "仅按感知；未询问期望"},
		{"emotional", "Emotional loyalty", "情感忠诚"},
		{"too_old", "the newest answer is too old", "最近的回答过旧"},
		{"mood", "mood", "mood"}, // of a later version
		{"", "Satisfaction: 40 (by perception alone; the expectation was not asked)", "情感忠诚：未衡量（最近的回答过旧）"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if known, unknown := a.Recommendations[1], a.Recommendations[0]; known.WalletShare != .25 || known.WalletGap != 75 || !math.IsNaN(float64(unknown.WalletShare)) || !math.IsNaN(float64(unknown.WalletGap)) {
		t.Errorf("the wallets of what is recommended: %v, %v; of coffee, which has none, %v", known.WalletShare, known.WalletGap, unknown.WalletShare)
	}
	r.ConfigHash = d.Settings.Hash()
	a.say(d.capsOf(r), "", time.UTC)
	if want := (Term{"open_complaint", "A complaint has been open for more than 14 days: at most 60", "有投诉已超过14天未解决：最高60分"}); a.Cap != want {
		t.Errorf("the cap says %+v", a.Cap)
	}
}
