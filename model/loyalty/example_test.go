package loyalty_test

import (
	"context"
	"fmt"
	"math"

	"fealty/features/frame"
	"fealty/model/loyalty"
)

// batch is two accounts of which little is kept: when they bought.
func batch() loyalty.Input {
	column := func(name string, values ...float64) frame.Column {
		return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values}
	}
	return loyalty.Input{Frame: &frame.Frame{
		Accounts: []frame.AccountID{"C-1", "C-2"}, Cutoffs: []frame.Cutoff{1_700_000_000, 1_700_000_000},
		Table: frame.Table{Columns: []frame.Column{
			column("tenure_days", 1095, 730), column("buying_days_total", 40, 9), column("buying_days_365d", 12, 4),
			column("active_month_share", .5, .25), column("recency_to_gap", 1, 4), column("complaint_open_days", 20, math.NaN()),
		}},
	}}
}

func ExampleEvaluate() {
	scores, err := loyalty.Evaluate(context.Background(), batch(), loyalty.DefaultSettings())
	if err != nil {
		fmt.Println(err)
		return
	}
	a := scores.Explain(0)
	fmt.Printf("%.1f, computed %.1f, from %.0f of 100 points\n", a.Score, a.Computed, a.Measured)
	for _, p := range a.Parts {
		if p.Used > 0 {
			fmt.Printf("%s %.0f: asked %.0f, used %.0f\n", p.Indicator, p.Value, p.Asked, p.Used)
		}
	}
	fmt.Println(a.Cap.Sentence(a.CapValue, a.CapUnit, "en"))
	fmt.Println(a.Parts[loyalty.Variety].Sentence("en"))
	// Output:
	// 60.0, computed 75.8, from 40 of 100 points
	// repeat_purchase 80: asked 16, used 40
	// duration 70: asked 10, used 25
	// frequency_turnover 75: asked 14, used 35
	// A complaint has been open for 20 days: at most 60
	// Buys other kinds: not measurable here (the data for it is not kept here)
}

func ExamplePreviewSettings() {
	proposed := loyalty.DefaultSettings()
	proposed.Weights = loyalty.Weights{"repeat_purchase": 50, "duration": 50}
	p, err := loyalty.PreviewSettings(context.Background(), batch(), loyalty.DefaultSettings(), proposed, 1, []float64{50})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f to %.1f; rose above 50: %d\n", p.Account.Old.Score, p.Account.New.Score, p.Crossings[0].Up)
	fmt.Printf("duration adds %+.1f points\n", p.Account.Shift[loyalty.Duration])
	// Output:
	// 41.1 to 44.2; rose above 50: 0
	// duration adds +13.8 points
}

func ExampleFigure_Formula() {
	f := loyalty.Figures()[2]
	fmt.Println(f.Label.EN+":", f.Formula("en"))
	fmt.Println(f.Label.ZH+"：", f.Formula("zh"))
	fmt.Println(f.Of(map[loyalty.Sum]float64{loyalty.Revenue: 10, loyalty.GoodsCost: 4}).Sentence("en"))
	// Output:
	// Profit: revenue − cost of goods − cost of service
	// 利润： 收入 − 商品成本 − 服务成本
	// Profit: not measurable without: cost of service
}

func ExampleVerdictRules_Judge() {
	rules := loyalty.DefaultSettings().Verdicts
	nan := math.NaN()
	j := rules.Judge(loyalty.Facts{
		NetValue: -120, NetValueBefore: -80, Potential: nan, Risk: nan, OverdueDays: nan, OverdueAmount: nan,
		Spend365d: nan, ReturnsShare365d: nan, ReturnOrders365d: nan, DiscountShare365d: nan,
	})
	fmt.Println(j.Verdict.Label("en"))
	words, _ := loyalty.WordsOfGround(j.Records()[0])
	fmt.Println(words.EN)
	// Output:
	// Review by a person
	// Net value -120.00 in the last year and -80.00 in the year before
}
