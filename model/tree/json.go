package tree

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// jsonText reads JSON front to back and hands over what stands there, so that
// nothing is held but what the caller keeps. It is stricter than encoding/json,
// which takes a key twice and in any case, and it lets through the word NaN,
// which XGBoost writes where a number has no meaning.
type jsonText struct {
	text  []byte
	at    int
	depth int
}

// maxJSONDepth is the most brackets inside one another; a model has nine.
const maxJSONDepth = 32

func (j *jsonText) fail(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", j.at, fmt.Sprintf(format, args...))
}

// peek skips white space and returns the next byte, 0 at the end.
func (j *jsonText) peek() byte {
	for ; j.at < len(j.text); j.at++ {
		switch c := j.text[j.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (j *jsonText) take(want byte) error {
	if c := j.peek(); c != want || j.at == len(j.text) {
		if j.at == len(j.text) {
			return j.fail("the text ends, expected %q", want)
		}
		return j.fail("%q, expected %q", c, want)
	}
	j.at++
	return nil
}

// sequence reads what stands between two brackets, parted by commas.
func (j *jsonText) sequence(open, shut byte, one func() error) error {
	if err := j.take(open); err != nil {
		return err
	}
	if j.depth++; j.depth > maxJSONDepth {
		return j.fail("more than %d brackets inside one another", maxJSONDepth)
	}
	defer func() { j.depth-- }()
	if j.peek() == shut {
		return j.take(shut)
	}
	for {
		if err := one(); err != nil {
			return err
		}
		if j.peek() == shut {
			return j.take(shut)
		}
		if err := j.take(','); err != nil {
			return err
		}
	}
}

// object reads an object: known says how each known member is read, others are
// checked and skipped. A key must stand once.
func (j *jsonText) object(known map[string]func() error) error {
	seen := map[string]bool{}
	return j.sequence('{', '}', func() error {
		key, err := j.str()
		if err != nil {
			return err
		}
		if seen[key] {
			return j.fail("the key %s stands twice", shorten(key))
		}
		seen[key] = true
		if err := j.take(':'); err != nil {
			return err
		}
		read := known[key]
		if read == nil {
			return j.skip()
		}
		if err := read(); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
}

func (j *jsonText) array(one func() error) error { return j.sequence('[', ']', one) }

// str reads a string.
func (j *jsonText) str() (string, error) {
	if err := j.take('"'); err != nil {
		return "", err
	}
	from := j.at - 1
	for ; j.at < len(j.text); j.at++ {
		switch j.text[j.at] {
		case '\\':
			j.at++
		case '"':
			j.at++
			var s string
			if err := json.Unmarshal(j.text[from:j.at], &s); err != nil {
				return "", j.fail("%v", err)
			}
			return s, nil
		}
	}
	j.at = len(j.text)
	return "", j.fail("the text ends inside a string")
}

// word reads a number, true, false, null or NaN as it is written.
func (j *jsonText) word() (string, error) {
	j.peek()
	from := j.at
	for j.at < len(j.text) && strings.IndexByte(" \t\r\n,:]}[{\"", j.text[j.at]) < 0 {
		j.at++
	}
	w := j.text[from:j.at]
	if string(w) != "NaN" && !json.Valid(w) {
		j.at = from
		return "", j.fail("%s is not a value", shorten(string(w)))
	}
	return string(w), nil
}

// skip reads any value and forgets it.
func (j *jsonText) skip() error {
	switch j.peek() {
	case '{':
		return j.object(nil)
	case '[':
		return j.array(j.skip)
	case '"':
		_, err := j.str()
		return err
	default:
		_, err := j.word()
		return err
	}
}

// text1 returns a reader of one string into to.
func (j *jsonText) text1(to *string) func() error {
	return func() (err error) {
		*to, err = j.str()
		return err
	}
}

// texts returns a reader of a list of strings into to.
func (j *jsonText) texts(to *[]string) func() error {
	return func() error {
		return j.array(func() error {
			s, err := j.str()
			*to = append(*to, s)
			return err
		})
	}
}

// ints returns a reader of a list of whole numbers into to; true counts as 1.
func (j *jsonText) ints(to *[]int32) func() error {
	return words(j, to, func(w string) (int32, error) {
		switch w {
		case "true":
			return 1, nil
		case "false":
			return 0, nil
		}
		v, err := strconv.ParseInt(w, 10, 32)
		return int32(v), err
	})
}

// singles returns a reader of a list of float32 into to, NaN included.
func (j *jsonText) singles(to *[]float32) func() error {
	return words(j, to, func(w string) (float32, error) {
		v, err := strconv.ParseFloat(w, 32)
		return float32(v), err
	})
}

// words returns a reader of a list of what one word each says, into to.
func words[T any](j *jsonText, to *[]T, parse func(string) (T, error)) func() error {
	return func() error {
		return j.array(func() error {
			w, err := j.word()
			if err != nil {
				return err
			}
			v, err := parse(w)
			if err != nil {
				return j.fail("%v", numberError(w, err))
			}
			*to = append(*to, v)
			return nil
		})
	}
}
