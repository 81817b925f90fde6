package synthetic

import (
	"testing"
	"time"
)

// The New Year's days are those of LunarCalendar (Python, 0.0.9),
// Converter.Lunar2Solar(Lunar(year, 1, 1)); 2033 is the year in which simpler
// rules go wrong.
func TestLunarNewYear(t *testing.T) {
	t.Parallel()
	for i, want := range []string{
		"1995-01-31", "1996-02-19", "1997-02-07", "1998-01-28", "1999-02-16", "2000-02-05", "2001-01-24", "2002-02-12", "2003-02-01", "2004-01-22",
		"2005-02-09", "2006-01-29", "2007-02-18", "2008-02-07", "2009-01-26", "2010-02-14", "2011-02-03", "2012-01-23", "2013-02-10", "2014-01-31",
		"2015-02-19", "2016-02-08", "2017-01-28", "2018-02-16", "2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10",
		"2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31", "2034-02-19",
	} {
		if got := lunarNewYear(1995 + i).Format(time.DateOnly); got != want {
			t.Errorf("%d: %s, want %s", 1995+i, got, want)
		}
	}
	// Everywhere within the bounds of the calendar, and a whole number of months apart.
	for year := 1995; year < 2100; year++ {
		at, next := lunarNewYear(year), lunarNewYear(year+1)
		if at.YearDay() < 21 || at.YearDay() > 52 {
			t.Errorf("%d: %s lies outside January 21 … February 21", year, at.Format(time.DateOnly))
		}
		if days := next.Sub(at).Hours() / 24; (days < 353 || days > 356) && (days < 383 || days > 386) {
			t.Errorf("%d: the year has %v days, not twelve or thirteen months", year, days)
		}
	}
}

// Easter Sundays of dateutil.easter (python-dateutil).
func TestEaster(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"1995-04-16", "2000-04-23", "2008-03-23", "2011-04-24", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"} {
		day, err := time.Parse(time.DateOnly, want)
		if err != nil {
			t.Fatal(err)
		}
		if got := easterSunday(day.Year()); !got.Equal(day) {
			t.Errorf("Easter of %d is %s, want %s", day.Year(), got.Format(time.DateOnly), want)
		}
	}
}

// No day stands twice in a country's calendar: it is a key.
func TestHolidaysAreDaysOnce(t *testing.T) {
	t.Parallel()
	seen := map[holiday]bool{}
	for year := 1995; year <= 2100; year++ {
		for _, h := range holidays(year) {
			h.name = ""
			if seen[h] {
				t.Errorf("%s has %s twice", h.country, time.Unix(h.day, 0).UTC().Format(time.DateOnly))
			}
			seen[h] = true
		}
	}
}
