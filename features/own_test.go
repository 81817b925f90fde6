package features_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

// ownEntry is an entry as a team writes it.
const ownEntry = `source: order_lines
features:
  - name: large_orders_180d
    unit: order lines
    group: own
    factor: value
    risk_when_higher: lower
    actionable: true
    kind: count
    label: {en: Large orders of 180 days, zh: 近180天大额订单}
    reasons:
      en: ["Large orders in the last 180 days: {large_orders_180d}"]
      zh: ["近180天大额订单：{large_orders_180d}"]
  - name: large_share
    unit: share
    group: own
    factor: value
    risk_when_higher: either
    kind: ratio
    of: [large_orders_180d, orders_180d]
    label: {en: Share of large orders, zh: 大额订单占比}
    reasons: {en: ["Of {orders_180d} orders {large_orders_180d} were large"], zh: ["{orders_180d}笔订单中{large_orders_180d}笔为大额"]}
`

func TestATeamsEntryBecomesFeatures(t *testing.T) {
	file := features.OwnFile{Name: "large", SQL: "SELECT 1", Entry: ownEntry}
	all, refused := features.WithOwn(features.Catalogue(), []features.OwnFile{file})
	if len(refused) > 0 {
		t.Fatal(refused)
	}
	own := all[len(features.Catalogue()):]
	if len(own) != 2 || own[0].File.Name != "own/large.sql" || !own[0].File.Own() || !own[0].Zero || !own[0].Integer ||
		own[0].Direction != frame.Lowers || !own[0].Actionable || own[1].Kind != features.Ratio || own[1].Factor != features.Value {
		t.Errorf("read %+v", own)
	}
	if err := features.Check(all); err != nil {
		t.Error(err)
	}
	if n := len(features.Files(all)); n != len(features.Files(features.Catalogue()))+1 {
		t.Errorf("%d files", n)
	}
}

// Every slip is refused with its reason, and nothing of the file is taken.
func TestEntriesThatAreRefused(t *testing.T) {
	change := func(from, to string) string {
		if !strings.Contains(ownEntry, from) {
			t.Fatalf("the entry has no %q", from)
		}
		return strings.Replace(ownEntry, from, to, 1)
	}
	for _, c := range []struct{ entry, want string }{
		{"features: [", "large.yaml: line 1"},
		{"", "large.yaml: EOF"},
		{"- a\n- b\n", "cannot unmarshal"},
		{ownEntry + "---\nsource: wallets\n", "something stands behind the entry"},
		{change("source: order_lines", "source: outcomes"), `source "outcomes" is none of order_lines,`},
		{change("source: order_lines", "source: order_lines.promotion"), "is none of"},
		{"source: order_lines\n", "lists no features"},
		{change("    group: own\n", "    colour: red\n"), "field colour not found"},
		{change("    group: own\n", ""), "unit, group, label or reasons"},
		{change("name: large_orders_180d", "name: recency_days"), `feature "recency_days": there is one of that name already`},
		{change("name: large_share", "name: large_orders_180d"), "stands twice"},
		{change("name: large_share", "name: Large"), `"Large": its name is not`},
		{change("name: large_share", "name: cutoff"), `"cutoff": its name is not`},
		{change("kind: count", "kind: number"), `kind "number" is none of count`},
		{change("kind: count", "kind: ratio"), "no feature is a column of the SQL's answer"},
		{change("    of: [large_orders_180d, orders_180d]\n", ""), "is made of 0 features"},
		{change("factor: value", "factor: luck"), `factor "luck" is none of frequency`},
		{change("risk_when_higher: lower", "risk_when_higher: raises"), "is none of higher, lower, either"},
		{change("of: [large_orders_180d, orders_180d]", "of: [large_orders_180d, nobody]"), `made of "nobody"`},
		{change("kind: count", "kind: count\n    needs: order_lines.colour"), `needs "order_lines.colour", which is none of`},
		{change("kind: count", "kind: count\n    of: [a, b]"), "of belongs to a ratio"},
		{change("180 days: {large_orders_180d}", "180 days: {large}"), `names "large", which is no feature`},
		{change("180 days: {large_orders_180d}", "180 days: {large"), "braces"},
		{change("zh: [\"近180天大额订单：{large_orders_180d}\"]", "zh: []"), "1 English and 0 Chinese"},
		{change("zh: 近180天大额订单}", "zh: \"\\u001b[31m\"}"), "control character"},
	} {
		own, err := features.ReadOwn(&features.OwnFile{Name: "large", SQL: "SELECT 1", Entry: c.entry}, features.Catalogue())
		if !errors.Is(err, features.ErrOwn) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "own/large.sql: ") || own != nil {
			t.Errorf("want %q, got %v %v", c.want, own, err)
		}
	}
	for _, f := range []features.OwnFile{
		{Name: "Large", SQL: "SELECT 1", Entry: ownEntry}, {Name: "../x", SQL: "SELECT 1", Entry: ownEntry}, {Name: "large", Entry: ownEntry},
		{Name: "large", SQL: strings.Repeat(" ", features.MaxOwnBytes+1), Entry: ownEntry}, {Name: "large", SQL: "x", Entry: ownEntry, Fault: "there is no large.yaml"},
	} {
		if _, err := features.ReadOwn(&f, nil); !errors.Is(err, features.ErrOwn) {
			t.Errorf("%q is answered by %v", f.Name, err)
		}
	}
}

// Of two files that clash the first stands.
func TestOfTwoFilesThatClashTheLaterIsRefused(t *testing.T) {
	files := []features.OwnFile{{Name: "one", SQL: "SELECT 1", Entry: ownEntry}, {Name: "two", SQL: "SELECT 2", Entry: ownEntry}}
	all, refused := features.WithOwn(features.Catalogue(), files)
	if len(refused) != 1 || refused["own/two.sql"] == nil || !slices.Contains(features.Names(all), "large_share") {
		t.Errorf("refused %v", refused)
	}
}
