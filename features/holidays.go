package features

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNoHolidays is a country or a year whose public holidays are not known here.
var ErrNoHolidays = errors.New("public holidays are not known")

// The countries whose public holidays are known, as in ISO 3166.
const (
	China   = "CN"
	Germany = "DE"
)

// The years whose public holidays are known, both included.
const (
	FirstHolidayYear = 1995
	LastHolidayYear  = 2100
)

// PublicHoliday is a day on which a country rests by law, or by the weeks that its
// government makes of such days.
type PublicHoliday struct {
	Country string
	// Name as the country says it.
	Name string
	// Day is midnight UTC of the day.
	Day time.Time
}

// PublicHolidays returns the public holidays of a country in a year, by day, none
// twice. ErrNoHolidays for other countries than China and Germany, and outside the
// years 1995 … 2100.
//
// China: the days of the State Council's decree on holidays (全国年节及纪念日放假办法) as
// it stood in the year: of 1949, 270 of 1999, 513 of 2007, 644 of 2013 and 795 of 2024;
// Lunar New Year, Dragon Boat and Mid-Autumn by the moon, Qingming by the sun. Since
// October 1999 the weeks of Lunar New Year, of the National Day and, until 2007, of
// Labour Day are seven days long, which each year's notice makes of the law's days and of
// moved weekends: that of Lunar New Year with its eve from 2008 to 2013, eight days with it
// since 2025, and that of the National Day eight when Mid-Autumn lies in it. The notice
// comes shortly before the year and may begin or end a week a day or two otherwise; what
// else it moves is not known here.
//
// Germany: the days that are holidays in every Land.
func PublicHolidays(country string, year int) ([]PublicHoliday, error) {
	if year < FirstHolidayYear || year > LastHolidayYear {
		return nil, fmt.Errorf("%w: those of %d: the years %d … %d are", ErrNoHolidays, year, FirstHolidayYear, LastHolidayYear)
	}
	var y holidayYear
	switch country {
	case China:
		y = holidayYear{country: China, year: year}
		y.china()
	case Germany:
		y = holidayYear{country: Germany, year: year}
		y.germany()
	default:
		return nil, fmt.Errorf("%w: those of %q: %s and %s are", ErrNoHolidays, country, China, Germany)
	}
	slices.SortStableFunc(y.days, func(a, b PublicHoliday) int { return a.Day.Compare(b.Day) })
	// Of two holidays on one day the first named stays.
	return slices.CompactFunc(y.days, func(a, b PublicHoliday) bool { return a.Day.Equal(b.Day) }), nil
}

// holidayYear are the holidays of a year that are being gathered.
type holidayYear struct {
	country string
	year    int
	days    []PublicHoliday
}

// add adds some days on end.
func (y *holidayYear) add(name string, first time.Time, count int) {
	for k := range count {
		y.days = append(y.days, PublicHoliday{Country: y.country, Name: name, Day: first.AddDate(0, 0, k)})
	}
}

func (y *holidayYear) on(month time.Month, day int) time.Time {
	return time.Date(y.year, month, day, 0, 0, 0, 0, time.UTC)
}

func (y *holidayYear) china() {
	months := moonMonths(y.year)
	// The weeks began with October 1999; decree 513 held from 2008, 795 from 2025.
	week := func(since, law int) int {
		if y.year >= since {
			return 7
		}
		return law
	}
	y.add("元旦", y.on(time.January, 1), 1)
	spring := week(2000, 3)
	switch {
	case y.year >= 2008 && y.year <= 2013: // the seven days began with the eve
		y.add("除夕", months[1].AddDate(0, 0, -1), 1)
		spring = 6
	case y.year >= 2025:
		y.add("除夕", months[1].AddDate(0, 0, -1), 1)
	}
	y.add("春节", months[1], spring)
	labour := 1
	switch {
	case y.year >= 2000 && y.year <= 2007:
		labour = 7
	case y.year >= 2025:
		labour = 2
	}
	y.add("劳动节", y.on(time.May, 1), labour)
	national := y.on(time.October, 1)
	y.add("国庆节", national, week(1999, 2))
	if y.year < 2008 {
		return
	}
	y.add("清明节", civil(sunReaches(15, y.year, time.April, 5)), 1)
	y.add("端午节", months[5].AddDate(0, 0, 4), 1)
	autumn := months[8].AddDate(0, 0, 14)
	if end := national.AddDate(0, 0, 7); !autumn.Before(national) && autumn.Before(end) {
		autumn = end
	}
	y.add("中秋节", autumn, 1)
}

func (y *holidayYear) germany() {
	easter := easterSunday(y.year)
	y.add("Neujahr", y.on(time.January, 1), 1)
	y.add("Karfreitag", easter.AddDate(0, 0, -2), 1)
	y.add("Ostermontag", easter.AddDate(0, 0, 1), 1)
	// In 2008 Ascension fell on the first of May: one day, of one name.
	y.add("Christi Himmelfahrt", easter.AddDate(0, 0, 39), 1)
	y.add("Tag der Arbeit", y.on(time.May, 1), 1)
	y.add("Pfingstmontag", easter.AddDate(0, 0, 50), 1)
	y.add("Tag der Deutschen Einheit", y.on(time.October, 3), 1)
	if y.year == 2017 { // five hundred years of the Reformation, in every Land by its own law
		y.add("Reformationstag", y.on(time.October, 31), 1)
	}
	y.add("Weihnachten", y.on(time.December, 25), 2)
}

// easterSunday returns the day of Easter in the Gregorian calendar (anonymous
// algorithm in Meeus, Astronomical Algorithms, chapter 8).
func easterSunday(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
