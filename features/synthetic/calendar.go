package synthetic

import (
	"slices"
	"time"

	"fealty/features"
)

// The countries whose holidays the town keeps.
const (
	china   = features.China
	germany = features.Germany
)

// holiday is a day on which a country rests.
type holiday struct {
	country, name string
	day           int64
}

// layRest marks, by country, the days of the town on which it rests.
func (t *Town) layRest() {
	t.rest = map[string][]bool{china: make([]bool, t.params.Days), germany: make([]bool, t.params.Days)}
	for _, h := range t.holidays() {
		t.rest[h.country][(h.day-t.start)/daySeconds] = true
	}
}

// holidays returns those of the town's days that its accounts keep: in China the weeks
// of Lunar New Year and of the National Day, New Year's Day and the first of May; the
// single days of the moon and the sun they work through. Before 1995 none is known.
func (t *Town) holidays() []holiday {
	var all []holiday
	for year := max(time.Unix(t.start, 0).UTC().Year(), features.FirstHolidayYear); year <= t.params.Through.Year(); year++ {
		for _, country := range []string{china, germany} {
			days, err := features.PublicHolidays(country, year)
			if err != nil {
				panic(err) // New refuses years after the last that is known
			}
			for _, h := range days {
				kept := country == germany || slices.Contains([]string{"元旦", "春节", "国庆节"}, h.Name) || h.Day.Month() == time.May && h.Day.Day() == 1
				if day := h.Day.Unix(); kept && day >= t.start && day < t.end {
					all = append(all, holiday{country, h.Name, day})
				}
			}
		}
	}
	return all
}

// writeHolidays writes all holidays of the town, which are known a year before.
func writeHolidays(s *stream, index int) bool {
	if index > 0 {
		return false
	}
	for _, h := range s.town.holidays() {
		put(s, "country", h.country)
		put(s, "day", h.day)
		put(s, "name", h.name)
		put(s, features.RecordedAt, h.day-365*daySeconds)
		s.end()
	}
	return true
}
