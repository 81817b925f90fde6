package crosssell_test

import (
	"context"
	"fmt"

	"fealty/features/frame"
	"fealty/model/crosssell"
)

// Who buys tea buys biscuits; a new customer of tea is offered biscuits, except
// where they are not sold.
func Example() {
	b := crosssell.NewBuilder()
	for a := range 40 {
		account := frame.AccountID(fmt.Sprintf("account %02d", a))
		rows := []crosssell.Row{{Account: account, Item: "tea", Category: "drinks", Orders: 6, Recent: 2, Spend: 60, DaysSince: 10, Span: 150}}
		if a > 0 {
			rows = append(rows, crosssell.Row{Account: account, Item: "biscuits", Category: "sweets", Orders: 1, Spend: 4, DaysSince: 200})
		}
		if a%4 == 0 {
			rows = append(rows, crosssell.Row{Account: account, Item: "soap", Category: "household", Orders: 1, Recent: 1, Spend: 3, DaysSince: 20})
		}
		for _, r := range rows {
			if err := b.Add(r); err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	past, err := b.Purchases()
	if err != nil {
		fmt.Println(err)
		return
	}
	params := crosssell.Defaults()
	params.Lambda = 5
	m, report, err := crosssell.Fit(context.Background(), past, params)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Dense, "items in the closed form,", report.Tail, "beyond")
	rule, err := crosssell.Rules{Categories: []string{"household"}}.Compile(past)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range m.New(past.Cells(0), 3, rule(0)) {
		en, zh := m.Reason(past.Cells(0), crosssell.New, x.Item).Text(nil)
		fmt.Printf("%s: %s\n%s\n", past.Items[x.Item].ID, en, zh)
	}
	for _, x := range m.Lapsed(past.Cells(1), 3, nil) {
		en, _ := m.Reason(past.Cells(1), crosssell.Lapsed, x.Item).Text(nil)
		fmt.Printf("%s: %s\n", past.Items[x.Item].ID, en)
	}
	// Output:
	// 3 items in the closed form, 0 beyond
	// biscuits: Often bought together with tea, which this account ordered 6 times.
	// 常与 tea 一起购买，该客户已订购后者 6 次。
	// biscuits: Ordered once, but not for 200 days.
}
