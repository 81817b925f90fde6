package features

import (
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
}

// NewCalendar counts the holidays of the days from … to, both included: the day of the
// first event and that of the last cutoff. Each cutoff has its own day and known_at; a
// holiday counts at a cutoff when it was recorded by its known_at.
func NewCalendar(holidays []Holiday, from, to int, today []int, known []frame.KnownAt) Calendar {
	c := Calendar{Of: make([]int64, len(today))}
	for _, h := range holidays {
		if h.Country != "" && h.Day >= from && h.Day < to {
			c.Countries = append(c.Countries, h.Country)
		}
	}
	slices.Sort(c.Countries)
	c.Countries = slices.Compact(c.Countries)
	if len(c.Countries) == 0 {
		return c
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
			numbers[key.String()] = number
			c.count(number, holidays, late, from, to)
		}
		c.Of[k] = int64(number * len(c.Countries))
	}
	return c
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
		for day := from; day <= to; day++ {
			if passed > 0 {
				c.Days = append(c.Days, int64((number*len(c.Countries)+place+1)*keyDays+day))
				c.Before = append(c.Before, int64(passed))
			}
			if passed < len(all) && all[passed] == day {
				passed++
			}
		}
	}
}
