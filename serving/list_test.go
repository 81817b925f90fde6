package serving

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model/score"

	"pgregory.net/rapid"
)

// The dumb twin of lists: a condition is a tree over a score, and says its own
// text.
type condition interface {
	fmt.Stringer
	// says returns +1 for true, −1 for false and 0 for unknown.
	says(s *score.Score) int
}

type (
	both2   struct{ left, right condition }
	either  struct{ left, right condition }
	negated struct {
		of    condition
		minus bool
	}
	onNumber struct {
		field, operator string
		with            float64
		whole           bool
	}
	onText  struct{ field, operator, with, written string }
	onWord  struct{ field, operator, with, written string }
	present struct{ field string }
)

func (c both2) String() string  { return "(" + c.left.String() + " AND " + c.right.String() + ")" }
func (c either) String() string { return "(" + c.left.String() + " OR " + c.right.String() + ")" }
func (c negated) String() string {
	if c.minus {
		return "-(" + c.of.String() + ")"
	}
	return "NOT (" + c.of.String() + ")"
}

func (c onNumber) String() string {
	if c.whole {
		return c.field + c.operator + strconv.FormatInt(int64(c.with), 10)
	}
	text := strconv.FormatFloat(c.with, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return c.field + " " + c.operator + " " + text
}
func (c onText) String() string  { return c.field + " " + c.operator + " " + c.written }
func (c onWord) String() string  { return c.field + " " + c.operator + " " + c.written }
func (c present) String() string { return c.field + ":*" }

func (c both2) says(s *score.Score) int   { return min(c.left.says(s), c.right.says(s)) }
func (c either) says(s *score.Score) int  { return max(c.left.says(s), c.right.says(s)) }
func (c negated) says(s *score.Score) int { return -c.of.says(s) }

func yesNo(yes bool) int {
	if yes {
		return 1
	}
	return -1
}

// numberFields are the fields that are numbers, wordFields those that are one of the
// words, in order.
var (
	numberFields = []string{
		"probability", "percentile", "value_at_risk", "run_rate", "change", "loyalty", "lifetime_value", "wallet_share", "potential",
	}
	wordFields = map[string][]string{
		"band": {"low", "medium", "high"}, "stage": {"lapsed", "won_back", "new", "at_risk", "active", "never_bought", "paused"},
		"tier": {"small", "ordinary", "major", "vip"}, "verdict": {"keep", "grow", "fix_terms", "review"}, "story": {"loyal_yet_leaving", "not_loyal_yet_staying"},
	}
)

func numberOf(s *score.Score, field string) float64 {
	switch field {
	case "probability":
		return s.Probability
	case "percentile":
		return s.Percentile
	case "value_at_risk":
		return s.ValueAtRisk
	case "run_rate":
		return s.RunRate
	case "change":
		if s.Change == nil {
			return math.NaN()
		}
		return s.Change.Probability
	}
	w := s.Worth
	if w == nil {
		return math.NaN()
	}
	switch field {
	case "loyalty":
		return w.Loyalty.Score
	case "lifetime_value":
		return w.Lifetime.Value
	case "wallet_share":
		return float64(w.Wallet.Share)
	case "potential":
		return float64(w.Wallet.Potential)
	}
	panic(field)
}

func textField(s *score.Score, field string) string {
	switch field {
	case "account":
		return string(s.Account)
	case "name":
		return s.Name
	case "segment":
		return s.Segment
	case "region":
		return s.Region
	case "manager":
		return s.Manager
	case "unscorable":
		return s.Unscorable
	case "band":
		return string(s.Band)
	case "stage":
		return string(s.Stage)
	}
	if s.Worth == nil {
		return ""
	}
	switch field {
	case "tier":
		return s.Worth.Place.Tier
	case "verdict":
		return s.Worth.Place.Verdict
	case "story":
		return s.Worth.Loyalty.Story
	}
	panic(field)
}

func compared(order int, operator string) int {
	switch operator {
	case "=":
		return yesNo(order == 0)
	case "!=":
		return yesNo(order != 0)
	case "<":
		return yesNo(order < 0)
	case "<=":
		return yesNo(order <= 0)
	case ">":
		return yesNo(order > 0)
	case ">=":
		return yesNo(order >= 0)
	}
	panic(operator)
}

func (c onNumber) says(s *score.Score) int {
	v := numberOf(s, c.field)
	switch {
	case math.IsNaN(v):
		return 0
	case v < c.with:
		return compared(-1, c.operator)
	case v > c.with:
		return compared(1, c.operator)
	}
	return compared(0, c.operator)
}

// like matches a pattern of runes one at a time, stars by trying everything.
func like(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return like(pattern[1:], text) || text != "" && like(pattern, text[1:])
	case strings.HasPrefix(pattern, `\*`):
		return strings.HasPrefix(text, "*") && like(pattern[2:], text[1:])
	}
	return text != "" && text[0] == pattern[0] && like(pattern[1:], text[1:])
}

