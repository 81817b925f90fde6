package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/model/score"
)

// Sum is one handed-in sum over a period and a value of a dimension. Amounts are in
// base currency.
type Sum string

// The sums.
const (
	Revenue              Sum = "revenue"
	GoodsCost            Sum = "goods_cost"
	ServiceCost          Sum = "service_cost"
	WorkingDays          Sum = "working_days"
	AccountsAtRisk       Sum = "accounts_at_risk"
	AccountsScored       Sum = "accounts_scored"
	ValueAtRisk          Sum = "value_at_risk"
	ExpectedValue        Sum = "expected_value"
	CustomerAssets       Sum = "customer_assets"
	Visits               Sum = "visits"
	Accounts             Sum = "accounts"
	CashCollected        Sum = "cash_collected"
	ReceivablesDue       Sum = "receivables_due"
	ReceivablesCollected Sum = "receivables_collected"
	VisitCost            Sum = "visit_cost"
	Target               Sum = "target"
)

var sumWords = map[Sum]Words{
	Revenue:              {"revenue", "收入"},
	GoodsCost:            {"cost of goods", "商品成本"},
	ServiceCost:          {"cost of service", "服务成本"},
	WorkingDays:          {"working days of the people who look after it", "负责人员的工作天数"},
	AccountsAtRisk:       {"accounts in the high band", "高风险客户数"},
	AccountsScored:       {"scored accounts", "已评分客户数"},
	ValueAtRisk:          {"value at risk", "风险价值"},
	ExpectedValue:        {"expected value over the same horizon", "同期预期价值"},
	CustomerAssets:       {"customer assets (mean receivables and what was spent to win and keep)", "客户资产（平均应收款及获取与维护投入）"},
	Visits:               {"accounts visited, once per account and day", "拜访客户数（每户每日计一次）"},
	Accounts:             {"accounts that bought", "有购买的客户数"},
	CashCollected:        {"payments received", "已收款项"},
	ReceivablesDue:       {"receivables due", "到期应收款"},
	ReceivablesCollected: {"of those, received", "其中已收回"},
	VisitCost:            {"cost of visits", "拜访成本"},
	Target:               {"target", "目标"},
}

// Label names the sum.
func (s Sum) Label(lang score.Language) string { return label(sumWords, s, lang) }

// Sums returns the names of the sums in order.
func Sums() []Sum { return keysOf(sumWords) }

// Figure is a portfolio figure: (the sum of Plus − the sum of Minus) ÷ Per.
type Figure struct {
	Name string
	// Unit is the unit of the value; "base currency", "share", "accounts per day".
	Unit  string
	Label Words
	// Plus and Minus are added and subtracted; Per divides, "" for none. The figure
	// needs all of them.
	Plus, Minus []Sum
	Per         Sum
	// Manager figures are of an account manager; the others of a customer, product,
	// department or region.
	Manager bool
	// Instead names the figure that tells as much as can be told without the cost of
	// service, "" for none.
	Instead string
}

// Figures returns the portfolio figures. What they point to is shared and must not be
// changed.
func Figures() []Figure { return slices.Clone(figures) }

