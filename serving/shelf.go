package serving

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/crosssell"
)

// Shelf says which products there are, and what they are called.
type Shelf interface {
	// Products returns those that the products table or any order line names, in bytewise
	// order of id.
	Products(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64) ([]features.Product, error)
}

// lookAtShelf asks what the products are called, and refuses rules of what may be
// recommended that name what there never was: a mistyped exclusion would be none.
func (c *crowd) lookAtShelf(ctx context.Context, s *Service, r features.Request) error {
	products, err := s.Facts.Products(ctx, r.Cutoffs[0], r.KnownAt[0], r.Watermark)
	if err != nil {
		return err
	}
	c.names = make(map[string]string, len(products))
	there := make([]string, len(products))
	for i, p := range products {
		if there[i] = p.ID; p.Name != "" {
			c.names[p.ID] = p.Name
		}
	}
	return s.checkOffers(ctx, c, there, r.Watermark)
}

// checkOffers refuses excluded products and categories that nothing ever named, regions
// that no account has, and lists of what is sold that name nothing known: of stock a part
// may well be what nobody has bought yet. One list serves every cutoff: what is named
// later than the crowd's is no slip.
func (s *Service) checkOffers(ctx context.Context, c *crowd, products []string, watermark uint64) error {
	w, now := &s.Settings.Worth, s.now().Unix()
	product := vocabulary{"product", products, func() ([]string, error) {
		all, err := s.Facts.Products(ctx, frame.Cutoff(now), frame.KnownAt(now), watermark)
		names := make([]string, len(all))
		for i := range all {
			names[i] = all[i].ID
		}
		return names, err
	}}
	if err := product.check("crosssell.exclude_products", w.ExcludedProducts, len(w.ExcludedProducts)); err != nil {
		return err
	}
	if err := product.check("crosssell.only_products", w.OnlyProducts, min(1, len(w.OnlyProducts))); err != nil {
		return err
	}
	for _, region := range slices.Sorted(maps.Keys(w.SoldByRegion)) {
		if err := product.check(fmt.Sprintf("crosssell.sold_by_region[%s]", region), w.SoldByRegion[region], min(1, len(w.SoldByRegion[region]))); err != nil {
			return err
		}
	}
	category := vocabulary{"category", slices.Sorted(maps.Keys(goods(c.categories))), func() ([]string, error) {
		return s.Facts.CategoryNames(ctx, frame.Cutoff(now), frame.KnownAt(now), watermark)
	}}
	if err := category.check("crosssell.exclude_categories", w.ExcludedCategories, len(w.ExcludedCategories)); err != nil {
		return err
	}
	region := vocabulary{"region of an account", distinct(c.regions()), func() ([]string, error) {
		var all []string
		err := s.Facts.Profiles(ctx, frame.Cutoff(now), frame.KnownAt(now), watermark, nil, func(part []features.Profile) error {
			for i := range part {
				all = append(all, part[i].Region)
			}
			all = distinct(all)
			return nil
		})
		return all, err
	}}
	return region.check("crosssell.sold_by_region", slices.Sorted(maps.Keys(w.SoldByRegion)), len(w.SoldByRegion))
}

// vocabulary are names of a kind, sorted: those known, which suffice most often, and a
// way to ask for all there ever were.
type vocabulary struct {
	what  string
	known []string
	ever  func() ([]string, error)
}

// check refuses a setting fewer than so many of whose names are known, by the first
// that is not.
func (v *vocabulary) check(setting string, names []string, least int) error {
	unknown := func() (n int, first string) {
		for _, name := range names {
			if _, ok := slices.BinarySearch(v.known, name); !ok {
				if n++; n == 1 {
					first = name
				}
			}
		}
		return n, first
	}
	n, _ := unknown()
	if len(names)-n >= least {
		return nil
	}
	var err error
	if v.known, err = v.ever(); err != nil {
		return err
	}
	n, first := unknown()
	if len(names)-n >= least {
		return nil
	}
	hint := fmt.Sprintf("there are %q", v.known[:min(len(v.known), shownNames)])
	if near := Nearest(first, v.known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if more := len(v.known) - shownNames; more > 0 {
		hint += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%s names %q, and no %s is called so; %s: %w", setting, first, v.what, hint, ErrInvalid)
}

// regions are the accounts' own.
func (c *crowd) regions() []string {
	out := make([]string, c.rows())
	for i := range out {
		out[i] = c.profiles[i].Region
	}
	return out
}

// distinct returns every name once, sorted; it reorders the names handed in.
func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// rules are those of what may be recommended by a key, to the accounts of past. A
// category is not recommended to whom none of its products is; one of whose products no
// line tells is.
func (t *told) rules(w *WorthSettings, key features.HoldingKey, past *crosssell.Purchases) crosssell.Rules {
	var r crosssell.Rules
	if w.SoldByRegion != nil {
		r.Sold, r.Regions = w.SoldByRegion, make([]string, len(past.Accounts))
		for a, account := range past.Accounts {
			r.Regions[a] = t.crowd.profiles[t.crowd.row[account]].Region
		}
	}
	// What was not bought yet by the cutoff needs no exclusion.
	bought := func(id string) bool { _, ok := past.Find(id); return ok }
	if key == features.ByProduct {
		r.Items, r.Only = only(w.ExcludedProducts, bought), w.OnlyProducts
		r.Categories = only(w.ExcludedCategories, func(name string) bool { return slices.Contains(past.Categories, name) })
		return r
	}
	r.Items = only(w.ExcludedCategories, bought)
	if len(w.ExcludedProducts)+len(w.OnlyProducts)+len(w.SoldByRegion) == 0 {
		return r
	}
	of := goods(t.crowd.products)
	open := func(sold []string, all bool) []string {
		there := map[string]bool{}
		for product, category := range of {
			may := (all || contains(sold, product)) && !contains(w.ExcludedProducts, product) && (len(w.OnlyProducts) == 0 || contains(w.OnlyProducts, product))
			there[category] = there[category] || may
		}
		var names []string
		for i := range past.Items {
			if may, told := there[past.Items[i].ID]; may || !told {
				names = append(names, past.Items[i].ID)
			}
		}
		return names
	}
	// A list of no categories at all is one, too: nothing is recommended then.
	r.Only = append([]string{}, open(nil, true)...)
	if w.SoldByRegion != nil {
		r.Sold = map[string][]string{}
		for region, products := range w.SoldByRegion {
			r.Sold[region] = open(products, false)
		}
	}
	return r
}

// contains tells whether sorted names have one.
func contains(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// only are the names that hold something.
func only(names []string, has func(string) bool) (some []string) {
	for _, name := range names {
		if has(name) {
			some = append(some, name)
		}
	}
	return some
}
