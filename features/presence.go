package features

import "slices"

// Present is a light file beside Orders and Breadth: of order lines it tells what
// Presence needs, in one reading.
var Present = File{Name: "presence.sql", Source: OrderLines}

// presences are the features that Presence returns.
var presences = []string{"tenure_days", "spend_365d", "categories_365d", "wallet_declared", "wallet_share"}

// Presence returns the features by which a whole base is looked at, many instants at a
// time: since when accounts buy, how much and how broadly, and our share of what they
// declared. They have the values of the catalogue's own, for a fifth of the work where
// there are many instants. The result is the caller's own.
func Presence() []Feature {
	var few []Feature
	for _, f := range Catalogue() {
		if !slices.Contains(presences, f.Name) {
			continue
		}
		if f.File == Orders || f.File == Breadth {
			f.File = Present
		}
		few = append(few, f)
	}
	return few
}

// TellsPurchases tells whether the file's answer says of each account with an order
// line when it bought first and last.
func (f File) TellsPurchases() bool { return f == Orders || f == Present }
