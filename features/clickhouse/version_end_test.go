package clickhouse_test

import (
	"fmt"
	"slices"
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

// What an account is said to be ends with its newest version, as of the second after valid_to, whatever versions
// before it said; where another one begins at that instant, that one counts. An end that is corrected later is
// read as corrected from its recording on.
func TestVersionsEnd(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("accounts"), csv(t, "accounts", `
account,segment,country,account_manager,credit_limit,parent,valid_from,valid_to,recorded_at
gone,small,FR,Wang,100,,2023-01-01,,2023-01-01
gone,large,DE,Li,900,head,2024-01-01,2025-03-01,2024-01-01
next,large,DE,Li,900,,2024-01-01,2025-03-01,2024-01-01
next,small,FR,Wang,700,,2025-03-01,,2025-03-01
back,large,DE,Li,900,,2024-01-01,2025-03-01,2024-01-01`))
	correction := into("accounts")
	correction.Correct = true
	loaded(t, w, correction, csv(t, "accounts", "account,segment,country,account_manager,credit_limit,valid_from,valid_to,recorded_at\nback,large,DE,Li,900,2024-01-01,,2025-03-10"))
	loaded(t, w, into("products"), csv(t, "products", "product,name,valid_from,valid_to,recorded_at\np,Tea,2023-01-01,2025-03-01,2023-01-01"))
	loaded(t, w, into("holidays"), csv(t, "holidays", "country,day,recorded_at\nDE,2025-02-12,2024-01-01"))
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,amount,ordered_at\ngone,1,100,2025-02-10\nnext,2,100,2025-02-10\nback,3,100,2025-02-10\nhead,4,10,2025-02-10"))
	loaded(t, w, into("interactions"), csv(t, "interactions", "id,account,at,kind\n1,head,2025-01-01,visit"))

	const before, end, ended, unknown, corrected = "2025-02-28 23:59:59", "2025-03-01 00:00:00", "2025-03-01 00:00:01", "2025-03-01 00:00:02", "2025-03-01 00:00:03"
	r := request(before, end, ended, unknown, corrected)
	r.KnownAt[3], r.KnownAt[4] = frame.KnownAt(at("2025-03-09 23:59:59")), frame.KnownAt(at("2025-03-10"))
	r.Cadence = planned
	names := []string{"contact_cadence_days", "recency_days", "manager_days", "manager_changes_365d", "credit_limit"}
	r.Catalogue = slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return !slices.Contains(names, f.Name) })
	m := build(t.Context(), t, w, r)
	// Segment and manager of the profile, then the features in their order. 2025-02-12 is a holiday of Germany; 60 days is
	// the cadence of those without a segment.
	const nothing = "/ 60 19 NaN NaN NaN"
	for account, want := range map[string][]string{
		"gone": {"large/Li 14 17 424 0 900", "large/Li 14 18 425 0 900", nothing, nothing, nothing},
		"next": {"large/Li 14 17 424 0 900", "large/Li 14 18 425 0 900", "small/Wang NaN 19 0 1 700", "small/Wang NaN 19 0 1 700", "small/Wang NaN 19 0 1 700"},
		"back": {"large/Li 14 17 424 0 900", "large/Li 14 18 425 0 900", nothing, nothing, "large/Li 14 18 425 0 900"},
	} {
		for i, cutoff := range []string{before, end, ended, unknown, corrected} {
			got := ""
			err := w.Profiles(t.Context(), r.Cutoffs[i], r.KnownAt[i], r.Watermark, []frame.AccountID{frame.AccountID(account)}, func(block []features.Profile) error {
				for _, p := range block {
					got += p.Segment + "/" + p.Manager
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				got += fmt.Sprint(" ", m.value(t, account, cutoff, name))
			}
			same1(t, account+" at "+cutoff, got, want[i])
		}
	}

	called := make([]string, 0, 2)
	for _, cutoff := range r.Cutoffs[1:3] {
		all, err := w.Products(t.Context(), cutoff, frame.KnownAt(cutoff), r.Watermark)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		called = append(called, all[0].Name)
	}
	same1(t, "names of the product", called, []string{"Tea", ""})

	r = request(end, ended)
	r.Groups = true
	r.Catalogue = slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return f.Name != "spend_365d" })
	build(t.Context(), t, w, r).holds(t, []workedOut{{"head", end, "spend_365d", 110}, {"head", ended, "spend_365d", 10}})
}
