package synthetic

// category is a shelf of the shop.
type category struct {
	name  string
	price float64 // median list price
	items []string
}

// categories are what the town's wholesaler sells.
var categories = []category{
	{"hand tools", 24, []string{"hammer", "screwdriver set", "pliers", "spirit level", "hand saw", "wrench set", "chisel set", "tape measure", "clamp", "utility knife"}},
	{"power tools", 145, []string{"drill", "angle grinder", "jigsaw", "orbital sander", "rotary hammer", "circular saw", "heat gun", "planer", "impact driver", "router"}},
	{"fasteners", 9, []string{"wood screws", "machine screws", "bolts M8", "bolts M12", "nuts", "washers", "anchors", "rivets", "nails", "threaded rod"}},
	{"safety", 18, []string{"gloves", "helmet", "goggles", "ear defenders", "harness", "safety boots", "respirator", "vest", "knee pads", "first-aid kit"}},
	{"electrical", 32, []string{"cable 3×1.5", "cable 5×2.5", "socket", "switch", "circuit breaker", "junction box", "conduit", "LED panel", "terminal block", "cable ties"}},
	{"plumbing", 28, []string{"copper pipe", "PEX pipe", "elbow fitting", "ball valve", "pump", "pressure gauge", "sealant tape", "siphon", "mixer tap", "drain pipe"}},
	{"paint", 38, []string{"wall paint", "primer", "varnish", "spray paint", "brush set", "roller", "masking tape", "filler", "thinner", "wood stain"}},
	{"adhesives", 12, []string{"epoxy", "silicone", "wood glue", "super glue", "mounting tape", "PU foam", "contact cement", "threadlocker", "hot-melt sticks", "grout"}},
	{"packaging", 15, []string{"cartons S", "cartons L", "stretch film", "bubble wrap", "packing tape", "pallet", "strapping", "labels", "mailers", "edge guards"}},
	{"cleaning", 14, []string{"degreaser", "floor cleaner", "wipes", "mop", "broom", "hand soap", "bin bags", "microfibre cloths", "glass cleaner", "scrubber pads"}},
	{"storage", 76, []string{"shelf unit", "tool chest", "bin rack", "workbench", "locker", "pallet rack", "drawer cabinet", "trolley", "stacking box", "wall panel"}},
	{"welding", 96, []string{"electrodes", "MIG wire", "welding helmet", "torch", "regulator", "gas hose", "TIG rods", "clamp set", "welding table", "contact tips"}},
}

// finishes vary each item into products.
var finishes = []string{"standard", "pro"}

// product is one thing the shop sells. Prices are in cents.
type product struct {
	id, name        string
	list, costCents int64
}

// shop is the catalogue: products by category, all categories of equal size.
type shop struct {
	shelves [][]product
	// means holds, by category and favourite, the mean list price in cents of
	// what an account with that favourite takes from the shelf.
	means [][]float64
	// taste holds the weights of products by distance from the favourite.
	taste []float64
	total float64
}

func newShop(seed uint64) *shop {
	d := newDraw()
	s := &shop{shelves: make([][]product, len(categories)), means: make([][]float64, len(categories))}
	size := len(categories[0].items) * len(finishes)
	for k := range size {
		s.taste = append(s.taste, 1/float64(1+k))
		s.total += s.taste[k]
	}
	for c, shelf := range categories {
		d.reset(seed, forShop, c)
		for _, item := range shelf.items {
			base := d.logNormal(shelf.price, 0.5)
			for f, finish := range finishes {
				list := int64(clamp(base*(1+0.6*float64(f)), 0.5, 5000) * 100)
				s.shelves[c] = append(s.shelves[c], product{
					id:        "P" + padded(int64(c*size+len(s.shelves[c])+1), 4),
					name:      item + ", " + finish,
					list:      list,
					costCents: int64(float64(list) * d.between(0.55, 0.78)),
				})
			}
		}
		for favourite := range size {
			mean := 0.0
			for k := range size {
				mean += s.taste[k] * float64(s.shelves[c][(favourite+k)%size].list)
			}
			s.means[c] = append(s.means[c], mean/s.total)
		}
	}
	return s
}

// choose draws a product of the category by its distance from the favourite.
func (s *shop) choose(d *draw, category, favourite int) *product {
	at, k := s.total*d.Float64(), 0
	for k < len(s.taste)-1 && at >= s.taste[k] {
		at -= s.taste[k]
		k++
	}
	return &s.shelves[category][(favourite+k)%len(s.taste)]
}

// padded writes v with at least width digits.
func padded(v int64, width int) string { return string(appendPadded(nil, v, width)) }

func appendPadded(to []byte, v int64, width int) []byte {
	var digits [20]byte
	i := len(digits)
	for n := 0; v > 0 || n < width; n++ {
		i--
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(to, digits[i:]...)
}