func (c onText) says(s *score.Score) int {
	v := textField(s, c.field)
	switch c.operator {
	case ":":
		return yesNo(strings.Contains(strings.ToLower(v), strings.ToLower(c.with)))
	case "=":
		return yesNo(like(c.with, v))
	case "!=":
		return yesNo(!like(c.with, v))
	}
	return compared(strings.Compare(v, c.with), c.operator)
}

func (c onWord) says(s *score.Score) int {
	v := textField(s, c.field)
	if v == "" {
		return 0
	}
	words := wordFields[c.field]
	order := slices.Index(words, v) - slices.Index(words, c.with)
	operator := c.operator
	if operator == ":" {
		operator = "="
	}
	return compared(order, operator)
}

func (c present) says(s *score.Score) int {
	if slices.Contains(numberFields, c.field) {
		return yesNo(!math.IsNaN(numberOf(s, c.field)))
	}
	return yesNo(textField(s, c.field) != "")
}

// quoted writes a text as a filter's string.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

var comparators = []string{"=", "!=", "<", "<=", ">", ">="}

func anyCondition(t *rapid.T, depth int) condition {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind = 3 + kind%4
	}
	switch kind {
	case 0:
		return both2{anyCondition(t, depth-1), anyCondition(t, depth-1)}
	case 1:
		return either{anyCondition(t, depth-1), anyCondition(t, depth-1)}
	case 2:
		return negated{anyCondition(t, depth-1), rapid.Bool().Draw(t, "minus")}
	case 3:
		with := rapid.SampledFrom([]float64{0, .1, .3, .6, 1, 12.5, 1000, -3}).Draw(t, "number")
		return onNumber{
			rapid.SampledFrom(numberFields).Draw(t, "field"),
			rapid.SampledFrom(comparators).Draw(t, "operator"), with, with == math.Trunc(with) && rapid.Bool().Draw(t, "whole"),
		}
	case 4:
		with := rapid.SampledFrom([]string{
			"", "shop", "Shop", `shop\*`, "*", "s*", "*p", "*o*", "c*i*s*e", "**", "李*", "*é", "CAFÉ", "café", "é", "chain store", `a\b`, "C1", "C1*", "north", `*\**`, "nowhere", `"`,
		}).Draw(t, "text")
		written := quoted(with)
		if rapid.Bool().Draw(t, "unquoted") && slices.Contains([]string{"shop", "s*", "*o*", "C1", "李*", "north"}, with) {
			written = with
		}
		operator := rapid.SampledFrom(append([]string{":"}, comparators...)).Draw(t, "operator")
		field := rapid.SampledFrom([]string{"account", "name", "segment", "region", "manager", "unscorable"}).Draw(t, "field")
		if operator == ":" && with == "*" {
			return present{field}
		}
		return onText{field, operator, with, written}
	case 5:
		field := rapid.SampledFrom([]string{"band", "stage", "tier", "verdict", "story"}).Draw(t, "field")
		operators := append([]string{":"}, comparators...)
		if field == "stage" || field == "verdict" || field == "story" {
			operators = []string{"=", "!=", ":"}
		}
		word := rapid.SampledFrom(wordFields[field]).Draw(t, "word")
		written := []string{word, quoted(word), strings.ToUpper(word)}
		if field == "band" || field == "stage" {
			upper := strings.ToUpper(field + "_" + word)
			written = append(written, upper, quoted(upper))
		}
		return onWord{field, rapid.SampledFrom(operators).Draw(t, "operator"), word, rapid.SampledFrom(written).Draw(t, "written")}
	}
	return present{rapid.SampledFrom(ListFields()).Draw(t, "field")}
}

