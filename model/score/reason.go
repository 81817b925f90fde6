package score

import (
	"math"
	"sort"
	"strconv"
	"strings"

	"fealty/features/frame"
)

// MaxReasons is the number of reasons on each side.
const MaxReasons = 3

// Reasons picks, from one row's contributions (in the order of features), the
// up to MaxReasons largest that raise the risk and the up to MaxReasons that
// lower it. A feature without words (no catalogue entry in metas) is never a
// reason. Equal contributions keep the feature order, so the choice is stable.
// value returns a column's value for this row, NaN when missing.
func Reasons(features []string, contributions []float64, metas map[string]frame.Meta, value func(string) float64) (up, down []Reason) {
	order := make([]int, 0, len(features))
	for i := range features {
		if m, ok := metas[features[i]]; ok && len(m.ReasonEN) > 0 && contributions[i] != 0 {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(a, b int) bool {
		return math.Abs(contributions[order[a]]) > math.Abs(contributions[order[b]])
	})
	for _, i := range order {
		side := &up
		if contributions[i] < 0 {
			side = &down
		}
		if len(*side) == MaxReasons {
			continue
		}
		r := Reason{Feature: features[i], Contribution: contributions[i]}
		if v := value(features[i]); !math.IsNaN(v) {
			r.Value = &v
		}
		r.With = others(metas[features[i]], features[i], value)
		*side = append(*side, r)
	}
	return up, down
}

// others collects the present values of the columns, beside the feature's own,
// that any of its templates names.
func others(m frame.Meta, own string, value func(string) float64) map[string]float64 {
	var with map[string]float64
	for _, t := range m.ReasonEN {
		for _, name := range placeholders(t) {
			if name == own {
				continue
			}
			if v := value(name); !math.IsNaN(v) {
				if with == nil {
					with = map[string]float64{}
				}
				with[name] = v
			}
		}
	}
	return with
}

func placeholders(template string) []string {
	var names []string
	for {
		from := strings.IndexByte(template, '{')
		if from < 0 {
			return names
		}
		to := strings.IndexByte(template[from:], '}')
		if to < 0 {
			return names
		}
		names = append(names, template[from+1:from+to])
		template = template[from+to+1:]
	}
}

// Language is a language that sentences exist in.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Sentence renders a reason in plain words from the catalogue's templates: the
// first template whose columns are all present; the feature's label when none is.
func Sentence(r Reason, metas map[string]frame.Meta, lang Language) string {
	m, ok := metas[r.Feature]
	if !ok {
		return r.Feature
	}
	if s, ok := Filled(r, metas, lang); ok {
		return s
	}
	label := m.LabelEN
	if lang == Chinese {
		label = m.LabelZH
	}
	if r.Value == nil {
		if lang == Chinese {
			return label + "：未知"
		}
		return label + ": not known"
	}
	sep := ": "
	if lang == Chinese {
		sep = "："
	}
	return label + sep + Format(*r.Value, m.Unit)
}

// Filled renders a reason by the first of the catalogue's templates whose columns are
// all present; false when none is.
func Filled(r Reason, metas map[string]frame.Meta, lang Language) (string, bool) {
	templates := metas[r.Feature].ReasonEN
	if lang == Chinese {
		templates = metas[r.Feature].ReasonZH
	}
	for _, t := range templates {
		if s, ok := fill(t, r, metas, lang); ok {
			return s, true
		}
	}
	return "", false
}

func fill(template string, r Reason, metas map[string]frame.Meta, lang Language) (string, bool) {
	var b strings.Builder
	for {
		from := strings.IndexByte(template, '{')
		if from < 0 {
			b.WriteString(template)
			return b.String(), true
		}
		to := strings.IndexByte(template[from:], '}')
		if to < 0 {
			return "", false
		}
		b.WriteString(template[:from])
		name := template[from+1 : from+to]
		v, ok := r.With[name]
		if name == r.Feature && r.Value != nil {
			v, ok = *r.Value, true
		}
		if !ok {
			return "", false
		}
		said := Format(v, metas[name].Unit)
		b.WriteString(said)
		if template = template[from+to+1:]; said == "1" && lang != Chinese {
			template = ofOne(template)
		}
	}
}

// Format writes a value for people: shares as percent, money with two decimals
// and thousands separators, whole numbers plainly, others with one decimal
// (two below 10).
func Format(v float64, unit string) string {
	switch {
	case unit == "share":
		return strconv.FormatFloat(100*v, 'f', 0, 64) + " %"
	case strings.Contains(unit, "currency"):
		return thousands(strconv.FormatFloat(v, 'f', 2, 64))
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case math.Abs(v) < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return thousands(strconv.FormatFloat(v, 'f', 1, 64))
}

func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, dot := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dot {
		whole += "." + fraction
	}
	return sign + whole
}
