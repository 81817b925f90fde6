package features

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A category bought on five days, each 20 days apart, last 10 days ago: due in 10.
func regular() CategoryHistory {
	return CategoryHistory{
		BuyingDays: 5, GapDays: 20, Today: 1000, Last: 990, Due: 1010,
		Spend: 500, TenureDays: 90, Other: 730, OtherDays: 400,
	}
}

func TestCategoryIsStoppedWhenWhatWasDueDidNotCome(t *testing.T) {
	rule := CategoryRule{HorizonDays: 60, LeastDays: 3, SlackDays: 14, ActiveWithinDays: 180}
	for _, c := range []struct {
		name string
		make func(*CategoryRule, *CategoryHistory)
		y    float64
		x    Exclusion
	}{
		{"nothing came", func(*CategoryRule, *CategoryHistory) {}, 1, Labelled},
		{"an order came", func(_ *CategoryRule, h *CategoryHistory) { h.Orders = 1 }, 0, Labelled},
		{"it came later", func(_ *CategoryRule, h *CategoryHistory) { h.OrdersAfter = 1 }, 1, Labelled},
		{"too few days", func(_ *CategoryRule, h *CategoryHistory) { h.BuyingDays = 2 }, 0, Irregular},
		{"a laxer rule", func(r *CategoryRule, h *CategoryHistory) { r.LeastDays, h.BuyingDays = 2, 2 }, 1, Labelled},
		{"long silent", func(_ *CategoryRule, h *CategoryHistory) { h.Last = 819 }, 0, CategoryLapsed},
		{"unlimited", func(r *CategoryRule, h *CategoryHistory) { r.ActiveWithinDays, h.Last = 0, 819 }, 1, Labelled},
		{"due with slack on the horizon's last day", func(_ *CategoryRule, h *CategoryHistory) { h.Due = 1045 }, 1, Labelled},
		{"due with slack after it", func(_ *CategoryRule, h *CategoryHistory) { h.Due = 1046 }, 0, NotDue},
		{"not due, though bought", func(_ *CategoryRule, h *CategoryHistory) { h.Due, h.Orders = 1046, 1 }, 0, NotDue},
	} {
		r, h := rule, regular()
		c.make(&r, &h)
		if y, x := r.Stopped(&h); y != c.y || x != c.x {
			t.Errorf("%s: %v, %s; want %v, %s", c.name, y, x, c.y, c.x)
		}
	}
}

func TestMoneyThatLeavesAndWhereItMayGo(t *testing.T) {
	rule := CategoryRule{HorizonDays: 60, LeastDays: 3}
	h := regular()
	// 500 in 90 days, 60 of them.
	if got := rule.Leaving(&h); got != 500.0*60/90 {
		t.Errorf("leaving %v", got)
	}
	h.TenureDays = 20 // a young category is not scaled up
	if got := rule.Leaving(&h); got != 500 {
		t.Errorf("leaving of a young category %v", got)
	}
	h.TenureDays = 4000 // the spend is that of a year
	if got := rule.Leaving(&h); got != 500.0*60/365 {
		t.Errorf("leaving of an old category %v", got)
	}
	h = regular()
	offer := []Offer{{Note: "Acme"}}
	// Others usually 730 × 60 ÷ 365 = 120 in 60 days; half of what leaves is 166.67.
	for _, c := range []struct {
		after  float64
		offers []Offer
		want   Destination
	}{
		{120, nil, Silent}, {286, nil, Silent}, {287, nil, OtherCategory}, {120, offer, Competitor}, {287, offer, OtherCategory},
	} {
		h.OtherAfter, h.Offers = c.after, c.offers
		if got := rule.Destination(&h); got != c.want {
			t.Errorf("others %v, offers %v: %s, want %s", c.after, c.offers, got, c.want)
		}
	}
	h = CategoryHistory{Spend: -5, TenureDays: 90, OtherAfter: 100}
	if got := rule.Destination(&h); got != Silent {
		t.Errorf("where nothing leaves, it goes to %s", got)
	}
}

func TestOffersSpeakOfTheCategoriesThatTheyName(t *testing.T) {
	offers := []Offer{{At: 3, Note: "Acme: 刀具 cheaper"}, {At: 1, Note: "Acme offers INK and c12"}, {At: 2, Note: "somebody"}, {At: 4, Ref: "Paper"}}
	got := Speaking(offers, []string{"c1", "ink", "paper", "刀具"})
	want := map[string]string{"c1": "somebody", "ink": "Acme offers INK and c12,somebody", "paper": "somebody,", "刀具": "somebody,Acme: 刀具 cheaper"}
	for category, notes := range want {
		var all []string
		for _, o := range got[category] {
			all = append(all, o.Note)
		}
		if diff := cmp.Diff(notes, strings.Join(all, ",")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", category, diff)
		}
	}
}

func TestCategoryRuleOutsideItsBoundsIsRefused(t *testing.T) {
	good := CategoryRule{HorizonDays: 90, LeastDays: DefaultLeastDays, SlackDays: DefaultSlackDays}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*CategoryRule){
		func(r *CategoryRule) { r.HorizonDays = 0 }, func(r *CategoryRule) { r.LeastDays = 1 },
		func(r *CategoryRule) { r.SlackDays = -1 }, func(r *CategoryRule) { r.ActiveWithinDays = -1 },
	} {
		r := good
		spoil(&r)
		if r.Validate() == nil {
			t.Errorf("%+v is taken", r)
		}
	}
}
