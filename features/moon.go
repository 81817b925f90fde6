package features

import (
	"math"
	"time"
)

// The calendar of the Chinese moon, by astronomy: Meeus, Astronomical Algorithms (2nd
// edition, 1998), the sun by chapter 25 and new moons by chapter 49, each without the
// smallest terms and right to some minutes in the years 1995 … 2100; the months by GB/T
// 33661-2017: a month begins on the day, in Beijing, of a new moon; the eleventh is that
// of the winter solstice; of thirteen months from one to the next the first through
// which the sun reaches no multiple of 30° is a leap month.

const (
	daySeconds = 86_400
	// unixEpoch is the Julian day of 1970-01-01T00:00.
	unixEpoch = 2_440_587.5
	// beijing is ahead of UTC, in days.
	beijing = 8.0 / 24
)

// moonMonths returns the first days of the months 1 … 10 of the Chinese year that
// begins in a year, the first month at index 1; leap months stand in no place.
func moonMonths(year int) [11]time.Time {
	first, last := lastNewMoon(sunReaches(270, year-1, time.December, 21)), lastNewMoon(sunReaches(270, year, time.December, 21))
	leap := last-first == 13
	var months [11]time.Time
	number := 11
	for k := first + 1; k < last; k++ {
		begins, ends := newMoonDay(k), newMoonDay(k+1)
		if leap && sign(begins) == sign(ends) {
			leap = false
			continue
		}
		if number = number%12 + 1; number < len(months) {
			months[number] = civil(begins)
		}
	}
	return months
}

// civil is a day counted since 1970-01-01.
func civil(day int) time.Time { return time.Unix(int64(day)*daySeconds, 0).UTC() }

// beijingDay is the day in Beijing of a Julian day.
func beijingDay(julian float64) int { return int(math.Floor(julian + beijing - unixEpoch)) }

// newMoonDay is the day in Beijing of the k-th new moon since the year 2000.
func newMoonDay(k float64) int { return beijingDay(newMoon(k)) }

// lastNewMoon returns the number of the last new moon up to a day in Beijing.
func lastNewMoon(day int) float64 {
	k := math.Floor((float64(day)+unixEpoch-2_451_550.1)/29.530588861) + 1
	for newMoonDay(k) > day {
		k--
	}
	return k
}

// sunReaches returns the day in Beijing on which the sun reaches a longitude in
// degrees, which it does about a day of a year.
func sunReaches(longitude float64, year int, month time.Month, day int) int {
	at := float64(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix())/daySeconds + unixEpoch
	for range 3 { // steps of Newton
		away := math.Mod(longitude-sunLongitude(at)+540, 360) - 180
		at += away * 365.2422 / 360
	}
	return beijingDay(at)
}

// sign is the multiple of 30° that the sun has reached when a day begins in Beijing.
func sign(day int) int { return int(sunLongitude(float64(day)-beijing+unixEpoch) / 30) }

// sunLongitude returns the apparent longitude of the sun, 0 … 360 degrees, at a Julian day.
func sunLongitude(julian float64) float64 {
	c := (julian - 2_451_545) / 36_525
	m := radians(357.52911 + 35_999.05029*c)
	centre := (1.914602-0.004817*c)*math.Sin(m) + 0.019993*math.Sin(2*m) + 0.000289*math.Sin(3*m)
	longitude := math.Mod(280.46646+36_000.76983*c+centre-0.00569-0.00478*math.Sin(radians(125.04-1934.136*c)), 360)
	if longitude < 0 {
		longitude += 360
	}
	return longitude
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
