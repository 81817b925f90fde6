package loyalty

import (
	"strings"
	"testing"
)

// Every code has its rule in both languages, and a rule says the bounds that are set.
func TestRulesSayWhatIsSet(t *testing.T) {
	s := DefaultSettings()
	s.Tiers.VIPShare, s.Tiers.Policies[Small] = .07, Policy{}
	s.Levels.Friend = Closeness{TenureDays: 777, Contacts365d: 8}
	s.RFM.Spend = []float64{111, 222}
	s.Verdicts.ArrearsDays, s.Verdicts.GrowRisk = 88, .44
	said := map[string]string{}
	for _, d := range s.Rules() {
		if d.Words.EN == "" || d.Words.ZH == "" || strings.Contains(d.Words.EN+d.Words.ZH, "%!") || said[d.Of+" "+d.Code] != "" {
			t.Errorf("%+v", d)
		}
		said[d.Of+" "+d.Code] = d.Words.EN
	}
	for code, want := range map[string]string{
		"tier vip": "7 %", "tier small": "74 %", "policy vip": "contact every 14 days", "policy small": "no bound", "level friend": "777 days and 8 contacts",
		"rfm monetary": "111 222", "verdict review": "88 days", "verdict grow": "44 %", "value existing": "service cost", "breach pays_late": "later",
		"level confidant": "1095", "verdict keep": "others", "verdict fix_terms": "25 %", "rfm recency": "30 60 120 240", "tier major": "4 %",
	} {
		if !strings.Contains(said[code], want) {
			t.Errorf("%s says %q, not %q", code, said[code], want)
		}
	}
	for _, p := range WorthParts() {
		if said["value "+string(p)] == "" {
			t.Errorf("no rule of %s", p)
		}
	}
}
