package files

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Instants are Unix seconds; these are the first that is stored and the first
// that is not. The warehouse's DateTime begins in 1970 and ends in 2106, and a
// driver wraps what lies outside without a word.
const (
	firstInstant = 0
	endInstant   = 4_291_747_200 // 2106-01-01T00:00:00Z
)

const secondsPerDay = 86_400

var (
	errNotInstant  = errors.New("is no date or time in a default form such as 2006-01-02 15:04:05; name its layout with time(column, '%d/%m/%Y')")
	errNoSuchDay   = errors.New("names a day or a time of day that does not exist")
	errOutOfRange  = errors.New("lies outside 1970 … 2105")
	errLayout      = errors.New("does not follow its layout")
	errNoOffset    = errors.New("ends in something that is no offset from UTC")
	errWideOffset  = errors.New("is more than 24 hours away from UTC")
	errNotWeekday  = errors.New("has no English name of a weekday where its layout wants one")
	errNotMonth    = errors.New("has no English name of a month where its layout wants one")
	errSkippedHour = errors.New("was skipped by the clocks of its time zone; is the zone right?")
)

// civil is a reading of a clock on a wall, and of the offset if it was given.
type civil struct {
	year, month, day, hour, minute, second int
	offset                                 int // seconds east of UTC
	zoned                                  bool
	// epoch holds the seconds since 1970 for layouts that count them.
	epoch     int64
	isEpoch   bool
	afternoon bool // %p said PM
	twelve    bool // %I was read
	yearDay   int  // %j, 0 when absent
}

