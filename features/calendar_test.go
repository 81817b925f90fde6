package features_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fealty/features"
	"fealty/features/frame"
)

// The table of a calendar says of every country, day and cutoff what counting
// the holidays one by one says.
func TestCalendarCountsTheHolidaysBeforeADay(t *testing.T) {
	countries := []string{"AT", "CN", "DE"}
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.IntRange(100, 160)
		holidays := make([]features.Holiday, rapid.IntRange(0, 30).Draw(t, "n"))
		for i := range holidays {
			holidays[i] = features.Holiday{
				Country: rapid.SampledFrom(countries).Draw(t, "country"), Day: day.Draw(t, "day"), Recorded: int64(day.Draw(t, "recorded")) * 86400,
			}
		}
		from, today := 110, make([]int, 3)
		known := make([]frame.KnownAt, len(today))
		to := from
		for k := range today {
			today[k] = rapid.IntRange(from, 170).Draw(t, "today")
			known[k] = frame.KnownAt(int64(today[k]) * 86400)
			to = max(to, today[k])
		}
		c, err := features.NewCalendar(holidays, from, to, today, known)
		if err != nil {
			t.Fatal(err)
		}
		table := map[int64]int64{}
		for i, key := range c.Days {
			table[key] = c.Before[i]
		}
		back := map[int64]int64{}
		for i, key := range c.Beats {
			if _, twice := back[key]; twice {
				t.Fatalf("two ways back from %d", key)
			}
			back[key] = c.Passed[i]
		}
		for k := range today {
			for place, country := range c.Countries {
				for d := from; d <= today[k]; d++ {
					days := map[int]bool{}
					for _, h := range holidays {
						if h.Country == country && h.Day >= from && h.Day < d && h.Recorded <= int64(known[k]) {
							days[h.Day] = true
						}
					}
					if got := table[(c.Of[k]+int64(place)+1)*65536+int64(d)]; got != int64(len(days)) {
						t.Fatalf("cutoff %d, %s: %d holidays before day %d, want %d", k, country, got, d, len(days))
					}
					// The way back leads to the first day of those that are counted alike.
					first := d
					for days[first-1] {
						first--
					}
					if beat := d - len(days); beat+int(back[(c.Of[k]+int64(place)+1)*65536+int64(beat)]) != first {
						t.Fatalf("cutoff %d, %s: day %d is counted as %d, from where %d days lead back, want to %d", k, country, d, beat, back[(c.Of[k]+int64(place)+1)*65536+int64(beat)], first)
					}
				}
			}
		}
	})
}

// Holidays that became known one after the other, over many cutoffs, are refused by
// name before they fill the memory.
func TestCalendarRefusesTooManyLateHolidays(t *testing.T) {
	const cutoffs, from = 900, 10_000
	holidays := []features.Holiday{{Country: "DE", Day: from + 1, Recorded: 0}}
	today, known := make([]int, cutoffs), make([]frame.KnownAt, cutoffs)
	for k := range today {
		today[k] = from + 2*k + 2
		known[k] = frame.KnownAt(int64(today[k]) * 86400)
		holidays = append(holidays, features.Holiday{Country: "CN", Day: today[k] - 1, Recorded: int64(known[k]) + 1})
	}
	_, err := features.NewCalendar(holidays, from, today[cutoffs-1], today, known)
	if !errors.Is(err, features.ErrCalendar) || !strings.Contains(err.Error(), "CN has") || !strings.Contains(err.Error(), "recorded_at") {
		t.Errorf("the refusal says %v", err)
	}
	if _, err := features.NewCalendar(holidays[:100], from, today[99], today[:100], known[:100]); err != nil {
		t.Errorf("a hundred cutoffs: %v", err)
	}
	// Of so many countries and years that nobody needs be late.
	const countries, years = 200, 15
	holidays = nil
	for i := range countries {
		holidays = append(holidays, features.Holiday{Country: fmt.Sprint(i), Day: from + 1})
	}
	_, err = features.NewCalendar(holidays, from, from+365*years, []int{from + 365*years}, []frame.KnownAt{1})
	if !errors.Is(err, features.ErrCalendar) || strings.Contains(err.Error(), "recorded") || !strings.Contains(err.Error(), "200 countries over 5476 days") {
		t.Errorf("a calendar that is too long is refused by %v", err)
	}
}
