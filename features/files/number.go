package files

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"

	"fealty/features/frame"
)

// number is an exact decimal: ±mant × 10^exp, or ±wide × 10^exp when wide is
// not nil. Texts of files become numbers without passing through floating
// point, so that a sum of cents is a sum of cents.
//
//nolint:recvcheck // the readers take a copy, the arithmetic changes its own
type number struct {
	mant uint64
	wide *big.Int
	exp  int
	neg  bool
}

const (
	// maxNumberBytes bounds the text of one number; 400 digits are more than any
	// amount has and few enough for exact arithmetic.
	maxNumberBytes = 400
	// maxExponent bounds |exp| of a literal: just beyond what a float64 can hold.
	maxExponent = 400
	// decimalDigits is how many digits a stored amount has in all, four of them
	// after the mark: the warehouse's Decimal(18, 4).
	decimalDigits = 18
	// fractionDigits is how many digits stand after the mark: log10 of frame.DecimalScale.
	fractionDigits = 4
)

// maxDecimal is the first count of ten-thousandths that is not stored.
const maxDecimal = 1_000_000_000_000_000_000

var (
	errNotNumber = errors.New("is not a number")
	errNotFinite = errors.New("is not finite; an unknown value is written as an empty one")
	errPoint     = errors.New("has a point, but the decimal mark is declared to be the comma")
	errComma     = errors.New("has a comma; declare a decimal comma, or write thousands without marks")
	errTooLong   = fmt.Errorf("has more than %d characters or a huge exponent", maxNumberBytes)
	errNotWhole  = errors.New("is not a whole number")
	errTooLarge  = fmt.Errorf("has more than %d digits before the decimal mark", decimalDigits-fractionDigits)
	errInteger   = errors.New("lies outside the integers of 64 bits")
	errFraction  = fmt.Errorf("has more than %d significant digits after the decimal mark; allow rounding to read it", fractionDigits)
)

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// parseNumber reads a decimal literal: [+-] digits [mark digits] [e [+-]
// digits], with spaces and tabs around it ignored.
func parseNumber(b []byte, comma bool) (number, error) {
	b = trimSpaces(b)
	if len(b) > maxNumberBytes {
		return number{}, errTooLong
	}
	var n number
	i := 0
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		n.neg = b[i] == '-'
		i++
	}
	mark := byte('.')
	if comma {
		mark = ','
	}
	begin, digits, significant := i, 0, 0
	var marked bool
	for ; i < len(b); i++ {
		c := b[i]
		if d := c - '0'; d <= 9 {
			digits++
			if n.mant != 0 || d != 0 {
				significant++
			}
			// Wraps with more than 19 digits; those are read again below.
			n.mant = n.mant*10 + uint64(d)
			if marked {
				n.exp--
			}
			continue
		}
		if c != mark || marked {
			break
		}
		marked = true
	}
	end := i
	if digits == 0 {
		return number{}, whyNoNumber(b, i, comma)
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		e, err := strconv.Atoi(string(b[i+1:]))
		if err != nil && !errors.Is(err, strconv.ErrRange) || !plainExponent(b[i+1:]) {
			return number{}, errNotNumber
		}
		if err != nil || e > maxExponent || e < -maxExponent {
			return number{}, errTooLong
		}
		n.exp += e
		i = len(b)
	}
	if i < len(b) {
		return number{}, whyNoNumber(b, i, comma)
	}
	if significant > 19 {
		n.widen(b[begin:end], mark)
	}
	return n, nil
}

// widen reads the digits again as an integer without bound.
func (n *number) widen(literal []byte, mark byte) {
	digits := make([]byte, 0, len(literal))
	for _, c := range literal {
		if c != mark {
			digits = append(digits, c)
		}
	}
	wide, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		panic("files: digits that were counted are no integer: " + string(digits))
	}
	n.wide, n.mant = wide, 0
}

func plainExponent(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// whyNoNumber names the mistake at position i of b, so that the person who
// exported the file knows what to declare.
func whyNoNumber(b []byte, i int, comma bool) error {
	rest := b
	if len(rest) > 0 && (rest[0] == '-' || rest[0] == '+') {
		rest = rest[1:]
	}
	switch lower := string(asciiLower(rest)); lower {
	case "nan", "inf", "infinity", "#n/a", "#div/0!":
		return errNotFinite
	}
	if i < len(b) && i > 0 {
		if comma && b[i] == '.' {
			return errPoint
		}
		if !comma && b[i] == ',' {
			return errComma
		}
	}
	return errNotNumber
}

func asciiLower(b []byte) []byte {
	lower := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return lower
}

func trimSpaces(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// integer returns ±mant or ±wide, without the exponent.
func (n number) integer() *big.Int {
	v := new(big.Int)
	if n.wide != nil {
		v.Set(n.wide)
	} else {
		v.SetUint64(n.mant)
	}
	if n.neg {
		v.Neg(v)
	}
	return v
}

// zero reports whether the number is 0.
func (n number) zero() bool { return n.mant == 0 && (n.wide == nil || n.wide.Sign() == 0) }

// times returns the exact product.
func (n number) times(m number) number {
	p := number{exp: n.exp + m.exp, neg: n.neg != m.neg}
	if n.wide == nil && m.wide == nil {
		high, low := bits.Mul64(n.mant, m.mant)
		if high == 0 {
			p.mant = low
			return p
		}
	}
	p.wide = new(big.Int).Mul(n.integer(), m.integer())
	p.wide.Abs(p.wide)
	return p
}

// scaled returns n × 10^digits as an integer. exact is false if a fraction
// other than 0 was rounded half away from zero; ok is false if the result is
// not within ±limit, both excluded.
func (n number) scaled(digits int, limit uint64) (v int64, exact, ok bool) {
	shift := n.exp + digits
	if n.wide == nil {
		switch {
		case n.mant == 0:
			return 0, true, true
		case shift >= 0 && shift < len(powers):
			high, low := bits.Mul64(n.mant, powers[shift])
			if high != 0 || low >= limit {
				return 0, true, false
			}
			return signed(low, n.neg), true, true
		case shift < 0 && -shift < len(powers):
			by := powers[-shift]
			whole, rest := n.mant/by, n.mant%by
			if rest >= by-rest { // half or more, without the overflow of 2·rest
				whole++
			}
			if whole >= limit {
				return 0, rest == 0, false
			}
			return signed(whole, n.neg), rest == 0, true
		}
	}
	return n.scaledWide(shift, limit)
}

// scaledWide is scaled without bounds on the digits.
func (n number) scaledWide(shift int, limit uint64) (v int64, exact, ok bool) {
	wide := n.integer()
	wide.Abs(wide)
	exact = true
	if shift >= 0 {
		wide.Mul(wide, tenTo(shift))
	} else {
		by, rest := tenTo(-shift), new(big.Int)
		wide.QuoRem(wide, by, rest)
		exact = rest.Sign() == 0
		if rest.Lsh(rest, 1).Cmp(by) >= 0 {
			wide.Add(wide, big.NewInt(1))
		}
	}
	if !wide.IsUint64() || wide.Uint64() >= limit {
		return 0, exact, false
	}
	return signed(wide.Uint64(), n.neg), exact, true
}

func tenTo(e int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(e)), nil) }