var figures = []Figure{
	{Name: "cost", Unit: "base currency", Label: Words{"Cost", "成本"}, Plus: []Sum{GoodsCost, ServiceCost}, Instead: "cost_of_goods"},
	{Name: "cost_of_goods", Unit: "base currency", Label: Words{"Cost of goods", "商品成本"}, Plus: []Sum{GoodsCost}},
	{Name: "profit", Unit: "base currency", Label: Words{"Profit", "利润"}, Plus: []Sum{Revenue}, Minus: []Sum{GoodsCost, ServiceCost}, Instead: "gross_profit"},
	{Name: "gross_profit", Unit: "base currency", Label: Words{"Gross profit", "毛利"}, Plus: []Sum{Revenue}, Minus: []Sum{GoodsCost}},
	{Name: "productivity", Unit: "base currency per day", Label: Words{"Productivity", "生产率"}, Plus: []Sum{Revenue}, Per: WorkingDays},
	{Name: "risk_rate", Unit: "share", Label: Words{"Risk rate", "风险率"}, Plus: []Sum{AccountsAtRisk}, Per: AccountsScored},
	{Name: "value_risk_rate", Unit: "share", Label: Words{"Risk rate by value", "按价值计的风险率"}, Plus: []Sum{ValueAtRisk}, Per: ExpectedValue},
	{Name: "return_on_customer_assets", Unit: "share", Label: Words{"Return on customer assets", "客户资产回报率"}, Plus: []Sum{Revenue}, Minus: []Sum{GoodsCost, ServiceCost}, Per: CustomerAssets},
	{Name: "visits_per_day", Unit: "accounts per day", Label: Words{"Accounts visited per day", "日均拜访客户数"}, Plus: []Sum{Visits}, Per: WorkingDays, Manager: true},
	{Name: "revenue_per_account", Unit: "base currency", Label: Words{"Revenue per account", "户均收入"}, Plus: []Sum{Revenue}, Per: Accounts, Manager: true},
	{Name: "cash_collection", Unit: "share", Label: Words{"Cash collection", "现金回收率"}, Plus: []Sum{CashCollected}, Per: Revenue, Manager: true},
	{Name: "receivables_collection", Unit: "share", Label: Words{"Collection of receivables", "应收款回收率"}, Plus: []Sum{ReceivablesCollected}, Per: ReceivablesDue, Manager: true},
	{Name: "cost_per_visit", Unit: "base currency", Label: Words{"Cost per visit", "单次拜访成本"}, Plus: []Sum{VisitCost}, Per: Visits, Manager: true},
	{Name: "target_attainment", Unit: "share", Label: Words{"Attainment of the target", "目标完成率"}, Plus: []Sum{Revenue}, Per: Target, Manager: true},
}

// FigureValue is a figure for given sums.
type FigureValue struct {
	Figure Figure
	// Value is NaN when not measurable; Lacks then names the sums that are missing,
	// or the divisor that is not above 0.
	Value float64
	Lacks []Sum
}

// Of computes the figure. A sum that is absent or NaN makes it not measurable, as
// does a divisor that is not above 0.
func (f Figure) Of(sums map[Sum]float64) FigureValue {
	v := FigureValue{Figure: f}
	get := func(name Sum) float64 {
		value, ok := sums[name]
		if !ok || math.IsNaN(value) {
			v.Lacks = append(v.Lacks, name)
			return math.NaN()
		}
		return value
	}
	for _, name := range f.Plus {
		v.Value += get(name)
	}
	for _, name := range f.Minus {
		v.Value -= get(name)
	}
	if f.Per != "" {
		per := get(f.Per)
		if per <= 0 {
			v.Lacks = append(v.Lacks, f.Per)
		}
		v.Value = ratio(v.Value, per)
	}
	return v
}

// Portfolio computes all figures of a manager, or of a customer, product,
// department or region. An unknown sum is refused by name.
func Portfolio(sums map[Sum]float64, manager bool) ([]FigureValue, error) {
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if _, ok := sumWords[name]; !ok {
			return nil, fmt.Errorf("loyalty: unknown sum %q; there are %v", name, Sums())
		}
		if math.IsInf(sums[name], 0) {
			return nil, fmt.Errorf("loyalty: the sum %s is %v; a missing sum is NaN or absent", name, sums[name])
		}
	}
	var out []FigureValue
	for _, f := range figures {
		if f.Manager == manager {
			out = append(out, f.Of(sums))
		}
	}
	return out, nil
}

// Formula writes the figure as text.
func (f Figure) Formula(lang score.Language) string {
	join := func(sums []Sum, with string) string {
		names := make([]string, len(sums))
		for k, s := range sums {
			names[k] = s.Label(lang)
		}
		return strings.Join(names, with)
	}
	text := join(f.Plus, " + ")
	if len(f.Minus) > 0 {
		text += " − " + join(f.Minus, " − ")
	}
	if f.Per == "" {
		return text
	}
	if len(f.Plus)+len(f.Minus) > 1 {
		text = "(" + text + ")"
	}
	return text + " ÷ " + f.Per.Label(lang)
}

// Sentence says the value, or which data it lacks.
func (v FigureValue) Sentence(lang score.Language) string {
	name := v.Figure.Label.In(lang) + Words{": ", "："}.In(lang)
	if !math.IsNaN(v.Value) {
		return name + score.Format(v.Value, v.Figure.Unit)
	}
	lacks := make([]string, len(v.Lacks))
	for k, s := range v.Lacks {
		lacks[k] = s.Label(lang)
	}
	return name + fmt.Sprintf(Words{"not measurable without: %s", "缺少以下数据而无法衡量：%s"}.In(lang), strings.Join(lacks, Words{", ", "、"}.In(lang)))
}
