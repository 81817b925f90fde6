package loyalty

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"gopkg.in/yaml.v3"

	"fealty/model"
	"fealty/model/score"
)

var languages = []score.Language{score.English, score.Chinese}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// Every word exists in both languages, Chinese words are Chinese, and both name the
// same values.
func TestWordsAreComplete(t *testing.T) {
	check := func(what string, w Words) {
		t.Helper()
		if strings.TrimSpace(w.EN) == "" || strings.TrimSpace(w.ZH) == "" {
			t.Errorf("%s lacks words: %+v", what, w)
			return
		}
		han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
		if !strings.ContainsFunc(w.ZH, han) || strings.ContainsFunc(w.EN, han) {
			t.Errorf("%s is in the wrong language: %+v", what, w)
		}
		en, zh := placeholder.FindAllString(w.EN, -1), placeholder.FindAllString(w.ZH, -1)
		if strings.Join(sorted(en), "") != strings.Join(sorted(zh), "") {
			t.Errorf("%s names %v in English and %v in Chinese", what, en, zh)
		}
	}
	for i, d := range definitions {
		check(d.Meta.Name, Words{d.Meta.LabelEN, d.Meta.LabelZH})
		if len(d.Meta.ReasonEN) == 0 || len(d.Meta.ReasonEN) != len(d.Meta.ReasonZH) {
			t.Fatalf("%s has %d English and %d Chinese sentences", d.Meta.Name, len(d.Meta.ReasonEN), len(d.Meta.ReasonZH))
		}
		for k := range d.Meta.ReasonEN {
			check(d.Meta.Name, Words{d.Meta.ReasonEN[k], d.Meta.ReasonZH[k]})
		}
		for _, lang := range languages {
			for _, term := range d.Terms {
				unit, known := WordsOfUnit(term.Unit)
				if text := definitions[i].Formula(lang); !known || !strings.Contains(text, term.Column) || !strings.Contains(text, unit.In(lang)) {
					t.Errorf("the formula of %s does not name %s: %s", d.Meta.Name, term.Column, text)
				}
			}
		}
		for _, name := range placeholders(d.Meta.ReasonEN) {
			if units[name] == "" {
				t.Errorf("%s names %s, which has no unit", d.Meta.Name, name)
			}
		}
	}
	for _, f := range Figures() {
		if unit, known := WordsOfUnit(f.Unit); !known || unit.EN != f.Unit {
			t.Errorf("the unit %s of %s has no words", f.Unit, f.Name)
		}
	}
	if unit, known := WordsOfUnit("furlongs"); known || unit != (Words{"furlongs", "furlongs"}) {
		t.Errorf("an unknown unit is %+v", unit)
	}
	for why := NoColumn; why < whys; why++ {
		check("a reason", whyWords[why])
	}
	for _, c := range DefaultSettings().Caps {
		check("cap "+c.Name, Words{c.EN, c.ZH})
	}
	for _, k := range Tiers() {
		check("tier", tierWords[k])
	}
	for _, k := range Levels() {
		check("level", levelWords[k])
	}
	for _, k := range []Verdict{NoVerdict, Keep, Grow, FixTerms, Review} {
		check("verdict", verdictWords[k])
	}
	for _, k := range []Ground{LastingLoss, Arrears, ReturnAbuse, Loss, Overdue, DeepTerms, Room, Earns, EarnsAtRisk} {
		check(string(k), groundWords[k])
	}
	for _, k := range []BreachKind{ContactOverdue, AnswersSlow, PaysLate, DiscountAbove} {
		check(string(k), breachWords[k])
	}
	for _, k := range []Ranking{BySales, ByVolume, ByOverdue, ByCycle} {
		check(string(k), rankingWords[k])
	}
	for k := AgainstExpectation; k < bases; k++ {
		check(k.String(), basisWords[k])
	}
	for k := range Aspects {
		check(k.String(), aspects[k].label)
	}
	for _, code := range StoryCodes() {
		check(code, storyWords[code])
	}
	for _, name := range []string{DefaultProfile, OnboardingProfile, segmentProfile + "A"} {
		check(name, WordsOfProfile(name))
	}
	for _, k := range []ManualKind{ManualMeasure, ManualLearning} {
		check(string(k), manualWords[k])
	}
	for _, k := range WorthParts() {
		check(string(k), worthWords[k])
		check(string(k), worthFormulas[k])
	}
	for _, f := range figures {
		check(f.Name, f.Label)
		for _, s := range append(append([]Sum{f.Per}, f.Plus...), f.Minus...) {
			if s != "" {
				check(string(s), sumWords[s])
			}
		}
	}
	check(string(NoTier), tierWords[NoTier])
	check(string(NoLevel), levelWords[NoLevel])
	for name, words := range groupWords {
		check(name, words)
	}
}

func placeholders(templates []string) (names []string) {
	for _, t := range templates {
		for _, p := range placeholder.FindAllString(t, -1) {
			names = append(names, p[1:len(p)-1])
		}
	}
	return names
}

func sorted(s []string) []string {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
	return s
}

