package rpc

import (
	"context"
	"errors"
	"testing"

	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/protobuf/proto"
)

// A declaration bears the name of the key that it came with, and nothing that the
// caller writes changes it; who has no name is refused, and so is a key of readers.
func TestDeclaredInTheNameOfTheKey(t *testing.T) {
	var got serving.DeclareRequest
	w := &worths{
		declare: func(_ context.Context, r serving.DeclareRequest) (serving.DeclareResult, error) {
			got = r
			return serving.DeclareResult{Period: "2026-01-01", Recorded: 1_767_225_600, Spend: 1500, Notes: []serving.Note{{EN: "below", ZH: "低于"}}}, nil
		},
		keyName: func(_ context.Context, id string) (string, error) {
			return map[string]string{"k1": "crm of Li Wei"}[id], nil
		},
	}
	as := func(id string, more ...string) context.Context {
		return context.WithValue(t.Context(), principalKey{}, principal{id: id, scopes: append(more, ScopeDeclare)})
	}
	amount := 1200.
	request := &fealtyv1.DeclareWalletRequest{Account: "a/b", Category: "tea", Amount: &amount, Period: "2026-01-01", NewCategory: true}
	m, err := w.DeclareWallet(as("k1", ScopeRead), request)
	if err != nil {
		t.Fatal(err)
	}
	if got.Account != "a/b" || got.Category != "tea" || got.Amount == nil || *got.Amount != 1200 || got.Author != "crm of Li Wei" || got.Period != "2026-01-01" || !got.New {
		t.Errorf("declared %+v", got)
	}
	want := &fealtyv1.DeclareWalletResponse{
		Author: "crm of Li Wei", Period: "2026-01-01", RecordedAt: instant(1_767_225_600), Spend: &[]float64{1500}[0], Notes: []*fealtyv1.Text{{En: "below", Zh: "低于"}},
	}
	if !proto.Equal(m, want) {
		t.Errorf("answered %v, want %v", m, want)
	}
	// A key that may read nothing learns nothing of what the account spends.
	want.Spend, want.Notes = nil, nil
	if m, err := w.DeclareWallet(as("k1"), request); err != nil || !proto.Equal(m, want) {
		t.Errorf("who may only declare is answered %v (%v), want %v", m, err, want)
	}
	got = serving.DeclareRequest{}
	for _, id := range []string{"local", ""} {
		if _, err := w.DeclareWallet(as(id), &fealtyv1.DeclareWalletRequest{Account: "a", Rank: 1, Suppliers: 2}); !errors.Is(err, serving.ErrDenied) || got.Account != "" {
			t.Errorf("%q may declare: %v", id, err)
		}
	}
	if d := decisions[fealtyv1.Worths_DeclareWallet_FullMethodName]; d.scope != ScopeDeclare || d.open {
		t.Errorf("who may declare: %+v", d)
	}
}