// inOrderOf sorts as the documentation says, by comparing values.
func inOrderOf(all []score.Score, order []string) {
	slices.SortStableFunc(all, func(a, b score.Score) int { return strings.Compare(string(a.Account), string(b.Account)) })
	slices.SortStableFunc(all, func(a, b score.Score) int {
		for _, o := range order {
			field, direction, _ := strings.Cut(o, " ")
			c, missingA, missingB := 0, false, false
			switch words := wordFields[field]; {
			case slices.Contains(numberFields, field):
				x, y := numberOf(&a, field), numberOf(&b, field)
				missingA, missingB = math.IsNaN(x), math.IsNaN(y)
				if x < y {
					c = -1
				} else if x > y {
					c = 1
				}
			case words != nil:
				x, y := slices.Index(words, textField(&a, field)), slices.Index(words, textField(&b, field))
				missingA, missingB = x < 0, y < 0
				c = x - y
			default:
				c = strings.Compare(textField(&a, field), textField(&b, field))
			}
			switch {
			case missingA && missingB:
				continue
			case missingA:
				return 1
			case missingB:
				return -1
			}
			if direction == "desc" {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// A walk through pages of any sizes gives what the twin gives: every account
// that passes, once, in order.
func TestListsAreTheTwins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyScores(t, 25)
		runs := &twinRuns{}
		publishOn(t, runs, 99, all)
		d, _ := deskOver(runs)
		if _, err := d.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			c := anyCondition(t, 3)
			fields := rapid.SliceOfNDistinct(rapid.SampledFrom(ListFields()), 0, 3, rapid.ID).Draw(t, "order")
			order := make([]string, len(fields))
			for i, f := range fields {
				order[i] = f + rapid.SampledFrom([]string{"", " asc", " desc"}).Draw(t, "direction")
			}
			r := ListRequest{Filter: c.String(), OrderBy: strings.Join(order, ",")}
			if rapid.IntRange(0, 5).Draw(t, "no filter") == 0 {
				r.Filter = ""
			}
			if len(order) == 0 {
				order = []string{"probability desc"}
			}
			var want []frame.AccountID
			sorted := slices.Clone(all)
			inOrderOf(sorted, order)
			for i := range sorted {
				if r.Filter == "" || c.says(&sorted[i]) > 0 {
					want = append(want, sorted[i].Account)
				}
			}
			var got []frame.AccountID
			for {
				r.PageSize = rapid.IntRange(0, 7).Draw(t, "page size")
				page, err := d.List(context.Background(), r)
				if err != nil {
					t.Fatalf("filter %s, order %s: %v", r.Filter, r.OrderBy, err)
				}
				if page.Total != len(want) || r.PageSize > 0 && len(page.Answers) > r.PageSize || page.NextPageToken != "" && len(page.Answers) == 0 {
					t.Fatalf("filter %s: %d of %d answers, want %d in all", r.Filter, len(page.Answers), page.Total, len(want))
				}
				for i := range page.Answers {
					got = append(got, page.Answers[i].Account)
				}
				if r.PageToken = page.NextPageToken; r.PageToken == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("filter %s, order %q: got %q, want %q", r.Filter, r.OrderBy, got, want)
			}
		}
	})
}

// fourShops are what the tables below ask about. Probabilities: .9, .5, .1 and none.
func fourShops(t testing.TB) *Desk {
	t.Helper()
	runs := &twinRuns{}
	publishOn(t, runs, 99, []score.Score{
		{Account: "C1", Name: "Acme Ltd", Segment: "shop", Manager: "j.smith", Band: score.High, Stage: score.AtRisk, Probability: .9, ValueAtRisk: 900},
		{Account: "C2", Name: "Bolt", Segment: "shop", Band: score.Medium, Stage: score.Active, Probability: .5, ValueAtRisk: 8},
		{Account: "C3", Name: "ACME 2", Segment: "chain", Band: score.Low, Stage: score.Active, Probability: .1, ValueAtRisk: 10},
		{Account: "C4", Segment: "chain", Unscorable: "lapsed", Stage: score.Lapsed, Probability: math.NaN(), ValueAtRisk: math.NaN()},
	})
	d, _ := deskOver(runs)
	if _, err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFiltersAsTheyAreWritten(t *testing.T) {
	d := fourShops(t)
	for _, c := range []struct{ filter, want string }{
		{"", "C1 C2 C3 C4"},
		{"   ", "C1 C2 C3 C4"},
		{`band = "high"`, "C1"},
		{`band = high`, "C1"},
		{`band = BAND_HIGH`, "C1"},
		{`band = "BAND_HIGH"`, "C1"},
		{`band != "high"`, "C2 C3"}, // no band is no band
		{`NOT band = "high"`, "C2 C3"},
		{`-band = "high"`, "C2 C3"},
		{`band >= medium`, "C1 C2"},
		{`band:*`, "C1 C2 C3"},
		{`NOT band:*`, "C4"},
		{`stage = STAGE_AT_RISK`, "C1"},
		{`stage = "at_risk" OR stage = lapsed`, "C1 C4"},
		{`probability > 0.4`, "C1 C2"},
		{`probability>.4`, "C1 C2"},
		{`NOT probability > 0.4`, "C3"}, // a missing number passes neither
		{`probability > 0.4 OR NOT probability > 0.4`, "C1 C2 C3"},
		{`value_at_risk >= 10`, "C1 C3"},
		{`value_at_risk > -1`, "C1 C2 C3"},
		{`value_at_risk = 10.0`, "C3"},
		{`unscorable = ""`, "C1 C2 C3"},
		{`unscorable = "lapsed"`, "C4"},
		{`segment = "shop" AND band = high OR band = low`, "C1"}, // OR binds first
		{`(segment = "shop" AND band = high) OR band = low`, "C1 C3"},
		{`segment = shop probability < 0.6`, "C2"}, // side by side is AND
		{`name = "Acme*"`, "C1"},
		{`name = "*2"`, "C3"},
		{`name:"acme"`, "C1 C3"},
		{`name:acme`, "C1 C3"},
		{`name != "*m*"`, "C2 C3 C4"},
		{`manager = j.smith`, "C1"},
		{`account > "C2"`, "C3 C4"},
		{`account <= "C2"`, "C1 C2"},
		{"\n\t account = 'C2' ", "C2"},
		{`account = "C9"`, ""},
	} {
		page, err := d.List(t.Context(), ListRequest{Filter: c.filter, OrderBy: "account"})
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		var got []string
		for i := range page.Answers {
			got = append(got, string(page.Answers[i].Account))
		}
		if strings.Join(got, " ") != c.want || page.Total != len(got) || page.NextPageToken != "" {
			t.Errorf("%s: %q (%d in all, token %q), want %q", c.filter, got, page.Total, page.NextPageToken, c.want)
		}
	}
}

func TestListsRefuse(t *testing.T) {
	d := fourShops(t)
	for _, c := range []struct {
		r    ListRequest
		want []string
	}{
		{ListRequest{Filter: `bnad = "high"`}, []string{"column 1:", `"bnad"`, "band"}},
		{ListRequest{Filter: `band = "high" AND salary > 3`}, []string{"column 19:", `"salary"`}},
		{ListRequest{Filter: "  李 = 3"}, []string{"column 3:"}},
		{ListRequest{Filter: `name = "李" AND salary > 3`}, []string{"column 16:", `"salary"`}},
		{ListRequest{Filter: `band = "huge"`}, []string{"column 8:", "low, medium, high"}},
		{ListRequest{Filter: `band = 3`}, []string{"column 8:", "low, medium, high"}},
		{ListRequest{Filter: `stage > "new"`}, []string{"no order"}},
		{ListRequest{Filter: `probability > "high"`}, []string{"column 15:", "number"}},
		{ListRequest{Filter: `probability > band`}, []string{"column 15:", "number"}},
		{ListRequest{Filter: `probability:0.5`}, []string{"column 1:", "probability:*"}},
		{ListRequest{Filter: `segment = 3`}, []string{"column 11:", "quotes"}},
		{ListRequest{Filter: `segment = (name = "x")`}, []string{"quotes"}},
		{ListRequest{Filter: `0.5 < probability`}, []string{"on the left"}},
		{ListRequest{Filter: `"band" = "high"`}, []string{"on the left"}},
		{ListRequest{Filter: `receipt.model = "m1"`}, []string{"on the left"}},
		{ListRequest{Filter: `acme`}, []string{"column 1:", "comparison"}},
		{ListRequest{Filter: `band = "high" AND`}, []string{"column 14:"}},
		{ListRequest{Filter: `band = "high`}, []string{"unterminated"}},
		{ListRequest{Filter: `(band = "high"`}, []string{"column"}},
		{ListRequest{Filter: `band = "high")`}, []string{"column 14:"}},
		{ListRequest{Filter: "band = \"\xff\""}, []string{"UTF-8"}},
		{ListRequest{Filter: `probability > 99999999999999999999`}, []string{"column"}},
		{ListRequest{Filter: `value_at_risk > 010`}, []string{"column 17:", "begin with 0"}},
		{ListRequest{Filter: `drop(band)`}, []string{"column 1:", `"drop"`}},
		{ListRequest{Filter: `file("/etc/passwd") = "x"`}, []string{"on the left"}},
		{ListRequest{Filter: strings.Repeat("x", MaxFilter+1)}, []string{"2001 bytes"}},
		{ListRequest{OrderBy: "salary"}, []string{`"salary"`, "value_at_risk"}},
		{ListRequest{OrderBy: "band up"}, []string{"asc or desc"}},
		{ListRequest{OrderBy: "band desc, band"}, []string{"twice"}},
		{ListRequest{OrderBy: "band;account"}, []string{"commas"}},
		{ListRequest{OrderBy: "band,"}, []string{"commas"}},
		{ListRequest{OrderBy: strings.Repeat("x", MaxOrderBy+1)}, []string{"501 bytes"}},
		{ListRequest{PageSize: -1}, []string{"page_size"}},
		{ListRequest{PageSize: maxPage + 1}, []string{"page_size"}},
		{ListRequest{PageToken: "tomorrow"}, []string{"page_token"}},
	} {
		_, err := d.List(t.Context(), c.r)
		if KindOf(err) != Invalid {
			t.Errorf("%+v: %v, want invalid", c.r, err)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%+v: %q does not say %q", c.r, err, word)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %q has more than one line", c.r, err)
		}
	}
}

// A token is good for its own list and for nothing else.
func TestPageTokensAreBound(t *testing.T) {
	d := fourShops(t)
	r := ListRequest{Filter: "probability:*", OrderBy: "account", PageSize: 1}
	page, err := d.List(t.Context(), r)
	if err != nil || page.NextPageToken == "" {
		t.Fatal(page, err)
	}
	r.PageToken = page.NextPageToken
	if page, err = d.List(t.Context(), r); err != nil || page.Answers[0].Account != "C2" {
		t.Fatal(page, err)
	}
	for name, change := range map[string]func(*ListRequest){
		"another filter": func(r *ListRequest) { r.Filter = "band:*" },
		"no filter":      func(r *ListRequest) { r.Filter = "" },
		"another order":  func(r *ListRequest) { r.OrderBy = "account desc" },
		"filter and order that read alike": func(r *ListRequest) {
			r.Filter, r.OrderBy = r.Filter[:5], r.Filter[5:]+r.OrderBy
		},
		"a longer token": func(r *ListRequest) { r.PageToken += "A" },
		"padding":        func(r *ListRequest) { r.PageToken += "=" },
		"a huge token":   func(r *ListRequest) { r.PageToken = strings.Repeat("A", 100_000) },
	} {
		other := r
		change(&other)
		if _, err := d.List(t.Context(), other); KindOf(err) != Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(r.PageToken)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(raw) {
		other := slices.Clone(raw)
		other[bit/8] ^= 1 << (bit % 8)
		r.PageToken = base64.RawURLEncoding.EncodeToString(other)
		if page, err := d.List(t.Context(), r); KindOf(err) != Invalid {
			t.Errorf("bit %d: %+v, %v", bit, page, err)
		}
	}
	for n := range raw {
		r.PageToken = base64.RawURLEncoding.EncodeToString(raw[:n])
		if _, err := d.List(t.Context(), r); n > 0 && KindOf(err) != Invalid {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestAListThatIsBrokenOff(t *testing.T) {
	d := fourShops(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.List(ctx, ListRequest{Filter: "band:*"}); KindOf(err) != Canceled {
		t.Errorf("%v, want canceled", err)
	}
}

// The longest filters are read and refused in no time, however deep they are.
func TestFiltersAreReadQuickly(t *testing.T) {
	d := fourShops(t)
	for _, unit := range []string{"(", "NOT (", "-(", "a(", "a((", "a=(", "a(a,(", "a OR ", "a AND ", "a ", "a.", "-", "1.", `"x" `, "AND(", "band:(", "band=high ", "band = high OR "} {
		text := strings.Repeat(unit, MaxFilter/len(unit))
		begin := time.Now()
		_, err := d.List(t.Context(), ListRequest{Filter: text})
		if took := time.Since(begin); took > 3*time.Second || err != nil && KindOf(err) != Invalid {
			t.Errorf("%q again and again took %s: %v", unit, took, err)
		} else if testing.Verbose() {
			t.Logf("%q took %s", unit, took)
		}
	}
}

func FuzzListFilter(f *testing.F) {
	for _, seed := range []string{
		`band = "high" AND value_at_risk > 1000`, `NOT (name:"a*" OR -probability<.5) segment=shop`, `a(b(c(d(`, `((((((`, `NOT NOT NOT`,
		`name="\x41\u674e\101"`, "name='''x'''", `r"raw"`, `a.b.c:d`, `probability > -0x1F`, `account != "*\**"`,
	} {
		f.Add(seed, "value_at_risk desc, account")
	}
	f.Fuzz(func(t *testing.T, text, order string) {
		d := fourShops(t)
		begin := time.Now()
		page, err := d.List(context.Background(), ListRequest{Filter: text, OrderBy: order})
		switch {
		case err != nil && KindOf(err) != Invalid:
			t.Errorf("%q, %q: %v", text, order, err)
		case err != nil && strings.Contains(err.Error(), "\n") && !strings.Contains(text+order, "\n"):
			t.Errorf("%q, %q: %q has more than one line", text, order, err)
		case err == nil && page.Total != len(page.Answers):
			t.Errorf("%q: %d answers, %d in all", text, len(page.Answers), page.Total)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%q took %s", text, took)
		}
	})
}

// Nothing but what the desk gave out is a token.
func FuzzPageToken(f *testing.F) {
	r := ListRequest{Filter: "band:*", PageSize: 1}
	good := pageToken{run: "run-1", offset: 2}.seal(r)
	for _, seed := range []string{good, good + "A", "", "AQ", "AQAAAAAAAAAAAA", strings.Repeat("_", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		r.PageToken = token
		got, err := openPageToken(r)
		if err == nil && (got.offset < 0 || got.seal(r) != token) || err != nil && KindOf(err) != Invalid {
			t.Errorf("%q: %+v, %v", token, got, err)
		}
		if page, err := fourShops(t).List(context.Background(), r); token != "" && (err == nil) != (got.run == "run-1") {
			t.Errorf("%q: %+v, %v", token, page, err)
		}
	})
}

// bigDesk holds n accounts with distinct names.
func bigDesk(b testing.TB, n int) *Desk {
	b.Helper()
	chance := rand.New(rand.NewPCG(1, 2))
	all := make([]score.Score, n)
	for i := range all {
		p, v := chance.Float64(), chance.ExpFloat64()*1000
		reason := []score.Reason{{Feature: "recency_days", Value: &v, Contribution: p, With: map[string]float64{"gap_mean_days": v}}}
		all[i] = score.Score{
			Account: frame.AccountID(fmt.Sprintf("C%07d", i)), Name: fmt.Sprintf("Firm %d Ltd", chance.IntN(1<<30)), Segment: fmt.Sprintf("segment %d", i%7),
			Region: fmt.Sprintf("region %d", i%31), Manager: fmt.Sprintf("manager %d", i%200), Probability: p, Percentile: 100 * p, Band: score.DefaultBands().Of(p),
			Stage: score.Active, ValueAtRisk: v, RunRate: v, Up: reason, Down: reason, Receipt: score.Receipt{RowHash: fmt.Sprintf("%032x", i)},
		}
	}
	runs := &twinRuns{}
	publishOn(b, runs, 99, all)
	d, _ := deskOver(runs)
	begin := time.Now()
	if _, err := d.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	st := d.Status(b.Context())
	b.Logf("%d accounts in %d bytes (%d each), read in %s", n, st.Bytes, st.Bytes/int64(n), time.Since(begin))
	return d
}

func BenchmarkDesk(b *testing.B) {
	d := bigDesk(b, 200_000)
	b.Run("get", func(b *testing.B) {
		for k := 0; b.Loop(); k++ {
			if _, err := d.Get(b.Context(), frame.AccountID(fmt.Sprintf("C%07d", k*7919%200_000))); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, r := range map[string]ListRequest{
		"riskiest":  {},
		"last page": {Filter: "probability < 0.01", PageSize: 1000},
		"filter":    {Filter: `band = high AND value_at_risk > 1000 AND segment = "segment 3"`, OrderBy: "value_at_risk desc"},
		"search":    {Filter: `name:"77" OR manager = "*9"`},
	} {
		b.Run("list/"+strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.List(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("list/new-order", func(b *testing.B) {
		e := d.shelf.Load().current
		order, err := parseOrder("segment, value_at_risk desc, name")
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			e.sorted(order)
		}
	})
}
