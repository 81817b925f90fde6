package serving

import (
	"math"
	"time"

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
	// unit is how many days their unit of time has.
	unit float64
	// mean is the spend of a purchase, rows are the rows of the frame.
	mean []float64
	rows []int
	// why is, by row of the frame, why it has no history, "" where it has one.
	why []string
}

// historiesOf reads the histories that a kind of model is of out of a frame of
// features: a purchase is a buying day and time is counted in days, or a calendar month
// of the zone with a purchase, in months.
func historiesOf(f *frame.Frame, kind lifetime.Kind, zone *time.Location) *histories {
	h := &histories{unit: 1, why: make([]string, f.Rows())}
	read, spend, purchases := derive.Histories(f).Of, values(f, "spend_total"), values(f, "buying_days_total")
	if kind.Discrete() {
		m := monthsOf(f, zone)
		h.unit, read, purchases = lifetime.DefaultTerms().Month, m.of, m.bought
	}
	for i := range f.Rows() {
		x, t, age, ok := read(i)
		m := spend[i] / purchases[i]
		switch {
		case !ok || math.IsNaN(m):
			h.why[i] = noHistory
		case !(m > 0):
			h.why[i] = returnsOutweigh
		default:
			h.Frequency, h.Recency, h.Age, h.Paid = append(h.Frequency, x), append(h.Recency, t), append(h.Age, age), append(h.Paid, purchases[i])
			h.mean, h.rows = append(h.mean, m), append(h.rows, i)
		}
	}
	return h
}

// span is so many days in the histories' unit.
func (h *histories) span(days float64) float64 { return days / h.unit }

// terms are those of a value, whose months are counted in days, in the histories' unit.
func (h *histories) terms(t lifetime.Terms) lifetime.Terms {
	t.Month = h.span(t.Month)
	return t
}

// months reads histories whose chances to buy are calendar months: those after the
// month of the first purchase up to the last that is over. The running month counts
// once the account has bought in it, and is left out before.
type months struct {
	tenure, recency []float64
	// bought is in how many months each account has bought, NaN where that is not known.
	bought []float64
	// today is the day of each row's cutoff, running the month that it lies in or ends,
	// and over tells that it ends that month.
	today   []time.Time
	running []int
	over    []bool
}

// monthsOf reads them out of a frame of features: the months with a purchase are their
// share of the months since the first one.
func monthsOf(f *frame.Frame, zone *time.Location) *months {
	m := &months{tenure: values(f, tenureColumn), recency: values(f, "recency_days"), bought: unmeasured(f.Rows())}
	share := values(f, "active_month_share")
	for i, c := range f.Cutoffs {
		at := time.Unix(int64(c), 0).In(zone)
		year, month, day := at.Date()
		before := monthOf(at.Add(-time.Second))
		m.today, m.running, m.over = append(m.today, time.Date(year, month, day, 0, 0, 0, 0, time.UTC)), append(m.running, before), append(m.over, before != monthOf(at))
		if !math.IsNaN(m.tenure[i]) {
			m.bought[i] = math.Round(share[i] * float64(before-m.ago(i, m.tenure[i])+1))
		}
	}
	return m
}

// monthOf counts months from the year 0 on.
func monthOf(t time.Time) int { return 12*t.Year() + int(t.Month()) }

// ago is the month of the day so many days before that of row i's cutoff.
func (m *months) ago(i int, days float64) int { return monthOf(m.today[i].AddDate(0, 0, -int(days))) }

// of reads x, t_x and n of a row. Recency leaves out rests of the account, as it does
// where time is counted in days: what disagrees by them is kept within what a history
// can be.
func (m *months) of(i int) (x, t, n float64, ok bool) {
	if !(m.bought[i] >= 1) || math.IsNaN(m.recency[i]) {
		return 0, 0, 0, false
	}
	first := m.ago(i, m.tenure[i])
	if m.bought[i] == 1 { // silent since, but for its rests
		first = m.ago(i, min(m.tenure[i], m.recency[i]))
	}
	since := max(float64(m.running[i]-first), 0) // it may have rested up to a month that begins now
	n = since
	if !m.over[i] {
		n = max(since-1, 0)
	}
	if x = m.bought[i] - 1; x == 0 {
		return 0, 0, n, true
	}
	t = min(max(float64(m.ago(i, m.recency[i])-first), x), since)
	return x, t, max(n, t), true
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
		unit:      h.unit, mean: picked(h.mean, which), rows: picked(h.rows, which),
	}
}
