package serving

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
)

// publishWallets publishes a run of a model whose card says on what it was learnt.
func publishWallets(t *testing.T, s *Service, at frame.Cutoff, learnt string, wallets ...AccountWallet) Run {
	t.Helper()
	card, err := json.Marshal(map[string]string{"test_cutoff": learnt})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Registry.SaveModel(t.Context(), RegisteredModel{Version: "of-" + learnt, Card: card}, []byte("bundle")); err != nil {
		t.Fatal(err)
	}
	var scores []score.Score
	for _, w := range wallets {
		scores = append(scores, score.Score{Account: w.Account, Worth: &score.Worth{Account: w.Account, Wallet: score.Wallet{
			State: w.State, Amount: model.Figure(w.Amount), Spend: model.Figure(w.Spend),
		}}})
	}
	handed := false
	run, err := s.Runs.PublishScores(t.Context(), Run{Kind: KindScores, Purpose: PurposeBackfill, Cutoff: at, KnownAt: frame.KnownAt(at), Model: "of-" + learnt}, func() (Batch, error) {
		if handed {
			return Batch{}, io.EOF
		}
		handed = true
		return Batch{Scores: scores}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Wallets at an end are those of the run that stands there, of accounts that are one by
// the last end together; never of a model that was learnt later.
func TestGrowthTellsTheWalletsOfRuns(t *testing.T) {
	s, f := tillShop(t)
	june, autumn := frame.Cutoff(instant("2025-07-01 00:00")), frame.Cutoff(instant("2025-10-01 00:00"))
	nan, el := math.NaN(), features.Eligible
	base := &census{till: f, known: map[frame.KnownAt]bool{}, people: map[frame.Cutoff][]citizen{
		june: {{"a", "2025-06-01", 100, 2, .5, el}, {"b", "2025-05-01", 300, 4, nan, el}, {"c", "2025-06-02", 10, 3, nan, el}, {"old c", "2025-04-01", 400, 5, nan, el}},
		autumn: {
			{"a", "2025-09-01", 192, 3, .7, el}, {"b", "2025-09-01", 392, 4, nan, el}, {"c", "2025-09-01", 492, 6, nan, el}, {"new", "2025-09-01", 8, 1, nan, el},
		},
	}, profiles: map[frame.Cutoff][]features.Profile{
		june:   {{Account: "a", Region: "north"}, {Account: "b", Region: "north"}, {Account: "c", Region: "south"}, {Account: "old c", Region: "south"}},
		autumn: {{Account: "a", Region: "north"}, {Account: "b", Region: "south"}, {Account: "c", Region: "south"}, {Account: "new", Region: "south"}},
	}}
	s.Facts = base
	ask := func() (GrowthRow, GrowthResult) {
		t.Helper()
		r, err := s.Growth(t.Context(), GrowthRequest{From: "2025-06-30", To: "2025-09-30", By: "region"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Base[0], r
	}
	// One run stands there, of which nobody knows by what model.
	row, r := ask()
	if row.WalletsBefore != nil || row.WalletsAfter != nil || !strings.HasSuffix(row.EN[4], "not measured (was: not measured)") {
		t.Errorf("without wallets: %+v", row)
	}
	if e := r.Ends; len(e) != 2 || !strings.HasPrefix(e[0].EN, "No run of scores as of 2025-06-30") || !strings.Contains(e[1].EN, "was learnt on what came later, or is gone; fealty train --test-cutoff 2025-09-30") ||
		!strings.Contains(e[1].ZH, "fealty score --backfill --cutoff 2025-09-30") {
		t.Errorf("the ends: %+v", e)
	}
	known, estimated, unknown := "known", "estimated", "unknown"
	// Three days before the first end; c goes on in nobody, old c in it: together they are as sure as the less sure.
	first := publishWallets(t, s, june.Add(-3), "2025-05-31",
		AccountWallet{"a", known, 100, 50}, AccountWallet{"b", unknown, nan, 30}, AccountWallet{"c", known, 50, 10}, AccountWallet{"old c", estimated, 150, 30})
	second := publishWallets(t, s, autumn, "2025-06-30", AccountWallet{"a", known, 100, 70}, AccountWallet{"b", estimated, 100, 30}, AccountWallet{"c", estimated, 100, 20})
	// Newer, and learnt on what came after its cutoff.
	publishWallets(t, s, autumn, "2025-12-31", AccountWallet{"a", known, 100, 1})
	row, r = ask()
	want := []*GrowthWallets{{Share: model.Figure(.35), Known: 1, Estimated: 1, Unknown: 1}, {Share: model.Figure(.4), Known: 1, Estimated: 2, Unknown: 1}}
	for _, w := range []*GrowthWallets{row.WalletsBefore, row.WalletsAfter} {
		w.Share = model.Figure(math.Round(float64(w.Share)*1e9) / 1e9)
	}
	if diff := cmp.Diff(want, []*GrowthWallets{row.WalletsBefore, row.WalletsAfter}); diff != "" {
		t.Errorf("wallets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]GrowthEnd{{At: "2025-06-30", Run: first.ID, Cutoff: "2025-06-27"}, {At: "2025-09-30", Run: second.ID, Cutoff: "2025-09-30"}}, r.Ends); diff != "" {
		t.Errorf("the ends (-want +got):\n%s", diff)
	}
	if want := "Deeper, share of wallet per account: 40 % of 1 known and 2 estimated wallets, 1 unknown (was: 35 % of 1 known and 1 estimated wallet, 1 unknown)"; row.EN[4] != want {
		t.Errorf("in words %q", row.EN[4])
	}
	// North and south, whose wallets add up to the base's.
	if n, south := r.Rows[0].WalletsAfter, r.Rows[1].WalletsAfter; n.Known != 1 || n.Share != .7 || south.Estimated != 2 || south.Unknown != 1 || south.Share != .25 {
		t.Errorf("north %+v, south %+v", n, south)
	}
	// Of whoever asked to be erased since, the wallet is not used.
	f.erased = []frame.AccountID{"a"}
	if row, _ = ask(); row.WalletsAfter.Known != 0 || row.WalletsAfter.Unknown != 2 {
		t.Errorf("with an erased account: %+v", row.WalletsAfter)
	}
}
