package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
	"fealty/serving"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// drawnWorth fills every number and text of a worth by the table of its
// columns, so that a column that is written but not read back shows.
func drawnWorth(t *rapid.T, account frame.AccountID) *score.Worth {
	w := &score.Worth{Account: account}
	for i := range worthFields {
		switch f := &worthFields[i]; {
		case f.number != nil:
			*f.number(w) = drawnNumber(t, f.name)
		case f.whole != nil:
			*f.whole(w) = rapid.Int64Range(0, 1<<53).Draw(t, f.name)
		case f.text != nil:
			*f.text(w) = drawnText(t, f.name)
		}
	}
	figure := func(name string) model.Figure { return model.Figure(drawnNumber(t, name)) }
	// Texts in lists are UTF-8, as JSON is.
	text := func(name string) string { return strings.ToValidUTF8(drawnText(t, name), "?") }
	for range rapid.IntRange(0, 2).Draw(t, "lists") {
		w.Loyalty.Indicators = append(w.Loyalty.Indicators, score.Indicator{Name: text("name"), Value: figure("value"), Why: text("why"), Weight: figure("weight"), Used: figure("used")})
		w.Loyalty.Attitudes = append(w.Loyalty.Attitudes, score.Attitude{Name: text("name"), Value: figure("value"), Why: text("why"), Basis: text("basis")})
		w.Wallets = append(w.Wallets, score.Wallet{
			Category: text("category"), State: "known", Amount: figure("amount"), Low: figure("low"), High: figure("high"), Spend: figure("spend"),
			Share: figure("share"), Potential: figure("potential"), Width: figure("width"), Trend: figure("trend"), NoTrend: text("no trend"), Why: text("why"), Flags: []string{text("flag")},
			Author: text("author"), Period: 1,
		})
		w.Wallet.Flags = append(w.Wallet.Flags, text("flag"))
		w.Recommendations = append(w.Recommendations, score.Recommendation{
			Kind: "new", Item: text("item"), Category: text("category"), Probability: figure("probability"), Amount: figure("amount"),
			Reason: text("reason"), Because: text("because"), Orders: rapid.IntRange(0, 3).Draw(t, "orders"), Days: 7, Buyers: 2,
		})
		w.Place.Parts = append(w.Place.Parts, score.Part{Code: text("part"), Value: figure("of")})
		w.Place.Because = append(w.Place.Because, score.Ground{Code: text("code"), Value: figure("ground"), Figures: map[string]model.Figure{text("figure"): figure("of")}})
		w.Place.Breaches = append(w.Place.Breaches, score.Breach{Code: text("breach"), Actual: figure("actual"), Bound: figure("bound")})
	}
	return w
}

// worthBits is a worth as text, every number by its bits, one NaN.
func worthBits(w *score.Worth) string {
	var b strings.Builder
	number := func(v float64) {
		if math.IsNaN(v) {
			v = math.NaN()
		}
		fmt.Fprintf(&b, "%x,", math.Float64bits(v))
	}
	fmt.Fprintf(&b, "%q;", w.Account)
	for i := range worthFields {
		switch f := &worthFields[i]; {
		case f.number != nil:
			number(*f.number(w))
		case f.whole != nil:
			fmt.Fprintf(&b, "%d,", *f.whole(w))
		case f.text != nil:
			fmt.Fprintf(&b, "%q,", *f.text(w))
		default:
			text, err := listText(f.list(w))
			fmt.Fprintf(&b, "%s %v,", text, err)
		}
	}
	return b.String()
}

func readWorths(ctx context.Context, s *Runs, r serving.Run, accounts ...frame.AccountID) (all []score.Worth, err error) {
	err = s.Worths(ctx, r, accounts, func(part []score.Worth) error {
		all = append(all, part...)
		return nil
	})
	return all, err
}

