package synthetic

import (
	"math"
	"time"

	"fealty/features"
)

// The countries whose holidays the town keeps, as in ISO 3166.
const (
	china   = "CN"
	germany = "DE"
)

// holiday is a day on which a country rests.
type holiday struct {
	country, name string
	day           int64
}

// holidays returns the public holidays of China and Germany in a year, by day:
// those on which the town's accounts there rest. Holidays of single regions,
// and those that follow the Chinese moon beside the New Year, are left out.
func holidays(year int) []holiday {
	var days []holiday
	add := func(country, name string, first time.Time, count int) {
		for k := range count {
			days = append(days, holiday{country, name, first.AddDate(0, 0, k).Unix()})
		}
	}
	on := func(month time.Month, day int) time.Time { return time.Date(year, month, day, 0, 0, 0, 0, time.UTC) }
	add(china, "元旦", on(time.January, 1), 1)
	add(china, "春节", lunarNewYear(year), 7)
	add(china, "劳动节", on(time.May, 1), 1)
	add(china, "国庆节", on(time.October, 1), 7)
	easter := easterSunday(year)
	add(germany, "Neujahr", on(time.January, 1), 1)
	add(germany, "Karfreitag", easter.AddDate(0, 0, -2), 1)
	add(germany, "Ostermontag", easter.AddDate(0, 0, 1), 1)
	// In 2008 Ascension fell on the first of May.
	if ascension := easter.AddDate(0, 0, 39); !ascension.Equal(on(time.May, 1)) {
		add(germany, "Christi Himmelfahrt", ascension, 1)
	}
	add(germany, "Tag der Arbeit", on(time.May, 1), 1)
	add(germany, "Pfingstmontag", easter.AddDate(0, 0, 50), 1)
	add(germany, "Tag der Deutschen Einheit", on(time.October, 3), 1)
	add(germany, "Weihnachten", on(time.December, 25), 2)
	return days
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

// lunarNewYear returns the first day of the Chinese year: the day in Beijing of
// the last new moon up to the day on which the sun reaches 330°, which the
// first month holds; where that month begins before January 21 it holds 300°
// too and is the twelfth, so that the next is the first (2034, 2053). Meeus, Astronomical Algorithms: new moons by
// chapter 49, the sun by chapter 25, each without the smallest terms; right to
// some minutes in the years 1995 … 2100.
func lunarNewYear(year int) time.Time {
	const beijing, unixEpoch = 8.0 / 24, 2_440_587.5 // days; Julian day of 1970-01-01T00:00
	date := func(julian float64) int { return int(math.Floor(julian + beijing - unixEpoch)) }
	// The sun reaches 330° about the 19th of February; one step of Newton from there is enough.
	rain := float64(time.Date(year, time.February, 19, 0, 0, 0, 0, time.UTC).Unix())/daySeconds + unixEpoch
	for range 3 {
		away := math.Mod(330-sunLongitude(rain)+540, 360) - 180
		rain += away * 365.2422 / 360
	}
	k := math.Floor((float64(year)-2000)*12.3685) + 3
	for date(newMoon(k)) > date(rain) {
		k--
	}
	first := time.Unix(int64(date(newMoon(k)))*daySeconds, 0).UTC()
	if first.YearDay() < 21 {
		return time.Unix(int64(date(newMoon(k+1)))*daySeconds, 0).UTC()
	}
	return first
}

// sunLongitude returns the apparent longitude of the sun in degrees at a Julian day.
func sunLongitude(julian float64) float64 {
	c := (julian - 2_451_545) / 36_525
	m := radians(357.52911 + 35_999.05029*c)
	centre := (1.914602-0.004817*c)*math.Sin(m) + 0.019993*math.Sin(2*m) + 0.000289*math.Sin(3*m)
	return math.Mod(280.46646+36_000.76983*c+centre-0.00569-0.00478*math.Sin(radians(125.04-1934.136*c)), 360)
}

// newMoon returns the Julian day of the k-th new moon since the year 2000.
func newMoon(k float64) float64 {
	c := k / 1236.85
	e := 1 - 0.002516*c - 0.0000074*c*c
	sun := radians(2.5534 + 29.10535670*k - 0.0000014*c*c)
	moon := radians(201.5643 + 385.81693528*k + 0.0107582*c*c)
	latitude := radians(160.7108 + 390.67050284*k - 0.0016118*c*c)
	node := radians(124.7746 - 1.56375588*k + 0.0020672*c*c)
	return 2_451_550.09766 + 29.530588861*k + 0.00015437*c*c -
		0.40720*math.Sin(moon) + 0.17241*e*math.Sin(sun) + 0.01608*math.Sin(2*moon) + 0.01039*math.Sin(2*latitude) +
		0.00739*e*math.Sin(moon-sun) - 0.00514*e*math.Sin(moon+sun) + 0.00208*e*e*math.Sin(2*sun) -
		0.00111*math.Sin(moon-2*latitude) - 0.00057*math.Sin(moon+2*latitude) + 0.00056*e*math.Sin(2*moon+sun) -
		0.00042*math.Sin(3*moon) + 0.00042*e*math.Sin(sun+2*latitude) + 0.00038*e*math.Sin(sun-2*latitude) -
		0.00024*e*math.Sin(2*moon-sun) - 0.00017*math.Sin(node)
}

func radians(degrees float64) float64 { return math.Mod(degrees, 360) * math.Pi / 180 }

// layRest marks, by country, the days of the town on which it rests.
func (t *Town) layRest() {
	t.rest = map[string][]bool{china: make([]bool, t.params.Days), germany: make([]bool, t.params.Days)}
	for _, h := range t.holidays() {
		t.rest[h.country][(h.day-t.start)/daySeconds] = true
	}
}

// holidays returns those of the town's days.
func (t *Town) holidays() []holiday {
	var all []holiday
	for year := time.Unix(t.start, 0).UTC().Year(); year <= t.params.Through.Year(); year++ {
		for _, h := range holidays(year) {
			if h.day >= t.start && h.day < t.end {
				all = append(all, h)
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
