package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fealty/features/frame"
)

// Holiday is a day on which a country rests.
type Holiday struct {
	Country string
	// Day counts days of the business zone since 1970-01-01.
	Day int
	// Recorded is when the business knew, in Unix seconds.
	Recorded int64
}

// keyDays is the number of days that a key has room for: as many as a Date has.
const keyDays = 1 << 16

// maxCalendarDays bounds the days of all calendars together: a hundred years of 27
// countries, or as many calendars of one. A query carries them (32 bytes each).
const maxCalendarDays = 1_000_000

// ErrCalendar is what holidays are refused with that make too many or too long calendars.
var ErrCalendar = errors.New("too many holidays")

// Calendar tells how many holidays lie before a day, as known at each cutoff, in
// the form that a query looks it up in: by (calendar of the cutoff + place of the
// country, from 1) × 65536 + day.
type Calendar struct {
	// Countries that have holidays, in bytewise order.
	Countries []string
	// Of is, by cutoff, where its calendar begins: cutoffs at which the same was
	// known have the same.
	Of []int64
	// Days and Before are parallel: a key, and the holidays before that day.
	Days, Before []int64
	// Beats and Passed are the way back, parallel too: the key of a day counted without
	// the holidays before it, and how many were left out. Days of rest have the count of
	// the next working day; that of the first of them stands here.
	Beats, Passed []int64
}

// NewCalendar counts the holidays of the days from … to, both included: the day of the
// first event and that of the last cutoff. Each cutoff has its own day and known_at; a
// holiday counts at a cutoff when it was recorded by its known_at. Cutoffs at which
// different holidays were unknown have calendars of their own; what together would have
// more than a million days is refused with ErrCalendar, naming the country.
func NewCalendar(holidays []Holiday, from, to int, today []int, known []frame.KnownAt) (Calendar, error) {
	c := Calendar{Of: make([]int64, len(today))}
	for _, h := range holidays {
		if h.Country != "" && h.Day >= from && h.Day < to {
			c.Countries = append(c.Countries, h.Country)
		}
	}
	slices.Sort(c.Countries)
	c.Countries = slices.Compact(c.Countries)
	if len(c.Countries) == 0 {
		return c, nil
	}
	// Cutoffs to which the same of their past was unknown share a calendar; what it
	// says of later days is not looked up.
	numbers := map[string]int{}
	for k := range today {
		late := make([]bool, len(holidays))
		var key strings.Builder
		for i, h := range holidays {
			if late[i] = h.Recorded > int64(known[k]) && h.Day < today[k]; late[i] {
				fmt.Fprintf(&key, "%d ", i)
			}
		}
		number, ok := numbers[key.String()]
		if !ok {
			number = len(numbers)
			if (number+1)*len(c.Countries)*(to-from+1) > maxCalendarDays {
				return Calendar{}, c.tooMany(holidays, late, number+1, from, to)
			}
			numbers[key.String()] = number
			c.count(number, holidays, late, from, to)
		}
		c.Of[k] = int64(number * len(c.Countries))
	}
	return c, nil
}

// tooMany names the country with the most holidays among those that are late, and the
// way out; one calendar is too long by itself where none is.
func (c *Calendar) tooMany(holidays []Holiday, late []bool, calendars, from, to int) error {
	count := make([]int, len(c.Countries))
	for i := range holidays {
		if place, ok := slices.BinarySearch(c.Countries, holidays[i].Country); ok && late[i] {
			count[place]++
		}
	}
	most := slices.Index(count, slices.Max(count))
	if count[most] == 0 {
		return fmt.Errorf("%w: a calendar of %d countries over %d days has more than %d days: leave out the holidays of countries with few accounts, or the oldest orders and contacts",
			ErrCalendar, len(c.Countries), to-from+1, maxCalendarDays)
	}
	return fmt.Errorf("%w: %d calendars of %d countries over %d days have more than %d days; %s has %d that were recorded after a cutoff they lie before: "+
		"import its holidays with a recorded_at before the days themselves, or ask for fewer cutoffs at once",
		ErrCalendar, calendars, len(c.Countries), to-from+1, maxCalendarDays, c.Countries[most], count[most])
}

// count adds the calendar of that number, of the holidays that are not late.
func (c *Calendar) count(number int, holidays []Holiday, late []bool, from, to int) {
	days := make([][]int, len(c.Countries))
	for i := range holidays {
		h := &holidays[i]
		if place, ok := slices.BinarySearch(c.Countries, h.Country); ok && h.Day >= from && h.Day < to && !late[i] {
			days[place] = append(days[place], h.Day)
		}
	}
	for place, all := range days {
		slices.Sort(all)
		all = slices.Compact(all)
		passed := 0
		rested := false
		for day := from; day <= to; day++ {
			if passed > 0 {
				c.Days = append(c.Days, c.key(number, place, day))
				c.Before = append(c.Before, int64(passed))
				if !rested {
					c.Beats = append(c.Beats, c.key(number, place, day-passed))
					c.Passed = append(c.Passed, int64(passed))
				}
			}
			if rested = passed < len(all) && all[passed] == day; rested {
				passed++
			}
		}
	}
}

// key is that of a day in the calendar of a number, of the country at a place.
func (c *Calendar) key(number, place, day int) int64 {
	return int64((number*len(c.Countries)+place+1)*keyDays + day)
}
