package serving

import (
	"slices"

	"fealty/features"
	"fealty/model/crosssell"
)

// purchases are holdings as cross-selling reads them.
func purchases(held []features.Holding) (*crosssell.Purchases, error) {
	b := crosssell.NewBuilder()
	category := goods(held)
	for i := range held {
		h := &held[i]
		if h.Orders == 0 {
			continue
		}
		err := b.Add(crosssell.Row{
			Account: h.Account, Item: h.Key, Category: category[h.Key], Orders: h.Orders, Recent: h.Orders90, Spend: max(0, h.Spend),
			DaysSince: h.LastDays, Span: h.FirstDays - h.LastDays,
		})
		if err != nil {
			return nil, refused{err}
		}
	}
	return b.Purchases()
}

// goods are the products, or categories, that were bought, each with its category: of a
// product that was moved between categories the one that was met first.
func goods(held []features.Holding) map[string]string {
	category := map[string]string{}
	for i := range held {
		if h := &held[i]; h.Orders > 0 {
			if _, met := category[h.Key]; !met {
				category[h.Key] = h.Category
			}
		}
	}
	return category
}

// bought is what accounts bought of what is held, in the horizon.
func bought(held []features.Holding, past *crosssell.Purchases) []crosssell.Bought {
	var out []crosssell.Bought
	for i := range held {
		h := &held[i]
		if h.OrdersAfter == 0 {
			continue
		}
		account, known := slices.BinarySearch(past.Accounts, h.Account)
		item, sold := past.Find(h.Key)
		if known && sold {
			out = append(out, crosssell.Bought{Account: int32(account), Item: int32(item), Amount: max(0, h.SpendAfter)}) //nolint:gosec // both are bounded by the builder
		}
	}
	slices.SortFunc(out, func(a, b crosssell.Bought) int {
		if a.Account != b.Account {
			return int(a.Account) - int(b.Account)
		}
		return int(a.Item) - int(b.Item)
	})
	return out
}

// held are what the accounts hold by a key.
func (c *crowd) held(key features.HoldingKey) []features.Holding {
	if key == features.ByCategory {
		return c.categories
	}
	return c.products
}
