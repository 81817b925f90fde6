package clickhouse

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fealty/features/frame"
)

// parameterTexts writes parameters as ClickHouse reads them: a text at the top
// level is escaped as in TSV, a text inside an array is quoted, instants are
// Unix seconds. These are the rules of clickhouse-go's Named; its
// WithParameters passes texts on unescaped, where `a\b` becomes a backspace.
func parameterTexts(params Params) (map[string]string, error) {
	if len(params) == 0 {
		return map[string]string{}, nil
	}
	texts := make(map[string]string, len(params))
	for name, value := range params {
		if !parameterName.MatchString(name) {
			return nil, fmt.Errorf("parameter %q: a name has letters, digits and underscores", name)
		}
		text, err := parameterText(value)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		texts[name] = text
	}
	return texts, nil
}

var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func parameterText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return tsvEscapes.Replace(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("%v is not finite", v)
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		if v.Nanosecond() != 0 {
			return "", fmt.Errorf("%s is not a whole second", v.Format(time.RFC3339Nano))
		}
		return instantText(v.Unix())
	case frame.Cutoff:
		return instantText(int64(v))
	case frame.KnownAt:
		return instantText(int64(v))
	case []string:
		return arrayText(v, func(s string) (string, error) { return "'" + quoteEscapes.Replace(s) + "'", nil })
	case []int64:
		return arrayText(v, func(n int64) (string, error) { return strconv.FormatInt(n, 10), nil })
	case []time.Time:
		return arrayText(v, func(t time.Time) (string, error) { return parameterText(t) })
	case []frame.Cutoff:
		return arrayText(v, func(c frame.Cutoff) (string, error) { return instantText(int64(c)) })
	case []frame.KnownAt:
		return arrayText(v, func(k frame.KnownAt) (string, error) { return instantText(int64(k)) })
	}
	return "", fmt.Errorf("values of type %T can't be bound", value)
}

// instantText writes an instant for DateTime, which holds 1970 … 2106. Ten digits
// say that it is one: four or fewer would be read as the beginning of a date.
func instantText(seconds int64) (string, error) {
	if seconds < 0 || seconds >= endOfDateTime {
		return "", fmt.Errorf("%s lies outside 1970 … 2106", instant(seconds))
	}
	return fmt.Sprintf("%010d", seconds), nil
}

func arrayText[T any](values []T, text func(T) (string, error)) (string, error) {
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		t, err := text(v)
		if err != nil {
			return "", fmt.Errorf("element %d: %w", i, err)
		}
		b.WriteString(t)
	}
	b.WriteByte(']')
	return b.String(), nil
}

var (
	tsvEscapes   = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)
	quoteEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)
)
