package features_test

import (
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
		c := features.NewCalendar(holidays, from, to, today, known)
		table := map[int64]int64{}
		for i, key := range c.Days {
			table[key] = c.Before[i]
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
				}
			}
		}
	})
}
