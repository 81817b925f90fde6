package serving

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"

	"pgregory.net/rapid"
)

// instant reads "2010-12-01 08:26", UTC.
func instant(s string) int64 {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

// shop is a service over orders of Online Retail I's span; its first and last
// order are those of the file.
func shop(settings Settings) *Service {
	return &Service{Settings: settings, Facts: &twinFacts{span: features.Span{
		Rows: 1, Accounts: 1, First: instant("2010-12-01 08:26"), Last: instant("2011-12-09 12:50"),
	}}}
}

func calendarOf(t *testing.T, settings Settings) *calendar {
	t.Helper()
	c, err := shop(settings).calendar(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func spelled(c *calendar, cutoffs []frame.Cutoff) string {
	var all []string
	for _, at := range cutoffs {
		all = append(all, c.text(at))
	}
	return strings.Join(all, " ")
}

// The choices were worked out on paper: data through the end of 2011-12-08, 90
// days of horizon and 7 of settling leave cutoffs up to 2011-09-03 with a final
// label; windows that end by the test begin 90 days before it; and 90 days of
// history from the first order's day, 2010-12-01, end on 2011-02-28.
func TestCutoffsAreMonthEnds(t *testing.T) {
	with := func(change func(*Settings)) Settings {
		s := DefaultSettings()
		change(&s)
		return s
	}
	for _, c := range []struct {
		name        string
		settings    Settings
		train, test string
	}{
		{"defaults", DefaultSettings(), "2011-02-28 2011-03-31 2011-04-30 2011-05-31", "2011-08-31"},
		{"a shorter horizon", with(func(s *Settings) { s.Label.HorizonDays = 30 }), "2010-12-31 2011-01-31 2011-02-28 2011-03-31 2011-04-30 2011-05-31 2011-06-30 2011-07-31 2011-08-31 2011-09-30", "2011-10-31"},
		{"settling until the end", with(func(s *Settings) { s.Label.SettleDays = 10 }), "2011-02-28 2011-03-31 2011-04-30", "2011-07-31"},
		{"less data than there is", with(func(s *Settings) { s.DataThrough = frame.Cutoff(instant("2011-11-01 00:00")) }), "2011-02-28 2011-03-31", "2011-06-30"},
		// A contract's end is judged 30 days later, so that its window is as much longer.
		{"contracts", with(func(s *Settings) { s.Label.Label = features.Contractual }), "2011-02-28 2011-03-31", "2011-07-31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cal := calendarOf(t, c.settings)
			train, test, err := cal.choose(nil, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := spelled(cal, train); got != c.train || cal.text(test) != c.test {
				t.Errorf("train %s, test %s; want %s and %s", got, cal.text(test), c.train, c.test)
			}
		})
	}
}

// Local midnights differ from UTC's by the zone's offset, and the offset moves
// in March and October.
func TestMonthEndsAreLocal(t *testing.T) {
	s := DefaultSettings()
	s.Zone = "Europe/Berlin"
	c := calendarOf(t, s)
	ends := c.monthEnds()
	if first, last := ends[0].String(), ends[len(ends)-1].String(); first != "2010-12-31T23:00:00Z" || last != "2011-11-30T23:00:00Z" {
		t.Errorf("month ends from %s to %s, want those of Berlin's midnights", first, last)
	}
	if !slices.Contains(ends, frame.Cutoff(instant("2011-06-30 22:00"))) {
		t.Error("the end of June lacks summer time")
	}
	if got := c.through.String(); got != "2011-12-08T23:00:00Z" {
		t.Errorf("data through %s, want the beginning of Berlin's 9 December", got)
	}
}

func TestNoMoreThanTwelveTrain(t *testing.T) {
	service := shop(DefaultSettings())
	service.Facts = &twinFacts{span: features.Span{Rows: 1, First: instant("2005-01-01 00:00"), Last: instant("2011-12-09 12:50")}}
	c, err := service.calendar(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := c.choose(nil, "")
	if err != nil || len(train) != MaxTrainCutoffs {
		t.Fatalf("%d training cutoffs (%v), want %d", len(train), err, MaxTrainCutoffs)
	}
	if first, last := c.text(train[0]), c.text(train[11]); first != "2010-06-30" || last != "2011-05-31" || c.text(test) != "2011-08-31" {
		t.Errorf("train %s … %s, want the newest twelve whose windows end by the test", first, last)
	}
}

func TestCutoffsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		train []string
		test  string
		want  []string // words of the refusal
	}{
		{"before the data", []string{"2010-11-30"}, "", []string{"2010-11-30", "2010-12-01 to 2011-12-08"}},
		{"after the data", nil, "2011-12-09", []string{"test", "2011-12-09", "2010-12-01 to 2011-12-08"}},
		{"label not final", nil, "2011-09-09", []string{"2011-09-09", "not final", "2011-12-15"}},
		{"window not over by the test", []string{"2011-05-31", "2011-06-09", "2011-07-31"}, "2011-08-31", []string{"2011-06-09, 2011-07-31", "not over", "2011-06-02"}},
		{"too little history", []string{"2011-01-31"}, "2011-08-31", []string{"2011-01-31", "62 days", "90"}},
		{"stands twice", []string{"2011-03-31", "2011-03-31"}, "2011-08-31", []string{"2011-03-31", "twice"}},
		{"no date", []string{"yesterday"}, "", []string{"yesterday"}},
		{"the test alone leaves nothing to train on", nil, "2011-03-31", []string{"2011-03-31", "no month end"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := calendarOf(t, DefaultSettings()).choose(c.train, c.test)
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("error %v, want one that wraps ErrInvalid", err)
			}
			for _, word := range c.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
		})
	}
}

// What the refusal names as the last training cutoff is taken, the next day is not.
func TestTheLastTrainingCutoffIsTaken(t *testing.T) {
	c := calendarOf(t, DefaultSettings())
	if _, _, err := c.choose([]string{"2011-06-02"}, "2011-08-31"); err != nil {
		t.Errorf("2011-06-02: %v", err)
	}
	if _, _, err := c.choose([]string{"2011-06-03"}, "2011-08-31"); err == nil {
		t.Error("2011-06-03 was taken though its window ends a day after the test cutoff")
	}
	// The refusal of a label names the day from which it is final: the cutoff plus 97 days.
	s := DefaultSettings()
	s.DataThrough = frame.Cutoff(instant("2011-12-07 00:00"))
	if _, _, err := calendarOf(t, s).choose(nil, "2011-08-31"); err != nil {
		t.Errorf("2011-08-31 with data through 2011-12-06: %v", err)
	}
}

func TestTooLittleData(t *testing.T) {
	service := shop(DefaultSettings())
	service.Facts = &twinFacts{span: features.Span{Rows: 9, First: instant("2011-01-01 00:00"), Last: instant("2011-05-09 12:50")}}
	c, err := service.calendar(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.choose(nil, ""); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "2011-01-01 to 2011-05-08") {
		t.Errorf("error %v, want an ErrInvalid that says which days there are", err)
	}
	service.Facts = &twinFacts{}
	if _, err := service.calendar(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("an empty warehouse: %v, want ErrUnavailable", err)
	}
}

func TestBacktestCutoffs(t *testing.T) {
	c := calendarOf(t, DefaultSettings())
	say := func(plans []backtest) string {
		var all []string
		for _, p := range plans {
			all = append(all, fmt.Sprintf("%s<%s>", c.text(p.test), spelled(c, p.train)))
		}
		return strings.Join(all, " ")
	}
	plans, err := c.backtests(BacktestRequest{Last: 2})
	if want := "2011-07-31<2011-02-28 2011-03-31 2011-04-30> 2011-08-31<2011-02-28 2011-03-31 2011-04-30 2011-05-31>"; err != nil || say(plans) != want {
		t.Errorf("%s (%v), want %s", say(plans), err, want)
	}
	// Protocol T's, where each test takes those of the list whose windows end by it.
	s := DefaultSettings()
	s.Label.SettleDays = 0
	c = calendarOf(t, s)
	plans, err = c.backtests(BacktestRequest{
		Cutoffs: []string{"2011-09-09", "2011-08-09", "2011-07-09"}, Train: []string{"2011-03-09", "2011-04-09", "2011-05-09", "2011-06-09"},
	})
	want := "2011-07-09<2011-03-09 2011-04-09> 2011-08-09<2011-03-09 2011-04-09 2011-05-09> 2011-09-09<2011-03-09 2011-04-09 2011-05-09 2011-06-09>"
	if err != nil || say(plans) != want {
		t.Errorf("%s (%v), want %s", say(plans), err, want)
	}
	if _, err := c.backtests(BacktestRequest{Cutoffs: []string{"2011-05-09"}, Train: []string{"2011-03-09"}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a test before any window ends: %v, want ErrInvalid", err)
	}
}

// A cutoff's text reads back as the cutoff, in zones with summer time, half
// hours, and days that were skipped.
func TestCutoffTextReadsBack(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo", "Asia/Shanghai"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		at := frame.Cutoff(rapid.Int64Range(instant("1972-01-02 00:00"), instant("2105-01-01 00:00")).Draw(t, "at"))
		if rapid.Bool().Draw(t, "midnight") {
			d := at.Time().In(zone)
			at = frame.Cutoff(time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone).Unix())
		}
		text := CutoffText(at, zone)
		if back, err := frame.ParseCutoff(text, zone); err != nil || back != at {
			t.Fatalf("%s reads back as %s (%v), not %s", text, back, err, at)
		}
	})
}