func TestWorthsComeBackToTheBit(t *testing.T) {
	s := runsOn(t, newWarehouse(t))
	fewer(t, 10)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		all := marked(rapid.IntRange(1, 5).Draw(t, "scores"), 1)
		want := map[frame.AccountID]string{}
		for i := range all {
			if rapid.Bool().Draw(t, "has a worth") {
				all[i].Worth = drawnWorth(t, all[i].Account)
				want[all[i].Account] = worthBits(all[i].Worth)
			}
		}
		r, err := s.PublishScores(ctx, runAsOf(july(1)), batches(all, 2))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readWorths(ctx, s, r)
		if err != nil || len(got) != len(want) || r.Rows != int64(len(all)) {
			t.Fatalf("%d worths (%v) in a run of %d rows, want %d in %d", len(got), err, r.Rows, len(want), len(all))
		}
		for i := range got {
			if i > 0 && got[i].Account <= got[i-1].Account {
				t.Fatalf("account %q comes after %q", got[i].Account, got[i-1].Account)
			}
			if g, w := worthBits(&got[i]), want[got[i].Account]; g != w {
				t.Fatalf("worth %d is\n%s, want\n%s", i, g, w)
			}
		}
		var briefs []serving.Brief
		if err := s.Briefs(ctx, r, func(part []serving.Brief) error {
			briefs = append(briefs, part...)
			return nil
		}); err != nil || len(briefs) != len(got) {
			t.Fatalf("%d in brief (%v), want %d", len(briefs), err, len(got))
		}
		for i := range got {
			if diff := cmp.Diff(serving.BriefOf(&got[i]), briefs[i], cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("worth %d in brief: %s", i, diff)
			}
		}
		var wallets []serving.AccountWallet
		if err := s.Wallets(ctx, r, func(part []serving.AccountWallet) error {
			wallets = append(wallets, part...)
			return nil
		}); err != nil || len(wallets) != len(got) {
			t.Fatalf("%d wallets (%v), want %d", len(wallets), err, len(got))
		}
		for i := range got {
			w := &got[i].Wallet
			want := serving.AccountWallet{Account: got[i].Account, State: w.State, Amount: float64(w.Amount), Spend: float64(w.Spend)}
			if diff := cmp.Diff(want, wallets[i], cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("wallet %d: %s", i, diff)
			}
		}
		named, err := readWorths(ctx, s, r, all[0].Account, "nobody's")
		if _, has := want[all[0].Account]; err != nil || len(named) != map[bool]int{true: 1}[has] {
			t.Fatalf("by name: %d worths (%v), and that the account has one is %v", len(named), err, has)
		}
	})
}

func TestWorthsThatAreRefused(t *testing.T) {
	s := runsOn(t, newWarehouse(t))
	for name, w := range map[string]*score.Worth{
		"another account's": {Account: "somebody else's"},
		"an infinite list":  {Account: marked(1, 1)[0].Account, Wallets: []score.Wallet{{Amount: model.Figure(math.Inf(1))}}},
	} {
		one := marked(1, 1)
		one[0].Worth = w
		if _, err := s.PublishScores(t.Context(), runAsOf(july(1)), batches(one, 1)); !errors.Is(err, serving.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one := marked(1, 1)
	one[0].Worth = &score.Worth{Account: one[0].Account}
	r, err := s.PublishScores(t.Context(), runAsOf(july(2)), batches(one, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := readWorths(t.Context(), s, r); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("of a dropped run: %v", err)
	}
	if err := s.Briefs(t.Context(), r, func([]serving.Brief) error { return nil }); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("in brief of a dropped run: %v", err)
	}
}

func TestWalletsOfBeforeTellNoWidth(t *testing.T) {
	var before, since []score.Wallet
	if err := json.Unmarshal([]byte(`[{"category":"a \"width\": 3","state":"known","amount":5}]`), (*walletList)(&before)); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`[{"state":"known","width":0,"trend":null}]`), (*walletList)(&since)); err != nil {
		t.Fatal(err)
	}
	if w := before[0]; w.Amount != 5 || !math.IsNaN(float64(w.Width)) || !math.IsNaN(float64(w.Trend)) {
		t.Errorf("a wallet without width and trend reads as %+v; both are missing", w)
	}
	if w := since[0]; w.Width != 0 || !math.IsNaN(float64(w.Trend)) {
		t.Errorf("a wallet of width 0 reads as %+v", w)
	}
}
