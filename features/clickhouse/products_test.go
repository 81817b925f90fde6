package clickhouse_test

import (
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

// A product has the name that was known and valid at the cutoff; one that only lines
// name has none, and what comes later is not there yet.
func TestProductsAreCalledAsKnownAtTheCutoff(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("products"), csv(t, "products", `
product,name,category,valid_from,recorded_at
p,Tea,tea,,2024-01-01
p,Fine tea,tea,2024-03-01,2024-02-01
p,Finest tea,tea,2024-03-01,2024-04-01
shelf,Nobody's yet,tea,,2024-01-01
late,Late,tea,,2024-06-01`))
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,product,amount,ordered_at,recorded_at\n"+
		"a,1,p,10,2024-01-05,2024-01-05\nb,2,q,0,2024-01-06,2024-01-06\na,3,,10,2024-01-06,2024-01-06\n"+
		"a,4,unknown,10,2024-01-06,2024-06-01\na,5,later,10,2024-06-01,2024-01-06"))
	ask := func(cutoff, known string, watermark uint64) []features.Product {
		t.Helper()
		all, err := w.Products(t.Context(), frame.Cutoff(at(cutoff)), frame.KnownAt(at(known)), watermark)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	same1(t, "in February", ask("2024-02-15", "2024-02-15", 9), []features.Product{{ID: "p", Name: "Tea"}, {ID: "q"}, {ID: "shelf", Name: "Nobody's yet"}})
	same1(t, "valid from the cutoff is too late", ask("2024-03-01", "2024-03-01", 9), []features.Product{{ID: "p", Name: "Tea"}, {ID: "q"}, {ID: "shelf", Name: "Nobody's yet"}})
	same1(t, "in March", ask("2024-03-02", "2024-03-02", 9), []features.Product{{ID: "p", Name: "Fine tea"}, {ID: "q"}, {ID: "shelf", Name: "Nobody's yet"}})
	same1(t, "as known in July", ask("2024-03-02", "2024-07-01", 1), []features.Product{{ID: "late", Name: "Late"}, {ID: "p", Name: "Finest tea"}, {ID: "shelf", Name: "Nobody's yet"}})
	same1(t, "all", ask("2024-07-02", "2024-07-02", 9), []features.Product{{ID: "late", Name: "Late"}, {ID: "later"}, {ID: "p", Name: "Finest tea"}, {ID: "q"}, {ID: "shelf", Name: "Nobody's yet"}, {ID: "unknown"}})
}
