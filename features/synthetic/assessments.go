package synthetic

import (
	"math"
	"strconv"

	"fealty/features"
	"fealty/features/frame"
)

// answer is one thing that an account says of us, on 0 … 10, or that its manager
// judges.
type answer struct {
	at              int64
	item            string
	value, expected float64 // expected is negative when it was not asked
	kind, comment   string
}

// asked are the items of a questionnaire: whether more is better, and whether what was
// expected is asked too.
var asked = []struct {
	item           string
	good, expected bool
}{
	{"trust", true, false}, {"recommend", true, false}, {"repurchase", true, false},
	{"product", true, true}, {"service", true, true}, {"people", true, true}, {"image", true, true},
	{"money", false, false}, {"time", false, false}, {"mental", false, false}, {"physical", false, false},
}

// answers draws what some of the accounts that are surveyed answer once a year, and
// what managers judge of some accounts by hand. Who is content answers better, and
// worse while something troubles it.
func (t *Town) answers(d *draw, p *profile, out []answer) []answer {
	d.reset(t.params.Seed, forAssessments, p.index)
	out = out[:0]
	begin := t.start + int64(p.firstDay)*daySeconds
	if p.surveyed && d.chance(0.3) {
		for at := workday(d, begin+int64(d.between(30, 365)*daySeconds)); at < t.end && !p.gone(at); at = workday(d, at+365*daySeconds) {
			for _, q := range asked {
				content := 6.5 + 1.4*p.satisfaction - 3*p.mood(at)
				if !q.good {
					content = 10 - content
				}
				a := answer{at: at, item: q.item, value: clamp(math.Round(content+d.NormFloat64()), 0, 10), expected: -1, kind: features.Survey}
				if q.expected {
					a.expected = clamp(math.Round(8+d.NormFloat64()), 0, 10)
				}
				out = append(out, a)
			}
		}
	}
	judged, learnt := d.chance(0.08), d.chance(0.03)
	at := workday(d, begin+int64(d.between(60, 300)*daySeconds))
	if at >= t.end || p.gone(at) {
		return out
	}
	if judged {
		value := clamp(math.Round(65+15*p.satisfaction+8*d.NormFloat64()), 0, 100)
		out = append(out, answer{at: at, item: features.AssessedLoyalty, value: value, expected: -1, kind: features.Judgement, comment: "from the yearly talk"})
	}
	if learnt {
		value := math.Round(d.logNormal(1500, 0.6)/100) * 100
		out = append(out, answer{at: at, item: features.AssessedLearning, value: value, expected: -1, kind: features.Judgement, comment: "tries new products first"})
	}
	return out
}

func writeAssessments(s *stream) {
	p := &s.profile
	s.answers = s.town.answers(s.draw, p, s.answers)
	for i := range s.answers {
		a := &s.answers[i]
		put(s, "id", p.id+"-"+a.item+"-"+strconv.FormatInt(a.at/daySeconds, 10))
		put(s, "account", p.id)
		put(s, "item", a.item)
		put(s, "value", int64(a.value)*frame.DecimalScale)
		if a.kind == features.Survey {
			put(s, "scale", int64(10*frame.DecimalScale))
		}
		if a.expected >= 0 {
			put(s, "expectation", int64(a.expected)*frame.DecimalScale)
		}
		put(s, "kind", a.kind)
		if a.kind == features.Judgement {
			put(s, "author", managers[p.manager])
			put(s, "comment", a.comment)
		}
		put(s, "at", a.at)
		put(s, features.RecordedAt, a.at)
		s.end()
	}
}