// signed gives ±v; v is below 2^63.
func signed(v uint64, neg bool) int64 {
	if neg {
		return -int64(v) //nolint:gosec // callers bound v below 2^63
	}
	return int64(v) //nolint:gosec // callers bound v below 2^63
}

// decimal returns the number in ten-thousandths. With more digits it is
// refused, or rounded half away from zero when round is set.
func (n number) decimal(round bool) (int64, error) {
	v, exact, ok := n.scaled(fractionDigits, maxDecimal)
	if !ok {
		return 0, errTooLarge
	}
	if !exact && !round {
		return 0, errFraction
	}
	return v, nil
}

// whole returns the number as an integer of 64 bits.
func (n number) whole() (int64, error) {
	v, exact, ok := n.scaled(0, math.MaxInt64)
	switch {
	case !exact:
		return 0, errNotWhole
	case ok:
		return v, nil
	}
	// The two ends of the range are not within a symmetric limit.
	wide := n.wholeWide()
	if !wide.IsInt64() {
		return 0, errInteger
	}
	return wide.Int64(), nil
}

// wholeWide returns a number that is known to be whole.
func (n number) wholeWide() *big.Int {
	wide := n.integer()
	if n.exp >= 0 {
		return wide.Mul(wide, tenTo(n.exp))
	}
	return wide.Quo(wide, tenTo(-n.exp))
}

// appendWhole appends the digits of a whole number of any size.
func (n number) appendWhole(to []byte) ([]byte, error) {
	v, exact, ok := n.scaled(0, math.MaxInt64)
	if !exact {
		return to, errNotWhole
	}
	if ok {
		return strconv.AppendInt(to, v, 10), nil
	}
	return n.wholeWide().Append(to, 10), nil
}

// append appends the number as a plain literal with a decimal point, with no
// more digits after it than it has.
func (n number) append(to []byte) []byte {
	if n.zero() {
		return append(to, '0')
	}
	if n.neg {
		to = append(to, '-')
	}
	n.neg = false //nolint:revive // the copy is ours
	digits := n.integer().Append(nil, 10)
	if n.exp >= 0 {
		to = append(to, digits...)
		for range n.exp {
			to = append(to, '0')
		}
		return to
	}
	for len(digits) <= -n.exp {
		digits = append([]byte{'0'}, digits...)
	}
	point := len(digits) + n.exp
	to = append(to, digits[:point]...)
	fraction := digits[point:]
	for len(fraction) > 0 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if len(fraction) > 0 {
		to = append(append(to, '.'), fraction...)
	}
	return to
}

// float returns the nearest float64; beyond its range is an error.
func (n number) float() (float64, error) {
	f, err := strconv.ParseFloat(string(n.scientific()), 64)
	if err != nil {
		return 0, errors.New("lies outside the range of floating point")
	}
	return f, nil
}

// scientific gives ±mant e exp, which strconv reads exactly as meant.
func (n number) scientific() []byte {
	neg := n.neg
	n.neg = false //nolint:revive // the copy is ours
	var b []byte
	if neg {
		b = append(b, '-')
	}
	b = n.integer().Append(b, 10)
	b = append(b, 'e')
	return strconv.AppendInt(b, int64(n.exp), 10)
}

// compare returns −1, 0 or +1, exactly.
func (n number) compare(m number) int {
	if n.exp == m.exp && n.wide == nil && m.wide == nil && n.mant < math.MaxInt64 && m.mant < math.MaxInt64 {
		a, b := signed(n.mant, n.neg), signed(m.mant, m.neg)
		switch {
		case a < b:
			return -1
		case a > b:
			return +1
		}
		return 0
	}
	a, b := n.integer(), m.integer()
	if a.Sign() != b.Sign() || a.Sign() == 0 {
		return a.Cmp(b)
	}
	if n.exp > m.exp {
		a.Mul(a, tenTo(n.exp-m.exp))
	} else {
		b.Mul(b, tenTo(m.exp-n.exp))
	}
	return a.Cmp(b)
}

// The ten-thousandths here and in frame are the same ones.
var _ [0]struct{} = [frame.DecimalScale - 10_000]struct{}{}
