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
gone,large,DE,Li,900,,2024-01-01,2025-03-01,2024-01-01
head,,,,,,2023-01-01,,2023-01-01
branch,,,,,head,2024-01-01,2025-03-01,2024-01-01
next,large,DE,Li,900,,2024-01-01,2025-03-01,2024-01-01
next,small,FR,Wang,700,,2025-03-01,,2025-03-01
back,large,DE,Li,900,,2024-01-01,2025-03-01,2024-01-01`))
	correction := into("accounts")
	correction.Correct = true
	loaded(t, w, correction, csv(t, "accounts", "account,segment,country,account_manager,credit_limit,valid_from,valid_to,recorded_at\nback,large,DE,Li,900,2024-01-01,,2025-03-10"))
	for table, rows := range map[string]string{
		"products":     "product,name,valid_from,valid_to,recorded_at\np,Tea,2023-01-01,2025-03-01,2023-01-01",
		"holidays":     "country,day,recorded_at\nDE,2025-02-12,2024-01-01",
		"interactions": "id,account,at,kind,recorded_at\n1,gone,2025-02-10,visit,2025-02-10\n2,next,2025-02-10,visit,2025-02-10\n3,back,2025-02-10,visit,2025-02-10\n4,branch,2025-02-10,visit,2025-02-10\n5,head,2025-02-10,visit,2025-02-10",
	} {
		insert(t, w, "imported_"+table, csv(t, table, rows).table.Columns...)
	}
	execute(t, w, "INSERT INTO loads (load, `table`) SELECT 1, arrayJoin(['products', 'holidays', 'interactions'])")

	const before, end, ended, unknown, corrected = "2025-02-28 23:59:59", "2025-03-01 00:00:00", "2025-03-01 00:00:01", "2025-03-01 00:00:02", "2025-03-01 00:00:03"
	r := request(before, end, ended, unknown, corrected)
	r.KnownAt[3], r.KnownAt[4] = frame.KnownAt(at("2025-03-09 23:59:59")), frame.KnownAt(at("2025-03-10"))
	r.Cadence, r.Groups = planned, true
	names := []string{"contact_cadence_days", "contact_recency_days", "manager_days", "manager_changes_365d", "credit_limit"}
	r.Catalogue = slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return !slices.Contains(append(names, "visits_90d"), f.Name) })
	m := build(t.Context(), t, w, r)
	m.holds(t, []workedOut{{"head", end, "visits_90d", 2}, {"head", ended, "visits_90d", 1}}) // with and without its branch
	// Segment and manager of the profile, then the features in their order. 2025-02-12 is a holiday of Germany; 60 days is
	// the cadence of those without a segment.
	const nothing = "/ 60 19 NaN NaN NaN"
	want := map[string][]string{
		"gone": {"large/Li 14 17 424 0 900", "large/Li 14 18 425 0 900", nothing, nothing, nothing},
		"next": {"large/Li 14 17 424 0 900", "large/Li 14 18 425 0 900", "small/Wang NaN 19 0 1 700", "small/Wang NaN 19 0 1 700", "small/Wang NaN 19 0 1 700"},
		"back": {"large/Li 14 17 424 0 900", "large/Li 14 18 425 0 900", nothing, nothing, "large/Li 14 18 425 0 900"},
	}
	for i, cutoff := range []string{before, end, ended, unknown, corrected} {
		asked := 0
		err := w.Profiles(t.Context(), r.Cutoffs[i], r.KnownAt[i], r.Watermark, []frame.AccountID{"gone", "next", "back"}, func(block []features.Profile) error {
			for _, p := range block {
				got := p.Segment + "/" + p.Manager
				for _, name := range names {
					got += fmt.Sprint(" ", m.value(t, string(p.Account), cutoff, name))
				}
				same1(t, string(p.Account)+" at "+cutoff, got, want[string(p.Account)][i])
				asked++
			}
			return nil
		})
		if err != nil || asked != len(want) {
			t.Fatal(asked, err)
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
}
