package crosssell

import (
	"fmt"
	"slices"
	"strings"
)

// ReasonCode says what kind of evidence speaks for a recommendation.
type ReasonCode string

const (
	// Ordered: the account orders the item itself: Orders, Days.
	Ordered ReasonCode = "ordered"
	// GivenUp: it did, and stopped: Orders, Days.
	GivenUp ReasonCode = "given_up"
	// Together: one item that the account buys (Because, Orders) makes at least
	// half of what speaks for it (Share).
	Together ReasonCode = "together"
	// Alike: several of its items speak for it, Because the most (Share).
	Alike ReasonCode = "alike"
	// Popular: nothing that the account buys speaks for it; Buyers have bought it.
	Popular ReasonCode = "popular"
)

// Reason is why an item is recommended, as data. Fields that a code does not
// name are 0. A reason says what speaks for an item and claims no cause.
type Reason struct {
	Code ReasonCode
	// Because is the id of an item that the account has bought.
	Because string
	// Orders is the account's own number of orders, of the item or, with Together
	// and Alike, of Because; Days the days since the last of them.
	Orders, Days int
	// Share is Because's part of all that speaks for the item, in (0, 1].
	Share float64
	// Buyers is the number of accounts that have bought the item.
	Buyers int
}

// Reason returns why an item is in the account's list of that kind.
func (m *Model) Reason(own Cells, kind Kind, item int32) Reason {
	if k, owned := slices.BinarySearch(own.Item, item); owned {
		code := Ordered
		if kind == Lapsed {
			code = GivenUp
		}
		return Reason{Code: code, Orders: int(own.Orders[k]), Days: int(own.DaysSince[k])}
	}
	because, adds, ok := m.Because(own, item)
	if !ok {
		return Reason{Code: Popular, Buyers: int(m.buyers[item])}
	}
	// What speaks against the item is left out, so that shares sum to 1.
	speaks := 0.0
	for _, i := range own.Item {
		if _, v, ok := m.Because(Cells{Item: []int32{i}}, item); ok {
			speaks += v
		}
	}
	k, _ := slices.BinarySearch(own.Item, because)
	r := Reason{
		Code: Alike, Because: m.past.Items[because].ID, Orders: int(own.Orders[k]), Days: int(own.DaysSince[k]),
		Share: adds / speaks, Buyers: int(m.buyers[item]),
	}
	if r.Share >= .5 {
		r.Code = Together
	}
	return r
}

// templates are the words, with the names of Reason's fields in braces.
var templates = map[ReasonCode][2]string{
	Ordered:  {"Ordered {orders}, last {days}.", "已订购 {orders} 次，最近一次在{days}。"},
	GivenUp:  {"Ordered {orders}, but not for {days}.", "曾订购 {orders} 次，但已有{days}未再订购。"},
	Together: {"Often bought together with {because}, which this account ordered {orders}.", "常与 {because} 一起购买，该客户已订购后者 {orders} 次。"},
	Alike:    {"Accounts that buy similar items buy this; of this account's items, {because} speaks for it most.", "购买相似商品的客户也买此商品；在该客户的商品中，{because} 与之关联最强。"},
	Popular:  {"Bought by {buyers}; nothing this account has bought points to it in particular.", "已有 {buyers} 个客户购买；该客户的购买记录中没有特别指向它的商品。"},
}

// Text says the reason in English and Simplified Chinese. name turns an item's id
// into what people call it; nil keeps the id.
func (r Reason) Text(name func(id string) string) (en, zh string) {
	because := r.Because
	if name != nil && because != "" {
		because = name(because)
	}
	times, days, ago := fmt.Sprintf("%d times", r.Orders), plural(r.Days, "day"), fmt.Sprintf(" %d 天", r.Days)
	switch r.Orders {
	case 1:
		times = "once"
	case 2:
		times = "twice"
	}
	switch {
	case r.Code != Ordered:
	case r.Days == 0:
		days, ago = "today", "今天"
	default:
		days, ago = days+" ago", ago+"前"
	}
	words := templates[r.Code]
	en = strings.NewReplacer("{orders}", times, "{days}", days, "{because}", because, "{buyers}", plural(r.Buyers, "account")).Replace(words[0])
	zh = strings.NewReplacer("{orders}", fmt.Sprint(r.Orders), "{days}", ago, "{because}", because, "{buyers}", fmt.Sprint(r.Buyers)).Replace(words[1])
	return en, zh
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
