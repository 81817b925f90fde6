package crosssell

import (
	"fmt"
	"slices"
)

// Rules says what may be proposed to whom. The zero value allows everything.
type Rules struct {
	// Items and Categories are never proposed, by id and name.
	Items, Categories []string
	// Only, unless nil, lists the ids that may be proposed at all: what is in
	// stock. Ids that nobody has bought yet do no harm.
	Only []string
	// Regions holds the region of each account, in the order of
	// Purchases.Accounts; nil if regions do not matter.
	Regions []string
	// Sold lists per region the ids that may be proposed there. A region that it
	// does not name gets everything.
	Sold map[string][]string
}

// Compile checks the rules against purchases and returns the rule of each
// account. ErrInput names an excluded item or category that does not exist, a
// wrong number of regions and Sold without Regions. The result is safe for
// concurrent use and needs one byte per item and named region.
func (r Rules) Compile(p *Purchases) (func(account int) Eligible, error) {
	if r.Regions != nil && len(r.Regions) != len(p.Accounts) {
		return nil, fmt.Errorf("%w: %d regions for %d accounts: one each", ErrInput, len(r.Regions), len(p.Accounts))
	}
	if r.Sold != nil && r.Regions == nil {
		return nil, fmt.Errorf("%w: what is sold by region needs the region of each account", ErrInput)
	}
	general := make([]bool, len(p.Items))
	for i := range general {
		general[i] = r.Only == nil
	}
	allow(general, p, r.Only)
	for _, id := range r.Items {
		i, ok := p.Find(id)
		if !ok {
			return nil, fmt.Errorf("%w: excluded item %q is not among the %d items that were bought: mend its id or drop it", ErrInput, id, len(p.Items))
		}
		general[i] = false
	}
	for _, name := range r.Categories {
		of, ok := slices.BinarySearch(p.Categories, name)
		if !ok {
			return nil, fmt.Errorf("%w: excluded category %q is not among the %d categories that were bought: mend its name or drop it", ErrInput, name, len(p.Categories))
		}
		for i := range general {
			general[i] = general[i] && int(p.Of[i]) != of
		}
	}
	everywhere := Eligible(func(item int32) bool { return general[item] })
	regional := make(map[string]Eligible, len(r.Sold))
	for region, ids := range r.Sold {
		sold := make([]bool, len(p.Items))
		allow(sold, p, ids)
		regional[region] = func(item int32) bool { return sold[item] && general[item] }
	}
	return func(account int) Eligible {
		if r.Regions != nil {
			if rule, named := regional[r.Regions[account]]; named {
				return rule
			}
		}
		return everywhere
	}, nil
}

func allow(set []bool, p *Purchases, ids []string) {
	for _, id := range ids {
		if i, ok := p.Find(id); ok {
			set[i] = true
		}
	}
}