// No sentence of any account shows a placeholder, a NaN or nothing at all.
func TestSentencesAreWhole(t *testing.T) {
	in := scaledInput(t, 200, 21)
	in.Manual = []Manual{
		{Account: "a1", Kind: ManualMeasure, Value: 50, Author: "Li", Comment: "met them", At: 1},
	}
	in.Parents = make([]int32, in.rows())
	for i := range in.Parents {
		in.Parents[i] = -1
	}
	in.Parents[5] = 4
	scores := evaluate(t, in, DefaultSettings())
	worth, err := Value(in, DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := Verdicts(in, worth, nil, defaultVerdicts())
	if err != nil {
		t.Fatal(err)
	}
	tiers := TiersOf(worth.Total, defaultTiers())
	breaches, err := Breaches(in, tiers, defaultTiers())
	if err != nil || len(breaches) == 0 {
		t.Fatalf("%d breaches, %v", len(breaches), err)
	}
	cells, err := RFM(in, defaultRFM())
	if err != nil {
		t.Fatal(err)
	}
	attitudes := Attitudes(scores)
	for _, lang := range languages {
		var all []string
		for i := range scores.Score {
			a := scores.Explain(i)
			all = append(all, a.Sentences(lang)...)
			for _, g := range verdicts[i].Records() {
				w, _ := WordsOfGround(g)
				all = append(all, w.In(lang))
			}
			for _, p := range worth.Parts(i) {
				w, _ := WordsOfPart(p)
				all = append(all, w.In(lang))
			}
			for _, r := range attitudes.Records(i) {
				w, _ := WordsOfAttitude(r)
				all = append(all, w.In(lang))
			}
			all = append(all, cells[i].Sentence(lang), tiers[i].Label(lang), verdicts[i].Verdict.Label(lang))
		}
		for _, b := range breaches {
			all = append(all, b.Sentence(lang))
		}
		for _, text := range all {
			if text == "" || strings.ContainsAny(text, "{}") || strings.Contains(text, "NaN") || strings.Contains(text, "%!") {
				t.Fatalf("%s: %q", lang, text)
			}
		}
	}
}

// Whatever term of an indicator is the only one that counts, a sentence names it; a
// record from before there were figures says the value, and one of a later version no more.
func TestEveryTermIsSaid(t *testing.T) {
	for k := range definitions {
		d := &definitions[k]
		for _, term := range d.Terms {
			r := score.Indicator{Name: d.Meta.Name, Value: 50, Figures: map[string]model.Figure{term.Column: .5}}
			if term.Minus != "" {
				r.Figures[term.Minus] = .5
			}
			if term.When != nil {
				r.Figures[term.When.Column] = 1
			}
			words, ok := WordsOfMeasured(r)
			said := score.Format(.5, term.Unit)
			if !ok || !strings.Contains(words.EN[len(Indicator(k).Label(score.English)):], said) || !strings.Contains(words.ZH, said) {
				t.Errorf("%s of %s alone says %+v", d.Meta.Name, term.Column, words)
			}
		}
		for name, figures := range map[string]map[string]model.Figure{"none": nil, "a later version's": {"later": 1}} {
			label := Indicator(k).Label
			want := Words{label(score.English) + ": 50 of 100", label(score.Chinese) + "：50分（满分100）"}
			if words, ok := WordsOfMeasured(score.Indicator{Name: d.Meta.Name, Value: 50, Figures: figures}); !ok || words != want {
				t.Errorf("%s with %s figures says %+v, want %+v", d.Meta.Name, name, words, want)
			}
		}
		if _, ok := WordsOfGroup(Group(d.Meta.Name)); !ok || (Group(d.Meta.Name) == BasicGroup) != d.Basic {
			t.Errorf("%s is of group %q", d.Meta.Name, Group(d.Meta.Name))
		}
	}
	for r, want := range map[[2]string]string{
		{ManualWeight, ""}: "Measured by hand: 50 of 100", {ManualWeight, NoValue.String()}: "Measured by hand: not measurable here (nothing is known of this account)",
		{"later", ""}: "", {"duration", "later"}: "",
	} {
		if words, ok := WordsOfMeasured(score.Indicator{Name: r[0], Why: r[1], Value: 50}); ok != (want != "") || words.EN != want {
			t.Errorf("%v says %+v, want %q", r, words, want)
		}
	}
}

// Settings go through YAML unchanged, every key in snake case.
func TestSettingsTravelAsYAML(t *testing.T) {
	was := DefaultSettings()
	was.Segments = map[string]Weights{"trade": {"duration": 100}}
	text, err := yaml.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	var is Settings
	if err := yaml.Unmarshal(text, &is); err != nil {
		t.Fatal(err)
	}
	if err := is.Validate(); err != nil {
		t.Fatal(err)
	}
	again, err := yaml.Marshal(is)
	if err != nil || string(again) != string(text) {
		t.Errorf("settings came back otherwise: %v\n%s", err, again)
	}
	// A file that names some settings keeps the defaults of the others, and replaces
	// the weights that it names as a whole.
	partly := DefaultSettings()
	if err := yaml.Unmarshal([]byte("weights: {duration: 60, tolerance: 40}\ntiers: {vip_share: 0.02}\n"), &partly); err != nil {
		t.Fatal(err)
	}
	if err := partly.Validate(); err != nil || len(partly.Weights) != 2 || partly.Tiers.VIPShare != .02 || partly.Tiers.MajorShare != .04 || len(partly.Caps) != 2 {
		t.Errorf("a partial file gives %+v: %v", partly, err)
	}
	if err := yaml.Unmarshal([]byte("weights: {duration: high}"), &partly); err == nil {
		t.Error("a weight of \"high\" was read")
	}
	for _, key := range []string{"least_measured: 30", "column: complaint_open_days", "operator: '>'", "vip_share: 0.01", "contact_days: 14", "buying_days:", "discount_rate: 0.1"} {
		if !strings.Contains(string(text), key) {
			t.Errorf("the file lacks %q:\n%s", key, text)
		}
	}
}
