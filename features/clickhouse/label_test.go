package clickhouse_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// rowsAt returns a slice of eligible accounts (ascending) at ascending cutoffs,
// without columns.
func rowsAt(accounts []string, cutoffs ...string) *features.Slice {
	s := &features.Slice{Frame: &frame.Frame{}}
	for _, a := range accounts {
		for _, c := range cutoffs {
			s.Frame.Accounts, s.Frame.Cutoffs = append(s.Frame.Accounts, frame.AccountID(a)), append(s.Frame.Cutoffs, frame.Cutoff(at(c)))
			s.Status = append(s.Status, features.Eligible)
		}
	}
	return s
}

func outcomes(t *testing.T, e clickhouse.Engine, rule features.LabelRule, s *features.Slice) *features.Outcome {
	t.Helper()
	o, err := clickhouse.Outcomes(t.Context(), e, features.LabelRequest{Rule: rule, Through: frame.Cutoff(at("2026-12-01")), Watermark: 1}, s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// pauseRow, consentRow and touchRow are rows of the tables that speak of
// exclusions; an instant of "" is empty.
type pauseRow struct{ account, start, end, recorded string }

type consentRow struct{ account, channel, purpose, given, withdrawn, recorded string }

type touchRow struct{ id, account, at, arm, recorded string }

func instant(s string) int64 {
	if s == "" {
		return absent
	}
	return at(s)
}

func either(s, other string) int64 {
	if s == "" {
		return at(other)
	}
	return at(s)
}

func fillStanding(t *testing.T, e clickhouse.Engine, pauses []pauseRow, consents []consentRow, touches []touchRow) {
	t.Helper()
	insert(t, e, "pauses",
		texts("account", pauses, func(p pauseRow) string { return p.account }),
		numbers("start", frame.Time, pauses, func(p pauseRow) int64 { return at(p.start) }),
		numbers("end", frame.Time, pauses, func(p pauseRow) int64 { return instant(p.end) }),
		numbers("recorded_at", frame.Time, pauses, func(p pauseRow) int64 { return either(p.recorded, p.start) }))
	insert(t, e, "consents",
		texts("account", consents, func(c consentRow) string { return c.account }),
		texts("channel", consents, func(c consentRow) string { return c.channel }),
		texts("purpose", consents, func(c consentRow) string { return c.purpose }),
		numbers("given_at", frame.Time, consents, func(c consentRow) int64 { return at(c.given) }),
		numbers("withdrawn_at", frame.Time, consents, func(c consentRow) int64 { return instant(c.withdrawn) }),
		numbers("recorded_at", frame.Time, consents, func(c consentRow) int64 { return either(c.recorded, c.given) }))
	insert(t, e, "touches",
		texts("id", touches, func(x touchRow) string { return x.id }),
		texts("account", touches, func(x touchRow) string { return x.account }),
		texts("arm", touches, func(x touchRow) string { return x.arm }),
		numbers("at", frame.Time, touches, func(x touchRow) int64 { return at(x.at) }),
		numbers("recorded_at", frame.Time, touches, func(x touchRow) int64 { return either(x.recorded, x.at) }))
}

// Two cutoffs, H = 60: [2025-03-01, 2025-04-30) and [2025-09-01, 2025-10-31).
func TestErasedOptedOutPausedAndTouchedRowsAreLeftOutByName(t *testing.T) {
	e := embedded(t)
	pauses := []pauseRow{
		{account: "pause-open", start: "2025-06-01"},                         // from June on, nobody knows until when
		{account: "pause-ended", start: "2025-01-01", end: "2025-03-01"},     // the end is not included
		{account: "pause-half", start: "2025-03-05", end: "2025-04-04"},      // 30 of 60 days
		{account: "pause-less", start: "2025-03-05", end: "2025-04-03"},      // 29 of 60 days
		{account: "pause-at-cutoff", start: "2025-03-01", end: "2025-03-02"}, // holds the instant
		{account: "pause-revoked", start: "2025-02-01", end: "2025-05-01"},
		{account: "pause-revoked", start: "2025-02-01", end: "2025-02-01", recorded: "2025-02-05"}, // corrected: there was none
	}
	consents := []consentRow{
		{"consent-all-gone", "email", "marketing", "2024-01-01", "2025-02-01", ""},
		{"consent-all-gone", "phone", "marketing", "2024-01-01", "2025-05-01", ""}, // still stands in March
		{"consent-again", "email", "marketing", "2024-01-01", "2024-02-01", ""},
		{"consent-again", "email", "marketing", "2024-06-01", "", ""}, // given anew
		{"consent-later", "email", "marketing", "2025-06-01", "2025-08-01", ""},
		{"consent-profiling", "", "Profiling", "2024-01-01", "2025-02-28", ""},
		{"consent-profiling", "email", "marketing", "2024-01-01", "", ""},
		{"erase-late", "", "erasure", "2026-06-01", "", ""},              // long after both windows
		{"erase-revoked", "", "erasure", "2025-01-01", "2025-01-05", ""}, // it thought better of it
	}
	touches := []touchRow{
		{"1", "touch-held-out", "2025-03-10", "Holdout", ""},
		{"2", "touch-in", "2025-03-01", "treated", ""},              // the first instant of the window
		{"3", "touch-out", "2025-04-30", "treated", ""},             // its end is not included
		{"4", "touch-moved", "2025-03-10", "treated", ""},           // entered wrongly,
		{"4", "touch-moved", "2025-01-10", "treated", "2025-04-01"}, // as the newest version says
	}
	names := []string{
		"consent-again", "consent-all-gone", "consent-later", "consent-profiling", "erase-late", "erase-revoked", "pause-at-cutoff", "pause-ended",
		"pause-half", "pause-less", "pause-open", "pause-revoked", "touch-held-out", "touch-in", "touch-moved", "touch-out",
	}
	rows := rowsAt(names, "2025-03-01", "2025-09-01")
	rule := features.LabelRule{Label: features.NonContractual, HorizonDays: 60}
	before := outcomes(t, e, rule, rows)
	if got := before.Counts()[features.Labelled]; got != len(rows.Status) {
		t.Fatalf("without the tables %d of %d rows are labelled", got, len(rows.Status))
	}
	fillStanding(t, e, pauses, consents, touches)

	row := func(account string, second int) string { return fmt.Sprint(account, " ", second) }
	excluded := map[string]string{
		row("consent-all-gone", 1): "opted_out", row("consent-later", 1): "opted_out",
		row("consent-profiling", 0): "opted_out", row("consent-profiling", 1): "opted_out",
		row("erase-late", 0): "erased", row("erase-late", 1): "erased",
		row("pause-at-cutoff", 0): "paused", row("pause-half", 0): "paused", row("pause-open", 1): "paused",
	}
	for _, leave := range []bool{false, true} {
		rule.ExcludeTouched = leave
		if leave {
			excluded[row("touch-in", 0)] = "touched"
		}
		o := outcomes(t, e, rule, rows)
		got := map[string]string{}
		var touched []string
		for i := range rows.Status {
			name := row(string(rows.Frame.Accounts[i]), i%2)
			if o.Excluded[i] != features.Labelled {
				got[name] = o.Excluded[i].String()
			}
			if o.Touched[i] {
				touched = append(touched, name)
			}
			if labelled := o.Y[i] == before.Y[i]; labelled != (o.Excluded[i] == features.Labelled) {
				t.Errorf("%s: label %v is left out for %s, %v without the tables", name, o.Y[i], o.Excluded[i], before.Y[i])
			}
		}
		if diff := cmp.Diff(excluded, got); diff != "" {
			t.Errorf("touched rows left out %v: exclusions (-want +got):\n%s", leave, diff)
		}
		if diff := cmp.Diff([]string{row("touch-in", 0)}, touched); diff != "" {
			t.Errorf("touched (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(before.Spend, outcomes(t, e, rule, rows).Spend, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("spend depends on exclusions (-without +with):\n%s", diff)
	}
}

// H = 60 and 30 days of grace at 2025-03-01.
func TestNonRenewalSpeaksOfContractsThatAreUpForIt(t *testing.T) {
	e := embedded(t)
	term := func(account, end, recorded string) contract {
		c := contract{id: account, account: account, start: at("2024-01-01"), end: instant(end)}
		if end == "" {
			c.end = 0
		}
		if recorded != "" {
			c.recorded = at(recorded)
		}
		return c
	}
	next := func(account, start string) contract {
		return contract{id: account + "-next", account: account, start: at(start), end: at("2027-01-01")}
	}
	cancelled := term("open-cancelled", "", "")
	cancelled.cancelled = at("2025-03-20")
	w := &town{contracts: []contract{
		term("ends", "2025-03-31", ""),
		term("follows", "2025-03-31", ""), next("follows", "2025-04-30"), // 30 days after the end
		term("follows-late", "2025-03-31", ""), next("follows-late", "2025-05-01"),
		term("moved", "2025-03-31", ""), term("moved", "2026-03-31", "2025-03-30"), // renewed by a later end
		term("moved-before", "2025-03-31", ""), term("moved-before", "2026-03-31", "2025-02-01"), // known before the cutoff
		term("cut-short", "2026-03-31", ""), term("cut-short", "2025-03-31", "2025-03-30"), // not up for renewal
		term("ends-at-cutoff", "2025-03-01", ""), term("ends-after", "2025-04-30", ""), term("ended", "2025-02-28", ""),
		cancelled, next("starts-later", "2025-03-10"),
	}}
	w.fill(t, e)
	names := []string{
		"cut-short", "ended", "ends", "ends-after", "ends-at-cutoff", "follows", "follows-late", "moved", "moved-before", "nothing", "open-cancelled", "starts-later",
	}
	rows := rowsAt(names, "2025-03-01")
	answer := func(label features.Label) map[string]float64 {
		o := outcomes(t, e, features.LabelRule{Label: label, HorizonDays: 60, GraceDays: 30}, rows)
		got := map[string]float64{}
		for i, a := range rows.Frame.Accounts {
			switch o.Excluded[i] {
			case features.Labelled:
				got[string(a)] = o.Y[i]
			case features.NoRenewal, features.NoContract:
			default:
				t.Errorf("%s of %s: %s", label, a, o.Excluded[i])
			}
		}
		return got
	}
	if diff := cmp.Diff(map[string]float64{"ends": 1, "follows": 0, "follows-late": 1, "moved": 0, "ends-at-cutoff": 1}, answer(features.NonRenewal)); diff != "" {
		t.Errorf("non-renewal (-want +got):\n%s", diff)
	}
	// What sets it apart: Contractual sees moved as never having been due, and speaks of everybody with a contract.
	if diff := cmp.Diff(map[string]float64{
		"ends": 1, "follows": 0, "follows-late": 1, "moved": 0, "ends-at-cutoff": 1,
		"moved-before": 0, "cut-short": 1, "ends-after": 0, "open-cancelled": 1,
	}, answer(features.Contractual)); diff != "" {
		t.Errorf("contractual (-want +got):\n%s", diff)
	}
}
