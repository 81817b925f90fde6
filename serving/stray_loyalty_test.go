package serving

import (
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
)

func TestSettingsThatNameNothingAreSaid(t *testing.T) {
	settings := DefaultSettings()
	l := &settings.Worth.Loyalty
	c := &crowd{profiles: []features.Profile{{Segment: "trade"}, {}, {Segment: "retail"}}, frame: &frame.Frame{Accounts: make([]frame.AccountID, 3)}}
	s := &Service{Settings: settings}
	if notes := s.strayLoyalty(l, c); len(notes) > 0 {
		t.Errorf("the defaults name nothing: %+v", notes)
	}
	for _, name := range loyalty.Extras() {
		l.Caps = append(l.Caps, loyalty.Cap{Name: "over " + name, Condition: loyalty.Condition{Column: name, Operator: ">", Value: 1}})
	}
	l.Caps = append(l.Caps,
		loyalty.Cap{Name: "slip", Condition: loyalty.Condition{Column: "complaint_open_day", Operator: ">", Value: 1}},
		loyalty.Cap{Name: "none", Condition: loyalty.Condition{Column: "q", Operator: ">", Value: 1}})
	l.Segments = map[string]loyalty.Weights{"trade": {}, "retial": {}, "government": {}}
	var said []string
	for _, n := range s.strayLoyalty(l, c) {
		if n.ZH == "" || n.ZH == n.EN {
			t.Errorf("not in Chinese: %+v", n)
		}
		said = append(said, n.EN)
	}
	want := `The exception slip reads the column complaint_open_day, which there is not, so that it never holds; did you mean complaint_open_days?
The exception none reads the column q, which there is not, so that it never holds
Segment government has weights of its own and no account is of it; there are retail, trade
Segment retial has weights of its own and no account is of it; did you mean retail?`
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
	settings.Worth.Loyalty = *l
	if got := settings.StrayLoyalty(nil); len(got) != 2 {
		t.Errorf("without the accounts %+v", got)
	}
}

// Words are how a number is said, not how it comes about.
func TestWordsOfExceptionsChangeNoHash(t *testing.T) {
	with := func(change func(*loyalty.Settings)) string {
		s := DefaultSettings()
		s.Worth.Loyalty.Caps = append(s.Worth.Loyalty.Caps, loyalty.Cap{Name: "own", Condition: loyalty.Condition{Column: "overdue_days", Operator: ">", Value: 5}, Cap: 40, EN: "a", ZH: "b"})
		change(&s.Worth.Loyalty)
		return s.Hash()
	}
	plain := with(func(*loyalty.Settings) {})
	if got := with(func(l *loyalty.Settings) { l.Caps[0].EN, l.Caps[2].ZH = "said otherwise", "c" }); got != plain {
		t.Error("other words make other settings")
	}
	if got := with(func(l *loyalty.Settings) { l.Caps[2].Cap = 41 }); got == plain {
		t.Error("another bound makes the same settings")
	}
	// Settings other than the defaults keep the hash that they had before answers named
	// the bounds of policies.
	months := DefaultSettings()
	months.Worth.LifetimeMonths = 24
	if got, was := months.Hash(), "d85d83d0f404f766563feef0bb94d477"; got != was {
		t.Errorf("two years of lifetime have the hash %s, had %s", got, was)
	}
	months.Worth.Loyalty.Tiers.Policies[loyalty.VIP] = loyalty.Policy{ContactDays: 7}
	if got, was := months.Hash(), "ef0bd4af257b81db431f1f2ab654b606"; got != was {
		t.Errorf("with a policy of its own the hash is %s, was %s", got, was)
	}
	said := DefaultSettings()
	said.Worth.Loyalty.Caps[1].EN = "said otherwise"
	if d := DefaultSettings(); said.Hash() != d.Hash() {
		t.Error("the defaults in other words are not the defaults")
	}
}
