package clickhouse_test

import (
	"fmt"
	"testing"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"

	"github.com/google/go-cmp/cmp"
)

// At 2025-03-01: 365 days reach back to 2024-03-01, 730 to 2023-03-02.
func TestUpkeepIsWhatContactsCost(t *testing.T) {
	e := embedded(t)
	meet := func(id, account, day string, cost int64) meeting {
		return meeting{id: id, account: account, kind: "visit", at: at(day), cost: cost}
	}
	late, told := meet("9", "a", "2025-02-01", euros(500)), meet("2", "a", "2024-05-01", euros(30))
	late.recorded, told.recorded = at("2025-03-02"), at("2025-01-01")
	w := &trade{
		meetings: []meeting{
			meet("1", "a", "2024-03-01", euros(10)), meet("2", "a", "2024-05-01", euros(3)), told, meet("3", "a", "2024-06-01", absent),
			meet("4", "a", "2024-02-29 23:59:59", euros(7)), meet("5", "a", "2023-03-01", euros(1000)), meet("6", "a", "2025-03-01", euros(1000)), late,
			meet("7", "b", "2024-02-01", absent), meet("8", "c", "2023-01-01", euros(1)),
			meet("10", "old", "2024-06-01", euros(1)), meet("11", "stays", "2024-07-01", euros(2)),
		},
		links: []link{{account: "old", other: "stays", kind: features.Merged, since: at("2025-01-15")}},
	}
	w.fill(t, e)
	house := clickhouse.Warehouse{Engine: e}
	cutoff := frame.Cutoff(at("2025-03-01"))
	want := []features.Upkeep{
		{Account: "a", Cutoff: cutoff, Contacts: 3, Costed: 2, Cost: 40, ContactsLastYear: 1, CostedLastYear: 1, CostLastYear: 7},
		{Account: "b", Cutoff: cutoff, ContactsLastYear: 1},
		{Account: "stays", Cutoff: cutoff, Contacts: 2, Costed: 2, Cost: 3},
	}
	r := request("2025-03-01")
	for _, accounts := range [][]frame.AccountID{nil, {"a", "b", "c", "stays"}} {
		r.Accounts = accounts
		got, err := house.Upkeeps(t.Context(), r)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	r = request("2024-12-01", "2025-03-01")
	if got, err := house.Upkeeps(t.Context(), r); err != nil || len(got) != 8 || got[0].Cost != 20 || got[5].Account != "old" || got[6].Cost != 2 || got[7].Cost != 3 {
		t.Errorf("as of two cutoffs: %+v (%v)", got, err)
	}
}

func TestReferralsNameWhomTheAccountsReferred(t *testing.T) {
	e := embedded(t)
	w := &town{members: map[string]int64{}, links: []link{
		{account: "gone", other: "stays", kind: features.Merged, since: at("2025-01-15")},
		{account: "brought-right", other: "brought-anew", kind: features.Renamed, since: at("2025-01-20")},
	}}
	w.referralCases()
	refer := func(id, who, whom, day string) contact {
		return contact{id: id, account: who, kind: "referral", ref: whom, at: at(day), value: absent}
	}
	w.contacts = append(w.contacts, refer("g1", "gone", "brought-early", "2025-01-02"), refer("g2", "stays", "brought-early", "2025-01-01"), refer("g3", "stays", "gone", "2025-01-01"))
	w.fill(t, e)
	for cutoff, want := range map[string]string{
		"2025-03-01": "refers brought-before 2025-01-10; refers brought-early 2024-05-01; refers brought-known-later 2025-01-01; " +
			"refers brought-later 2025-01-01; refers brought-wrong 2025-01-01; refers nobody-we-know 2025-01-10; stays brought-early 2025-01-01; ",
		"2025-04-15": "refers brought-anew 2025-01-01; refers brought-before 2025-01-10; refers brought-early 2024-05-01; refers brought-known-later 2025-01-01; " +
			"refers brought-later 2025-01-01; refers nobody-we-know 2025-01-10; stays brought-early 2025-01-01; ",
	} {
		all, err := clickhouse.Warehouse{Engine: e}.Referrals(t.Context(), request(cutoff))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, x := range all {
			got += fmt.Sprintf("%s %s %s; ", x.Account, x.Referred, frame.Cutoff(x.At).String()[:10])
		}
		if got != want {
			t.Errorf("as of %s\ngot  %s\nwant %s", cutoff, got, want)
		}
	}
}
