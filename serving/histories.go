package serving

import (
	"math"

	"fealty/features/frame"
	"fealty/model/derive"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
)

// Codes of why a lifetime model does not tell all of an account.
const (
	// returnsOutweigh: there is no spend per purchase to tell anything by.
	returnsOutweigh = "returns_outweigh"
	// noHistory: no purchase, or none that can be dated.
	noHistory = "no_history"
	// noModel: none could be fitted.
	noModel = "no_model"
	// noDeparture: in the model nobody leaves, so that nobody can say who has.
	noDeparture = "no_departure"
)

// lifetimeWhys are their words.
var lifetimeWhys = map[string]loyalty.Words{
	returnsOutweigh: {EN: "Its returns outweigh its purchases, so that there is no spend per purchase to tell a lifetime by", ZH: "退货金额超过购买金额，没有可据以估计的单次消费"},
	noHistory:       {EN: "Its purchases can't be dated, so that there is no history to tell a lifetime by", ZH: "购买日期不详，没有可据以估计的购买历史"},
	noModel:         {EN: "The model has no lifetime model: fealty lifetime --fit says why", ZH: "该模型没有可用的生命周期模型，原因见 fealty lifetime --fit"},
	noDeparture:     {EN: "Nobody is seen to leave in these histories, so that nobody can say who is still a customer; the forecast takes all for customers", ZH: "从购买历史中看不出有客户离开，无法判断谁仍是客户；预测把所有账户都当作客户"},
}

// histories are those that lifetimes are told by: of the rows of a frame whose
// purchases outweigh their returns.
type histories struct {
	lifetime.Histories
	// mean is the spend of a buying day, rows are the rows of the frame.
	mean []float64
	rows []int
	// why is, by row of the frame, why it has no history, "" where it has one.
	why []string
}

// historiesOf reads histories out of a frame of features.
func historiesOf(f *frame.Frame) *histories {
	h := &histories{why: make([]string, f.Rows())}
	read, spend, days := derive.Histories(f), values(f, "spend_total"), values(f, "buying_days_total")
	for i := range f.Rows() {
		x, t, age, ok := read.Of(i)
		m := spend[i] / days[i]
		switch {
		case !ok || math.IsNaN(m):
			h.why[i] = noHistory
		case !(m > 0):
			h.why[i] = returnsOutweigh
		default:
			h.Frequency, h.Recency, h.Age, h.Paid = append(h.Frequency, x), append(h.Recency, t), append(h.Age, age), append(h.Paid, days[i])
			h.mean, h.rows = append(h.mean, m), append(h.rows, i)
		}
	}
	return h
}

// missing counts the rows without a history for a reason.
func (h *histories) missing(why string) int {
	n := 0
	for _, w := range h.why {
		if w == why {
			n++
		}
	}
	return n
}

// take returns the histories of some of these rows, without the reasons of others.
func (h *histories) take(which []int) *histories {
	return &histories{
		Histories: lifetime.Histories{Frequency: picked(h.Frequency, which), Recency: picked(h.Recency, which), Age: picked(h.Age, which), Paid: picked(h.Paid, which)},
		mean:      picked(h.mean, which), rows: picked(h.rows, which),
	}
}
