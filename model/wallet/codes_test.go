package wallet

import (
	"strings"
	"testing"
)

// Every code that a record may hold has words in both languages that name nothing
// which a record does not keep.
func TestCodesOfRecordsHaveWords(t *testing.T) {
	stored := Stored{Category: "tea", Low: 10, High: 5000, Spend: 7}
	check := func(code, en, zh string, ok bool) {
		t.Helper()
		if !ok || en == "" || zh == "" || en == zh || strings.ContainsAny(en+zh, "{}") {
			t.Errorf("%s says %q, %q, %v", code, en, zh, ok)
		}
	}
	for _, s := range []State{Unknown, Estimated, Known} {
		en, zh, ok := StateText(s.String())
		check(s.String(), en, zh, ok)
	}
	for w := DeclaredAmount; int(w) < len(whys); w++ {
		en, zh, ok := WhyText(w.String(), stored)
		check(w.String(), en, zh, ok)
	}
	for _, w := range []NoTrend{FirstYear, ShortData, NeverHere} {
		en, zh, ok := NoTrendText(string(w), stored)
		check(string(w), en, zh, ok)
	}
	for _, f := range Flags(1<<len(flags) - 1).Each() {
		en, zh, ok := FlagText(f.String(), stored)
		check(f.String(), en, zh, ok)
	}
	if en, _, _ := WhyText("too_wide", stored); en != "unknown: anything from 10.00 to 5,000.00 is likely, too wide to act on" {
		t.Errorf("too wide says %q", en)
	}
	if en, zh, _ := FlagText("not_bought", stored); !strings.Contains(en, "tea") || !strings.Contains(zh, "tea") {
		t.Errorf("not bought says %q, %q", en, zh)
	}
	if en, zh, _ := WhyText("peers", Stored{}); en != "from what similar accounts spend in all categories" || !strings.Contains(zh, "全部品类") {
		t.Errorf("without a category peers say %q, %q", en, zh)
	}
	told := Stored{Category: "tea", Author: "Li Wei", Period: "2026-01-01"}
	for code, w := range map[string][2]string{
		"declared_amount": {"declared by Li Wei for the year from 2026-01-01", "由Li Wei申报，自2026-01-01起的一年"},
		"declared_rank":   {"from a rank among its suppliers, said by Li Wei for the year from 2026-01-01 (Wallet Allocation Rule)", "根据Li Wei给出的、自2026-01-01起一年的供应商排名按钱包分配法则推算"},
	} {
		if en, zh, _ := WhyText(code, told); en != w[0] || zh != w[1] {
			t.Errorf("%s says %q, %q", code, en, zh)
		}
	}
	for w := DeclaredAmount; int(w) < len(whys); w++ {
		en, zh, ok := WhyText(w.String(), told)
		check(w.String()+" by somebody", en, zh, ok)
	}
	for code := range briefs {
		_, _, why := WhyText(code, stored)
		_, _, flag := FlagText(code, stored)
		if why == flag {
			t.Errorf("brief words of %q, which is no code or two", code)
		}
	}
	for _, text := range []func(string) bool{
		func(c string) bool { _, _, ok := StateText(c); return ok }, func(c string) bool { _, _, ok := WhyText(c, stored); return ok },
		func(c string) bool { _, _, ok := FlagText(c, stored); return ok },
	} {
		if text("gold") {
			t.Error("an unknown code has words")
		}
	}
}
