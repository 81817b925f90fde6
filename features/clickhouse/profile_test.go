package clickhouse_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

func TestProfilesAreThoseKnownAtTheCutoff(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("accounts"), csv(t, "accounts", `
account,name,segment,region,account_manager,department,industry,channel,currency,parent,type,valid_from,recorded_at
b,Bee,silver,north,Mo,food,retail,web,EUR,z,shop,,2024-01-01
b,Bee,gold,north,Mo,food,retail,web,EUR,z,shop,2024-03-01,2024-02-01
b,Bee,tin,north,Mo,food,retail,web,EUR,z,shop,2024-03-01,2024-04-01
Z,Zed,,,,,,,,,,2024-02-10,2024-02-10
late,Later,,,,,,,,,,,2024-06-01`))
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,amount,ordered_at\nb,o1,1,2024-01-05\nonly,o2,1,2024-01-05\né,o3,1,2024-02-05\nonly,o4,1,2024-01-06"))
	ask := func(cutoff, known string, watermark uint64, accounts ...frame.AccountID) []string {
		t.Helper()
		var all []string
		err := w.Profiles(t.Context(), frame.Cutoff(at(cutoff)), frame.KnownAt(at(known)), watermark, accounts, func(block []features.Profile) error {
			for _, p := range block {
				all = append(all, fmt.Sprint(p.Account, "/", p.Name, "/", p.Segment))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	same1(t, "in February", ask("2024-02-01", "2024-02-01", 9), []string{"b/Bee/silver", "only//"})
	same1(t, "valid from the cutoff is too late", ask("2024-03-01", "2024-03-01", 9), []string{"Z/Zed/", "b/Bee/silver", "only//", "é//"})
	same1(t, "in March", ask("2024-03-02", "2024-03-02", 9), []string{"Z/Zed/", "b/Bee/gold", "only//", "é//"})
	same1(t, "as known in May", ask("2024-03-02", "2024-05-01", 9), []string{"Z/Zed/", "b/Bee/tin", "only//", "é//"})
	same1(t, "up to the first load", ask("2024-03-02", "2024-05-01", 1), []string{"Z/Zed/", "b/Bee/tin"})
	same1(t, "by name", ask("2024-03-02", "2024-05-01", 9, "é", "b", "nobody", "b", "late"), []string{"b/Bee/tin", "é//"})

	var got []features.Profile
	if err := w.Profiles(t.Context(), frame.Cutoff(at("2024-02-01")), frame.KnownAt(at("2024-02-01")), 9, []frame.AccountID{"b"}, func(p []features.Profile) error {
		got = append(got, p...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	same1(t, "every attribute", got, []features.Profile{{Account: "b", Name: "Bee", Segment: "silver", Region: "north", Manager: "Mo", Department: "food",
		Industry: "retail", Channel: "web", Currency: "EUR", Parent: "z", Type: "shop"}})
	stop := errors.New("stop")
	if err := w.Profiles(t.Context(), frame.Cutoff(at("2024-02-01")), frame.KnownAt(at("2024-02-01")), 9, nil, func([]features.Profile) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the receiver's error came back as %v", err)
	}
}

func TestProfilesComeInBlocksInOrder(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), many(700_000)) // 70,000 accounts
	var blocks []int
	var last frame.AccountID
	err := w.Profiles(t.Context(), frame.Cutoff(at("2025-01-01")), frame.KnownAt(at("2025-01-01")), 9, nil, func(block []features.Profile) error {
		blocks = append(blocks, len(block))
		if !slices.IsSortedFunc(block, func(a, b features.Profile) int {
			if a.Account < b.Account {
				return -1
			}
			return 1
		}) || block[0].Account <= last {
			t.Errorf("a block of %d is not in order", len(block))
		}
		last = block[len(block)-1].Account
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same1(t, "blocks", blocks, []int{65_536, 4_464})
}
