package score

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// verb is one of fmt's, without an index or a star.
	verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z%]`)
	// things is what follows a number: a noun in the plural, with one word of its kind
	// before it.
	things = regexp.MustCompile(`^ ((?:active|buying|declared|drawn|eligible|estimated|lapsed|more|other) )?` +
		`(?:account|buyer|categorie|complaint|contact|customer|day|deliverie|failure|future|hour|invoice|item|month|offer|order|point|purchase|replie|return|row|supplier|time|unit|visit|wallet|week|year)s\b`)
)

// ofOne says in the singular what follows a 1 in an English sentence. Verbs stay: a
// template that counts its own subject is no candidate.
func ofOne(rest string) string {
	found := things.FindString(rest)
	if found == "" {
		return rest
	}
	one := strings.TrimSuffix(found, "s")
	if stem, ok := strings.CutSuffix(one, "ie"); ok {
		one = stem + "y"
	}
	return one + rest[len(found):]
}

// Counted formats an English sentence as fmt.Sprintf does, with one thing in the
// singular where the format counts in the plural: 1 day, not 1 days. What is put in is
// left as it is.
func Counted(format string, args ...any) string {
	var b strings.Builder
	for _, arg := range args {
		at := verb.FindStringIndex(format)
		for at != nil && format[at[1]-1] == '%' { // a percent sign
			b.WriteString(format[:at[0]] + "%")
			format = format[at[1]:]
			at = verb.FindStringIndex(format)
		}
		if at == nil {
			return b.String() + fmt.Sprintf(format, arg) // which says that it is one too many
		}
		said := fmt.Sprintf(format[at[0]:at[1]], arg)
		b.WriteString(format[:at[0]] + said)
		if format = format[at[1]:]; said == "1" {
			format = ofOne(format)
		}
	}
	return b.String() + fmt.Sprintf(format, args[len(args):]...) // which says what is missing
}
