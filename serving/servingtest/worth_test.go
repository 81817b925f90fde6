package servingtest_test

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/features/synthetic"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/serving"
)

// trueWallets are what the town's accounts truly spend a year with everybody, by
// account and category.
func trueWallets(t *testing.T, params synthetic.Params) map[[2]string]float64 {
	t.Helper()
	town, err := synthetic.New(params)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := town.WriteTable(t.Context(), synthetic.TruthWallets, &file); err != nil {
		t.Fatal(err)
	}
	all := map[[2]string]float64{}
	for line := range strings.Lines(file.String()) {
		cells := strings.Split(strings.TrimSpace(line), ",")
		if amount, err := strconv.ParseFloat(cells[2], 64); err == nil {
			all[[2]string{cells[0], cells[1]}] = amount
		}
	}
	return all
}

func (k *walk) worths(t *testing.T, run serving.Run) []score.Worth {
	t.Helper()
	var all []score.Worth
	err := k.runs.Worths(t.Context(), run, nil, func(part []score.Worth) error {
		all = append(all, part...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What accounts are worth is told of a town whose truth is known: wallets lie in
// their intervals, what is recommended is bought as often as was said, loyalty
// stands with what comes, and nothing recorded later changes any of it.
func TestWorthInTheTown(t *testing.T) {
	params := synthetic.Params{Seed: 7, Accounts: 900, Record: true}
	k := startTown(t, params)
	trained, err := k.Train(t.Context(), serving.TrainRequest{Cutoffs: []string{"2025-09-30", "2025-11-30"}, TestCutoff: "2026-03-01"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	card := trained.Card.Worth
	if card == nil || card.Lifetime.Why != "" || card.Wallet.Why != "" || len(card.CrossSell) != 2 {
		t.Fatalf("the card says of worth: %+v", card)
	}
	t.Logf("lifetime %s on %d accounts: spend within %.0f by lifetime and %.0f by run-rate, so %s", card.Lifetime.Model, card.Lifetime.Accounts, card.Lifetime.Forecast, card.Lifetime.RunRate, card.Lifetime.SpendBy)
	if better := card.Lifetime.Forecast < card.Lifetime.RunRate; (card.Lifetime.SpendBy == "lifetime") != better {
		t.Errorf("spend is forecast by %s", card.Lifetime.SpendBy)
	}
	for _, c := range card.CrossSell {
		if w := c.Wallet; (w != nil) != (c.Key == "category") || w != nil && (w.Kept != (w.With < w.Without) || !(w.With > 0)) {
			t.Errorf("by %s the columns of the wallet are told of as %+v", c.Key, w)
		} else if w != nil {
			t.Logf("the columns of the wallet: log-loss %.5f with and %.5f without on %d accounts held out; %s %s", w.With, w.Without, w.Accounts, w.EN, w.ZH)
			if len(w.Later) != 4 || !(w.Later[0].GainError > 0) || w.EN == "" || w.ZH == "" {
				t.Errorf("by what came after the test the columns of the wallet are told of as %+v", w)
			}
		}
		for _, q := range c.Quality {
			t.Logf("%s, %s: AUC %.3f against %.3f by popularity, log-loss %.4f against %.4f, ECE %.4f", c.Key, q.Kind, q.AUC, q.PopularAUC, q.LogLoss, q.PopularLogLoss, q.ECE)
			if q.Bought >= 50 && !(q.LogLoss < q.PopularLogLoss && q.ECE < .12) {
				t.Errorf("%s, %s: no better than popularity, or not to be believed: %+v", c.Key, q.Kind, q)
			}
		}
	}
	t.Logf("loyalty with retention %.3f (%.3f … %.3f), with later spend %.3f; churn with retention %.3f", card.Loyalty.Kept.Value, card.Loyalty.Kept.Low, card.Loyalty.Kept.High, card.Loyalty.Spend.Value, card.Loyalty.ChurnKept.Value)
	if !(card.Loyalty.Kept.Low > 0 && card.Loyalty.Spend.Low > 0) {
		t.Errorf("loyalty tells nothing of what comes: %+v", card.Loyalty)
	}

	const asOf = "2026-05-31"
	run := k.scoring(t, serving.ScoreRequest{Cutoff: asOf})
	worths, scores := k.worths(t, run), k.scores(t, run)
	if len(worths) == 0 || len(worths) >= len(scores)+1 {
		t.Fatalf("%d worths beside %d scores", len(worths), len(scores))
	}
	stage := map[frame.AccountID]score.Stage{}
	for i := range scores {
		stage[scores[i].Account] = scores[i].Stage
	}
	truth := trueWallets(t, params)
	inside, all := 0, 0
	var told, actual, widths []float64
	for i := range worths {
		w := &worths[i]
		checkWorth(t, w, stage[w.Account])
		for _, of := range w.Wallets {
			usual, ok := truth[[2]string{string(w.Account), of.Category}]
			if !ok || of.State == "unknown" || of.Spend == 0 {
				continue
			}
			// What was spent of late may lie above what is spent in a usual year.
			usual = max(usual, float64(of.Spend))
			all++
			if usual >= float64(of.Low) && usual <= float64(of.High) {
				inside++
			}
			told, actual, widths = append(told, float64(of.Amount)), append(actual, usual), append(widths, float64(of.High/of.Low))
		}
	}
	rank := loyalty.Spearman(told, actual)
	if all < 200 {
		t.Fatalf("%d wallets are told", all)
	}
	slices.Sort(widths)
	held, width := float64(inside)/float64(all), widths[all/2]
	t.Logf("%d wallets: %.3f of the true ones lie in their intervals of 80 %%, high ÷ low %.2f in the median, rank correlation %.3f", all, held, width, rank.Value)
	// Intervals that hold nearly everything are too wide to tell wallets apart, and so are
	// those of twice the low end: .833 and 1.47 were measured.
	if held < .7 || held > .9 || !(width < 2) || rank.Low < .7 {
		t.Errorf("of %d wallets %d lie in their intervals, high ÷ low %v in the median, rank correlation %+v", all, inside, width, rank)
	}

	// The same cutoff again, after facts of later days have come, tells the same.
	k.load(t, "order_lines", strings.NewReader("account,order_id,ordered_at,product,category,quantity,amount,currency,recorded_at\n"+
		string(worths[0].Account)+",LATE-1,2026-05-01T10:00:00Z,P-1,paint,1,99999,EUR,2026-07-15T10:00:00Z\n"))
	again := k.worths(t, k.scoring(t, serving.ScoreRequest{Cutoff: asOf, Backfill: true}))
	if len(again) != len(worths) {
		t.Fatalf("%d worths, then %d", len(worths), len(again))
	}
	for i := range again {
		a, b := &worths[i], &again[i]
		same := func(x, y float64) bool {
			return math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y)
		}
		if a.Account != b.Account || !same(a.Lifetime.Value, b.Lifetime.Value) || !same(a.Loyalty.Score, b.Loyalty.Score) || !same(float64(a.Wallet.Amount), float64(b.Wallet.Amount)) ||
			!same(a.Place.Value, b.Place.Value) || a.Place.Tier != b.Place.Tier || !slices.Equal(a.Recommendations, b.Recommendations) {
			t.Fatalf("account %s was told\n%+v, after later facts\n%+v", a.Account, a, b)
		}
	}
}

// checkWorth holds what must be so of every account. Who is gone has no tier; of one
// that pauses the stage does not say.
func checkWorth(t *testing.T, w *score.Worth, stage score.Stage) {
	t.Helper()
	share := func(what string, v float64) {
		if !math.IsNaN(v) && !(v >= 0 && v <= 1) {
			t.Errorf("account %s: %s is %v", w.Account, what, v)
		}
	}
	share("alive", w.Lifetime.Alive)
	share("no purchase", w.Lifetime.NoPurchase)
	share("share of wallet", float64(w.Wallet.Share))
	if l := w.Lifetime; !math.IsNaN(l.Value) && !(l.Low <= l.High && l.Low >= 0) {
		t.Errorf("account %s: its lifetime value %v lies in %v … %v", w.Account, l.Value, l.Low, l.High)
	}
	if s := w.Loyalty.Score; !math.IsNaN(s) && !(s >= 0 && s <= 100) {
		t.Errorf("account %s: loyalty %v", w.Account, s)
	}
	var weight float64
	for _, i := range w.Loyalty.Indicators {
		weight += float64(i.Weight)
		if math.IsNaN(float64(i.Value)) == (i.Why == "") {
			t.Errorf("account %s: %s is %v, why %q", w.Account, i.Name, i.Value, i.Why)
		}
	}
	if math.Abs(weight-100) > 1e-9 {
		t.Errorf("account %s: weights sum to %v", w.Account, weight)
	}
	potential := math.Inf(1)
	for _, of := range w.Wallets {
		if of.State != "unknown" && !(of.Low <= of.Amount && of.Amount <= of.High && of.Spend <= of.Amount) {
			t.Errorf("account %s: wallet %+v", w.Account, of)
		}
		if v := float64(of.Potential); !math.IsNaN(v) {
			if v > potential {
				t.Errorf("account %s: wallets are not ordered by potential: %+v", w.Account, w.Wallets)
			}
			potential = v
		}
	}
	for _, r := range w.Recommendations {
		share("probability", float64(r.Probability))
		if r.Kind == "" || r.Reason == "" || !(r.Amount >= 0) || r.Item == "" && r.Category == "" {
			t.Errorf("account %s: recommendation %+v", w.Account, r)
		}
	}
	if tier := w.Place.Tier != ""; stage != score.Paused && tier != (stage != score.Lapsed && !math.IsNaN(w.Place.Value)) {
		t.Errorf("account %s is %s: value %v, and its tier is %q", w.Account, stage, w.Place.Value, w.Place.Tier)
	}
}
