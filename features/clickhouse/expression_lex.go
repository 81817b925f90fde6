package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"fealty/features"
)

// tokenKind tells the pieces of an expression apart.
type tokenKind uint8

const (
	wordToken   tokenKind = iota + 1 // a bare identifier or keyword
	quotedToken                      // an identifier in quotes; text is the name
	textToken                        // a string
	numberToken
	symbolToken    // one character
	parameterToken // a parameter of feature SQL, {name:Type}
)

type token struct {
	kind tokenKind
	// text is what stands there; the name of a quoted identifier.
	text string
	// at is its byte, for messages.
	at int
}

// is reports whether the token is that keyword, which stands in upper case.
func (t token) is(keyword string) bool {
	return t.kind == wordToken && strings.EqualFold(t.text, keyword)
}

func (t token) symbol(s string) bool { return t.kind == symbolToken && t.text == s }

// maxExpression bounds an expression or a query of a mapping, in bytes.
const maxExpression = 16 << 10

// featureParameters are the parameters that a file of features takes, as they are
// written.
var featureParameters = []string{
	"{cutoffs:Array(DateTime('UTC'))}", "{known_at:Array(DateTime('UTC'))}", "{accounts:Array(String)}",
	"{from_account:String}", "{to_account:String}", "{watermark:UInt64}", "{tz:String}",
}

// tokens cuts SQL text as ClickHouse does, and refuses what ClickHouse might
// cut otherwise, or hide: comments, heredocs, parameters, a second statement,
// typographic quotes (which are quotes to it), control characters. Brackets are
// in balance, so that the text stays where it is put. A file of features may
// have comments of one line and featureParameters.
func tokens(text string, where form) ([]token, error) {
	longest := maxExpression
	if where == featureForm {
		longest = features.MaxOwnBytes
	}
	switch {
	case strings.TrimSpace(text) == "":
		return nil, fmt.Errorf("%w: it is empty", ErrExpression)
	case len(text) > longest:
		return nil, fmt.Errorf("%w: it has %d bytes, and %d are allowed", ErrExpression, len(text), longest)
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrExpression)
	}
	var all []token
	var open []byte
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c < ' ' || c == 0x7f:
			return nil, refuseAt(i, "a control character")
		case c == '\'':
			end, err := quotedEnd(text, i)
			if err != nil {
				return nil, err
			}
			all = append(all, token{textToken, text[i:end], i})
			i = end
			continue
		case c == '"' || c == '`':
			end, err := quotedEnd(text, i)
			if err != nil {
				return nil, err
			}
			name := text[i+1 : end-1]
			// Such a name could look like something else where the engine writes out what it understood.
			if name == "" || strings.ContainsAny(name, "`\"'\\.()") {
				return nil, refuseAt(i, "a quoted name that is empty or holds a quote, backslash, dot or bracket")
			}
			all = append(all, token{quotedToken, name, i})
			i = end
			continue
		case letter(c):
			end := i + 1
			for end < len(text) && (letter(text[end]) || digit(text[end])) {
				end++
			}
			all = append(all, token{wordToken, text[i:end], i})
			i = end
			continue
		case digit(c):
			end := i + 1
			for end < len(text) && (letter(text[end]) || digit(text[end]) || text[end] == '.') {
				end++
			}
			all = append(all, token{numberToken, text[i:end], i})
			i = end
			continue
		case where == featureForm && strings.HasPrefix(text[i:], "--"):
			for i < len(text) && text[i] != '\n' {
				if text[i] < ' ' && text[i] != '\t' && text[i] != '\r' {
					return nil, refuseAt(i, "a control character")
				}
				i++
			}
			continue
		case where == featureForm && c == '{':
			k := slices.IndexFunc(featureParameters, func(p string) bool { return strings.HasPrefix(text[i:], p) })
			if k < 0 {
				return nil, refuseAt(i, "a parameter that features don't take; there are "+strings.Join(featureParameters, ", "))
			}
			all = append(all, token{parameterToken, featureParameters[k], i})
			i += len(featureParameters[k])
			continue
		case strings.HasPrefix(text[i:], "--") || strings.HasPrefix(text[i:], "/*") || strings.HasPrefix(text[i:], "//") || c == '#':
			return nil, refuseAt(i, "a comment (two minus signs are written - -)")
		case strings.IndexByte("+-*/%=<>!,.:|^()[]", c) < 0:
			r, _ := utf8.DecodeRuneInString(text[i:])
			return nil, refuseAt(i, fmt.Sprintf("%q, which has no place in an expression", r))
		case c == '(' || c == '[':
			open = append(open, c)
		case c == ')' || c == ']':
			if len(open) == 0 || (open[len(open)-1] == '(') != (c == ')') {
				return nil, refuseAt(i, fmt.Sprintf("%q without its beginning", c))
			}
			open = open[:len(open)-1]
		}
		all = append(all, token{symbolToken, text[i : i+1], i})
		i++
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%w: %q is never closed", ErrExpression, open[len(open)-1])
	}
	return all, nil
}

// quotedEnd returns the byte behind the quoted text that begins at i. A quote
// stands in it doubled or behind a backslash.
func quotedEnd(text string, i int) (int, error) {
	quote := text[i]
	for k := i + 1; k < len(text); k++ {
		switch {
		case text[k] < ' ' || text[k] == 0x7f:
			return 0, refuseAt(k, "a control character; write it as \\n or \\t")
		case text[k] == '\\':
			k++
			if k < len(text) && text[k] < ' ' {
				return 0, refuseAt(k, "a control character; write it as \\n or \\t")
			}
		case text[k] == quote && k+1 < len(text) && text[k+1] == quote:
			k++
		case text[k] == quote:
			return k + 1, nil
		}
	}
	return 0, refuseAt(i, fmt.Sprintf("%q that is never closed", quote))
}

func refuseAt(at int, what string) error {
	return fmt.Errorf("%w: at byte %d stands %s", ErrExpression, at+1, what)
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

func digit(c byte) bool { return c >= '0' && c <= '9' }
