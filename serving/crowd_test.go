package serving

import (
	"reflect"
	"slices"
	"testing"

	"fealty/features"
)

// What is bought for the first time only after the cutoff stands among the holdings
// that were asked for with a horizon, and wallets know nothing of it.
func TestPursesKnowNothingOfTheHorizon(t *testing.T) {
	c := purchasers(60, mostCategories)
	want := c.purses()
	c.categories = slices.Clone(c.categories) // want points into the others
	for i, account := range c.frame.Accounts {
		for _, key := range []string{"rare 001", "milk"} {
			if key == "rare 001" && i == 0 {
				continue // holds it already
			}
			c.categories = append(c.categories, features.Holding{Account: account, Cutoff: c.cutoff, Key: key, Category: key, OrdersAfter: 2, SpendAfter: 50})
		}
	}
	slices.SortStableFunc(c.categories, features.CompareHoldings)
	if got := c.purses(); !reflect.DeepEqual(got, want) {
		t.Errorf("of what came after the cutoff wallets are told of %d entries in %d categories, want %d in %d", len(got.Spend.Amount), len(got.Categories), len(want.Spend.Amount), len(want.Categories))
	}
	c.categories = slices.DeleteFunc(c.categories, func(h features.Holding) bool { return h.Before() })
	if p := c.purses(); categorised(c.categories) || !slices.Equal(p.Categories, []string{everything}) {
		t.Errorf("nothing but what comes after the cutoff has a category, and the wallets are of %q", p.Categories)
	}
}
