package clickhouse

import (
	"context"
	"fmt"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"time"

	"fealty/features/frame"
)

// rateDays is how old the exchange rate of a day may be, in days.
const rateDays = 7

// rates are the exchange rates into base currency, by business day.
type rates struct {
	zone *time.Location
	of   map[string][]dayRate
}

// dayRate is what one unit of a currency is worth from a day on. Days are
// counted from 1970-01-01.
type dayRate struct {
	day int64
	exactRate
}

// exactRate is a rate as the decimal number that people wrote: 1.1 is eleven
// tenths, not the nearest float. It is numerator ÷ denominator.
type exactRate struct{ numerator, denominator *big.Int }

func newExactRate(v float64) exactRate {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	whole, places, _ := strings.Cut(text, ".")
	n, _ := new(big.Int).SetString(whole+places, 10) // FormatFloat wrote digits
	return exactRate{n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(places))), nil)}
}

// convert returns the amount in base currency, both in ten-thousandths, rounded
// half away from zero; false when it has more digits than an amount keeps.
func (r exactRate) convert(amount int64) (int64, bool) {
	v := new(big.Int).Mul(big.NewInt(amount), r.numerator)
	half := new(big.Int).Rsh(r.denominator, 1) // the denominator is a power of ten: even, or 1 and nothing to round
	if v.Sign() < 0 {
		half.Neg(half)
	}
	v.Add(v, half).Quo(v, r.denominator)
	if !v.IsInt64() || v.CmpAbs(big.NewInt(power(maxPrecision))) >= 0 {
		return 0, false
	}
	return v.Int64(), true
}

// readRates reads the rates of all committed loads.
func readRates(ctx context.Context, e Engine, zone string) (*rates, error) {
	if zone == "" {
		zone = "UTC"
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("read the business time zone: %w", err)
	}
	r := &rates{zone: place, of: map[string][]dayRate{}}
	err = e.Query(ctx, statement("loads/rates.sql"), nil, func(t *frame.Table) error {
		columns, err := pick(t, "currency", "day", "rate")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			currency := columns[0].Texts[i]
			r.of[currency] = append(r.of[currency], dayRate{r.day(columns[1].Integers[i]), newExactRate(columns[2].Numbers[i])})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the exchange rates: %w", err)
	}
	return r, nil
}

// day returns the business day of an instant.
func (r *rates) day(seconds int64) int64 { return dayIn(r.zone, seconds) }

// dayIn returns the day of an instant in a zone, counted from 1970-01-01.
func dayIn(zone *time.Location, seconds int64) int64 {
	t := time.Unix(seconds, 0).In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
}

// at returns the last rate on or before the instant's business day, which is
// returned too; false when there is none or it is too old.
func (r *rates) at(currency string, seconds int64) (exactRate, int64, bool) {
	day := r.day(seconds)
	known := r.of[currency]
	i := sort.Search(len(known), func(i int) bool { return known[i].day > day }) - 1
	if i < 0 || day-known[i].day > rateDays {
		return exactRate{}, day, false
	}
	return known[i].exactRate, day, true
}