// daysBefore counts the days from 1970-01-01 to a day of the proleptic
// Gregorian calendar (Howard Hinnant, chrono-compatible low-level date
// algorithms, days_from_civil).
func daysBefore(year, month, day int) int64 {
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yearOfEra := y - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146_097 + dayOfEra - 719_468
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// calendar turns readings of clocks in one zone into instants. It remembers the
// last stretch without a change of the clocks, because neighbouring records lie
// in the same one. It serves one goroutine.
type calendar struct {
	zone *time.Location
	// Instants in [from, to) have this offset, and no change of clocks is near.
	from, to int64
	offset   int64
}

func newCalendar(zone *time.Location) *calendar {
	if zone == nil {
		zone = time.UTC
	}
	return &calendar{zone: zone}
}

// instant checks the reading and gives the instant.
func (k *calendar) instant(c *civil) (int64, error) {
	if c.isEpoch {
		return inRange(c.epoch)
	}
	if c.yearDay != 0 {
		last := 365
		if daysIn(c.year, 2) == 29 {
			last = 366
		}
		if c.yearDay < 1 || c.yearDay > last {
			return 0, errNoSuchDay
		}
		c.month, c.day = 1, 1
	}
	if c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysIn(c.year, c.month) ||
		c.hour > 23 || c.minute > 59 || c.second > 59 {
		return 0, errNoSuchDay
	}
	days := daysBefore(c.year, c.month, c.day)
	if c.yearDay != 0 {
		days += int64(c.yearDay) - 1
	}
	wall := days*secondsPerDay + int64(c.hour*3600+c.minute*60+c.second)
	if c.zoned {
		return inRange(wall - int64(c.offset))
	}
	if k.zone == time.UTC {
		return inRange(wall)
	}
	if at := wall - k.offset; at >= k.from && at < k.to {
		return inRange(at)
	}
	return k.local(wall)
}

// local finds the instant at which the zone's clocks showed wall. Two offsets
// are candidates: those in force a day before and a day after.
func (k *calendar) local(wall int64) (int64, error) {
	before := offsetAt(k.zone, wall-secondsPerDay)
	after := offsetAt(k.zone, wall+secondsPerDay)
	// Where both are right, the clocks showed it twice and the larger offset is the earlier instant.
	for _, offset := range []int64{max(before, after), min(before, after)} {
		at := wall - offset
		if offsetAt(k.zone, at) != offset {
			continue
		}
		k.remember(at, offset)
		return inRange(at)
	}
	return 0, errSkippedHour
}

func offsetAt(zone *time.Location, at int64) int64 {
	_, offset := time.Unix(at, 0).In(zone).Zone()
	return int64(offset)
}

// remember notes the stretch around at, less a day at both ends, within which
// a reading has one meaning.
func (k *calendar) remember(at, offset int64) {
	begin, end := time.Unix(at, 0).In(k.zone).ZoneBounds()
	k.from, k.to, k.offset = -1<<62, 1<<62, offset
	if !begin.IsZero() {
		k.from = begin.Unix() + secondsPerDay
	}
	if !end.IsZero() {
		k.to = end.Unix() - secondsPerDay
	}
}

func inRange(at int64) (int64, error) {
	if at < firstInstant || at >= endInstant {
		return 0, errOutOfRange
	}
	return at, nil
}

// parse reads an instant in one of the default forms.
func (k *calendar) parse(b []byte) (int64, error) {
	b = trimSpaces(b)
	var c civil
	if len(b) < 10 || b[4] != b[7] || b[4] != '-' && b[4] != '/' {
		return 0, errNotInstant
	}
	var ok [3]bool
	c.year, ok[0] = digits4(b)
	c.month, ok[1] = digits2(b[5:])
	c.day, ok[2] = digits2(b[8:])
	if ok != [3]bool{true, true, true} {
		return 0, errNotInstant
	}
	rest := b[10:]
	if len(rest) > 0 {
		if len(rest) < 6 || rest[0] != ' ' && rest[0] != 'T' && rest[0] != 't' || rest[3] != ':' {
			return 0, errNotInstant
		}
		c.hour, ok[0] = digits2(rest[1:])
		c.minute, ok[1] = digits2(rest[4:])
		rest = rest[6:]
		if len(rest) >= 3 && rest[0] == ':' {
			c.second, ok[2] = digits2(rest[1:])
			rest = rest[3:]
			if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') && rest[1]-'0' <= 9 {
				rest = skipDigits(rest[1:])
			}
		}
		if ok != [3]bool{true, true, true} {
			return 0, errNotInstant
		}
		if len(rest) > 1 && rest[0] == ' ' {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		var err error
		if rest, err = readOffset(rest, &c); err != nil {
			return 0, err
		}
		if len(rest) > 0 {
			return 0, errNotInstant
		}
	}
	return k.instant(&c)
}

func skipDigits(b []byte) []byte {
	for len(b) > 0 && b[0]-'0' <= 9 {
		b = b[1:]
	}
	return b
}

func digits2(b []byte) (int, bool) {
	if len(b) < 2 {
		return 0, false
	}
	x, y := b[0]-'0', b[1]-'0'
	return int(x)*10 + int(y), x <= 9 && y <= 9
}

func digits4(b []byte) (int, bool) {
	x, ok := digits2(b)
	y, ok2 := digits2(b[2:])
	return x*100 + y, ok && ok2
}

// readOffset reads Z, UTC, GMT, ±hh, ±hhmm or ±hh:mm at the beginning of b.
func readOffset(b []byte, c *civil) ([]byte, error) {
	c.zoned = true
	if b[0] == 'Z' || b[0] == 'z' {
		return b[1:], nil
	}
	if len(b) >= 3 && (string(b[:3]) == "UTC" || string(b[:3]) == "GMT") {
		return b[3:], nil
	}
	if b[0] != '+' && b[0] != '-' {
		return nil, errNoOffset
	}
	east := b[0] == '+'
	hours, ok := digits2(b[1:])
	if !ok {
		return nil, errNoOffset
	}
	rest, minutes := b[3:], 0
	if len(rest) > 0 && rest[0] == ':' {
		if minutes, ok = digits2(rest[1:]); !ok {
			return nil, errNoOffset
		}
		rest = rest[3:]
	} else if m, two := digits2(rest); two {
		minutes, rest = m, rest[2:]
	}
	if hours > 23 || minutes > 59 {
		return nil, errWideOffset
	}
	c.offset = hours*3600 + minutes*60
	if !east {
		c.offset = -c.offset
	}
	return rest, nil
}

// Layout is a compiled description of how instants are written, in the
// language of C's strftime:
//
//	%Y 2026   %y 26 (69…99 are 1969…1999)   %m 01…12   %d and %e 01…31   %j 001…366
//	%b Jan    %B January   %a Mon   %A Monday (English, any case; either form is read)
//	%H 00…23  %I 01…12 with %p AM or PM   %M 00…59   %S 00…59   %f digits of a second (cut off)
//	%z Z, UTC, +01:00, +0100 or +01   %T is %H:%M:%S   %F is %Y-%m-%d   %R is %H:%M
//	%s seconds since 1970   %Q milliseconds since 1970   %% a percent sign
//
// Numbers of two digits may be written with one where no digit follows. Any
// other character stands for itself. What a layout does not name reads as the
// beginning: the first month, day, hour, minute or second; a year must be named.
type Layout struct {
	text  string
	steps []byte // a directive's letter, or 0 followed by the literal byte
}

// ParseLayout compiles a layout. The error names the position of what is not
// understood.
func ParseLayout(text string) (Layout, error) {
	l := Layout{text: text}
	expanded := strings.NewReplacer("%%", "%%", "%T", "%H:%M:%S", "%F", "%Y-%m-%d", "%R", "%H:%M").Replace(text)
	seen := map[byte]bool{}
	for i := 0; i < len(expanded); i++ {
		if expanded[i] != '%' {
			l.steps = append(l.steps, 0, expanded[i])
			continue
		}
		i++
		if i == len(expanded) {
			return Layout{}, fmt.Errorf("layout %q ends in a lone %%", text)
		}
		d := expanded[i]
		if d == '%' {
			l.steps = append(l.steps, 0, '%')
			continue
		}
		if !strings.ContainsRune("YymdejbBaAHIpMSfzsQ", rune(d)) {
			return Layout{}, fmt.Errorf("layout %q: %%%c is not known; known are %%Y %%y %%m %%d %%e %%j %%b %%B %%a %%A %%H %%I %%p %%M %%S %%f %%z %%T %%F %%R %%s %%Q %%%%", text, d)
		}
		if seen[d] {
			return Layout{}, fmt.Errorf("layout %q names %%%c twice", text, d)
		}
		seen[d] = true
		l.steps = append(l.steps, d)
	}
	return l, l.complete(seen)
}

// complete says what a layout lacks to name an instant.
func (l Layout) complete(seen map[byte]bool) error {
	if seen['s'] || seen['Q'] {
		if len(seen) > 1 {
			return fmt.Errorf("layout %q counts from 1970 and names other parts too", l.text)
		}
		return nil
	}
	if !seen['Y'] && !seen['y'] {
		if strings.Contains(l.text, "2006") || strings.Contains(l.text, "yyyy") || strings.Contains(l.text, "YYYY") {
			return fmt.Errorf("layout %q is written in another language; write it as strftime does, %%Y-%%m-%%d %%H:%%M:%%S", l.text)
		}
		return fmt.Errorf("layout %q names no year (%%Y or %%y)", l.text)
	}
	if seen['I'] != seen['p'] {
		return fmt.Errorf("layout %q: %%I and %%p go together", l.text)
	}
	return nil
}

// String returns the layout as it was written.
func (l Layout) String() string { return l.text }

// parseLayout reads an instant that is written by the layout.
func (k *calendar) parseLayout(b []byte, l Layout) (int64, error) {
	b = trimSpaces(b)
	c := civil{month: 1, day: 1}
	for i := 0; i < len(l.steps); i++ {
		d := l.steps[i]
		if d == 0 {
			i++
			if len(b) == 0 || b[0] != l.steps[i] {
				return 0, errLayout
			}
			b = b[1:]
			continue
		}
		var err error
		if b, err = c.read(d, b); err != nil {
			return 0, err
		}
	}
	if len(b) > 0 {
		return 0, errLayout
	}
	if c.twelve {
		if c.hour < 1 || c.hour > 12 {
			return 0, errNoSuchDay
		}
		c.hour %= 12
		if c.afternoon {
			c.hour += 12
		}
	}
	return k.instant(&c)
}

// read takes what the directive d describes off the front of b.
func (c *civil) read(d byte, b []byte) (rest []byte, err error) {
	switch d {
	case 'Y':
		var ok bool
		if len(b) < 4 {
			return nil, errLayout
		}
		if c.year, ok = digits4(b); !ok {
			return nil, errLayout
		}
		return b[4:], nil
	case 'y':
		var ok bool
		if c.year, ok = digits2(b); !ok {
			return nil, errLayout
		}
		// The century of POSIX strptime.
		if c.year += 2000; c.year >= 2069 {
			c.year -= 100
		}
		return b[2:], nil
	case 'm':
		return readDigits(b, 2, &c.month)
	case 'd', 'e':
		if d == 'e' {
			b = trimSpaces(b)
		}
		return readDigits(b, 2, &c.day)
	case 'j':
		if rest, err = readDigits(b, 3, &c.yearDay); err == nil && c.yearDay == 0 {
			return nil, errNoSuchDay
		}
		return rest, err
	case 'H':
		return readDigits(b, 2, &c.hour)
	case 'I':
		c.twelve = true
		return readDigits(b, 2, &c.hour)
	case 'M':
		return readDigits(b, 2, &c.minute)
	case 'S':
		return readDigits(b, 2, &c.second)
	case 'f':
		if rest = skipDigits(b); len(rest) == len(b) {
			return nil, errLayout
		}
		return rest, nil
	case 'p':
		if len(b) < 2 || b[1]|0x20 != 'm' || b[0]|0x20 != 'a' && b[0]|0x20 != 'p' {
			return nil, errLayout
		}
		c.afternoon = b[0]|0x20 == 'p'
		return b[2:], nil
	case 'b', 'B':
		for m := time.January; m <= time.December; m++ {
			if rest, ok := readName(b, m.String()); ok {
				c.month = int(m)
				return rest, nil
			}
		}
		return nil, errNotMonth
	case 'a', 'A':
		for w := time.Sunday; w <= time.Saturday; w++ {
			if rest, ok := readName(b, w.String()); ok {
				return rest, nil
			}
		}
		return nil, errNotWeekday
	case 'z':
		if len(b) == 0 {
			return nil, errNoOffset
		}
		return readOffset(b, c)
	case 's', 'Q':
		return c.readEpoch(d, b)
	}
	panic("files: a directive that ParseLayout lets pass is not read: %" + string(rune(d)))
}

// readEpoch reads whole seconds or milliseconds since 1970, rounding down.
func (c *civil) readEpoch(d byte, b []byte) ([]byte, error) {
	end := 0
	if len(b) > 0 && b[0] == '-' {
		end = 1
	}
	end = len(b) - len(skipDigits(b[end:]))
	v, err := strconv.ParseInt(string(b[:end]), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return nil, errOutOfRange
	}
	if err != nil {
		return nil, errLayout
	}
	if d == 'Q' {
		if v < 0 {
			return nil, errOutOfRange
		}
		v /= 1000
	}
	c.epoch, c.isEpoch = v, true
	return b[end:], nil
}

// readDigits reads one to most digits.
func readDigits(b []byte, most int, to *int) ([]byte, error) {
	v, i := 0, 0
	for i < most && i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + int(b[i]-'0')
		i++
	}
	if i == 0 {
		return nil, errLayout
	}
	*to = v
	return b[i:], nil
}

// readName reads an English name or its first three letters, in any case.
func readName(b []byte, name string) ([]byte, bool) {
	for _, form := range []string{name, name[:3]} {
		if len(b) < len(form) || !strings.EqualFold(string(b[:len(form)]), form) {
			continue
		}
		// "Sept" is not "Sep" with something behind it.
		if r, _ := utf8.DecodeRune(b[len(form):]); len(b) > len(form) && unicode.IsLetter(r) {
			continue
		}
		return b[len(form):], true
	}
	return nil, false
}
