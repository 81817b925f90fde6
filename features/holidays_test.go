package features_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
)

// spans writes the holidays of a year as runs of days on end of one name.
func spans(t *testing.T, country string, year int) []string {
	t.Helper()
	days, err := features.PublicHolidays(country, year)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := 0; i < len(days); {
		end := i + 1
		for end < len(days) && days[end].Name == days[i].Name && days[end].Day.Equal(days[i].Day.AddDate(0, 0, end-i)) {
			end++
		}
		all = append(all, fmt.Sprintf("%s %s+%d", days[i].Name, days[i].Day.Format("01-02"), end-i))
		i = end
	}
	return all
}

// The days of the law as the State Council's notices date them; a week that a notice
// begins a day earlier or ends later is named.
func TestPublicHolidays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		country string
		year    int
		want    string
	}{
		// Decree of 1949.
		{"CN", 1996, "元旦 01-01+1, 春节 02-19+3, 劳动节 05-01+1, 国庆节 10-01+2"},
		// Decree 270: three weeks.
		{"CN", 2005, "元旦 01-01+1, 春节 02-09+7, 劳动节 05-01+7, 国庆节 10-01+7"},
		// Decree 513: New Year's Eve, with which the notice's seven days began, January 25 to 31, and the days of the moon. Mid-Autumn lay in the week of October 2009: eight days.
		{"CN", 2009, "元旦 01-01+1, 除夕 01-25+1, 春节 01-26+6, 清明节 04-04+1, 劳动节 05-01+1, 端午节 05-28+1, 国庆节 10-01+7, 中秋节 10-08+1"},
		// Decree 644: without the eve. The notice of 2019 began the week with the eve, February 4, and ended it on the 10th.
		{"CN", 2019, "元旦 01-01+1, 春节 02-05+7, 清明节 04-05+1, 劳动节 05-01+1, 端午节 06-07+1, 中秋节 09-13+1, 国庆节 10-01+7"},
		{"CN", 2020, "元旦 01-01+1, 春节 01-25+7, 清明节 04-04+1, 劳动节 05-01+1, 端午节 06-25+1, 国庆节 10-01+7, 中秋节 10-08+1"},
		// Decree 795: the eve and May 2. The notice of 2025: January 28 to February 4, October 1 to 8.
		{"CN", 2025, "元旦 01-01+1, 除夕 01-28+1, 春节 01-29+7, 清明节 04-04+1, 劳动节 05-01+2, 端午节 05-31+1, 国庆节 10-01+7, 中秋节 10-08+1"},
		{"CN", 2026, "元旦 01-01+1, 除夕 02-16+1, 春节 02-17+7, 清明节 04-05+1, 劳动节 05-01+2, 端午节 06-19+1, 中秋节 09-25+1, 国庆节 10-01+7"},
		// The year whose leap month simpler rules put before Mid-Autumn.
		{"CN", 2033, "元旦 01-01+1, 除夕 01-30+1, 春节 01-31+7, 清明节 04-04+1, 劳动节 05-01+2, 端午节 06-01+1, 中秋节 09-08+1, 国庆节 10-01+7"},
		// In 2008 Ascension fell on the first of May.
		{"DE", 2008, "Neujahr 01-01+1, Karfreitag 03-21+1, Ostermontag 03-24+1, Christi Himmelfahrt 05-01+1, Pfingstmontag 05-12+1, Tag der Deutschen Einheit 10-03+1, Weihnachten 12-25+2"},
		{"DE", 2017, "Neujahr 01-01+1, Karfreitag 04-14+1, Ostermontag 04-17+1, Tag der Arbeit 05-01+1, Christi Himmelfahrt 05-25+1, Pfingstmontag 06-05+1, Tag der Deutschen Einheit 10-03+1, Reformationstag 10-31+1, Weihnachten 12-25+2"},
		{"DE", 2026, "Neujahr 01-01+1, Karfreitag 04-03+1, Ostermontag 04-06+1, Tag der Arbeit 05-01+1, Christi Himmelfahrt 05-14+1, Pfingstmontag 05-25+1, Tag der Deutschen Einheit 10-03+1, Weihnachten 12-25+2"},
	} {
		if got := strings.Join(spans(t, c.country, c.year), ", "); got != c.want {
			t.Errorf("%s %d:\n%s\n%s", c.country, c.year, got, c.want)
		}
	}
}

// Everywhere within the bounds a day stands once in a country's calendar, since it is a
// key, and in the year that was asked for; the moon's days lie in their seasons, and New
// Years a whole number of months apart.
func TestPublicHolidaysOfEveryYear(t *testing.T) {
	t.Parallel()
	var before time.Time
	for year := features.FirstHolidayYear; year <= features.LastHolidayYear; year++ {
		for _, country := range []string{features.China, features.Germany} {
			days, err := features.PublicHolidays(country, year)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range days {
				if h.Day.Year() != year || h.Country != country || h.Name == "" || i > 0 && !h.Day.After(days[i-1].Day) {
					t.Errorf("%d has %+v after %+v", year, h, days[max(0, i-1)])
				}
			}
			if country != features.China {
				continue
			}
			first := days[slices.IndexFunc(days, func(h features.PublicHoliday) bool { return h.Name == "春节" })].Day
			if at := first.YearDay(); at < 21 || at > 52 {
				t.Errorf("%d: New Year %s lies outside January 21 … February 21", year, first.Format(time.DateOnly))
			}
			if apart := first.Sub(before).Hours() / 24; !before.IsZero() && (apart < 353 || apart > 356) && (apart < 383 || apart > 386) {
				t.Errorf("%d: the year before has %v days, not twelve or thirteen months", year, apart)
			}
			before = first
			for name, within := range map[string][2]string{"清明节": {"04-04", "04-06"}, "端午节": {"05-27", "06-26"}, "中秋节": {"09-07", "10-08"}} {
				if i := slices.IndexFunc(days, func(h features.PublicHoliday) bool { return h.Name == name }); i >= 0 {
					if day := days[i].Day.Format("01-02"); day < within[0] || day > within[1] {
						t.Errorf("%d: %s on %s", year, name, day)
					}
				}
			}
		}
	}
	for country, year := range map[string]int{"FR": 2020, "cn": 2020, "CN": features.FirstHolidayYear - 1, "DE": features.LastHolidayYear + 1} {
		if _, err := features.PublicHolidays(country, year); !errors.Is(err, features.ErrNoHolidays) {
			t.Errorf("%s %d: %v", country, year, err)
		}
	}
}
