package serving

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// fiveTold tells the loyalty and place of five accounts by their tenure alone: "b"
// belongs to "mid", which belongs to "top" as "a" does; neither ever bought.
func fiveTold(t *testing.T, change func(*crowd, *loyalty.Settings)) *told {
	t.Helper()
	nan := math.NaN()
	f := &frame.Frame{}
	c := &crowd{
		frame: f, cutoff: frame.Cutoff(time.Date(2024, 3, 10, 0, 0, 0, 0, time.UTC).Unix()), row: map[frame.AccountID]int{}, profiles: make([]features.Profile, 5),
		status: make([]features.Eligibility, 5), yearBefore: make([]float64, 5), risk: slices.Repeat([]float64{nan}, 5),
	}
	for i, id := range []frame.AccountID{"a", "b", "c", "d", "e"} {
		f.Accounts, f.Cutoffs, c.row[id] = append(f.Accounts, id), append(f.Cutoffs, c.cutoff), i
		c.profiles[i].Account = id
	}
	c.profiles[0].Parent, c.profiles[1].Parent, c.profiles[2].Parent = "top", "mid", "c"
	for name, values := range map[string][]float64{
		"tenure_days": {365, 1095, 1825, 3650, nan}, "spend_365d": {100, 300, 500, 100, nan}, "promotion_share_365d": slices.Repeat([]float64{nan}, 5),
		"complaints_365d": {0, 1, 0, 0, 0}, "complaint_recency_days": {nan, 30, nan, nan, nan}, "recency_days": {9, 20, 9, 9, 9}, "complaint_open_days": slices.Repeat([]float64{nan}, 5),
	} {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	settings := DefaultSettings()
	l := &settings.Worth.Loyalty
	l.Weights, l.Onboarding.Days, l.LeastMeasured = loyalty.Weights{"duration": 80, loyalty.ManualWeight: 20}, 0, 1
	facts := &parentsOf{parents: map[frame.AccountID]string{"mid": "top", "top": "top"}}
	s := &Service{Settings: settings, Facts: facts}
	if change != nil {
		change(c, l)
	}
	r := features.Request{Cutoffs: []frame.Cutoff{c.cutoff}, KnownAt: []frame.KnownAt{0}}
	if err := c.lookAbove(t.Context(), s, r, func(frame.AccountID) bool { return false }); err != nil {
		t.Fatal(err)
	}
	told := &told{crowd: c, noPurchase: unmeasured(5), value: unmeasured(5), rate: slices.Repeat([]float64{1}, 5)}
	if err := (&appraisal{}).weigh(t.Context(), told, told.input(unmeasured(5), settings), settings); err != nil {
		t.Fatal(err)
	}
	return told
}

// parentsOf are facts that know the parents of the accounts that are named.
type parentsOf struct {
	Facts
	parents map[frame.AccountID]string
}

func (p *parentsOf) Profiles(_ context.Context, _ frame.Cutoff, _ frame.KnownAt, _ uint64, names []frame.AccountID, each func([]features.Profile) error) error {
	if names == nil {
		names = slices.Sorted(maps.Keys(p.parents))
	}
	for _, name := range names {
		if err := each([]features.Profile{{Account: name, Parent: p.parents[name]}}); err != nil {
			return err
		}
	}
	return nil
}

func TestParentsThatNeverBoughtAreTheMeanOfThoseBelow(t *testing.T) {
	said := fiveTold(t, nil)
	a, b := 40.0, 70.0 // points of a year and of three
	for name, want := range map[frame.AccountID]float64{"mid": b, "top": (100*a + 300*b) / 400} {
		sc := score.Score{Account: name}
		said.attach(&sc)
		if sc.Worth == nil || math.Abs(sc.Worth.Loyalty.Score-want) > 1e-9 || sc.Worth.Loyalty.Children == 0 || !math.IsNaN(sc.Worth.Place.Value) {
			t.Errorf("%s: %+v, want %v", name, sc.Worth, want)
		}
	}
	var order []frame.AccountID
	said.each(func(account frame.AccountID, _ func() *score.Worth) { order = append(order, account) })
	if want := []frame.AccountID{"a", "b", "c", "d", "e", "mid", "top"}; !slices.Equal(order, want) {
		t.Errorf("told in the order %v, want %v", order, want)
	}
	stages := map[frame.AccountID]score.Stage{}
	anew := &toldAnew{&scorer{Service: &Service{Settings: DefaultSettings()}}, said}
	anew.stand(func(account frame.AccountID, stage score.Stage, _ float64) { stages[account] = stage })
	if stages["mid"] != score.NeverBought || stages["top"] != score.NeverBought || stages["a"] == score.NeverBought || len(stages) != 7 {
		t.Errorf("they stand as %v", stages)
	}
	// A parent that buys is the mean of its child and of what it trades itself.
	said = fiveTold(t, func(c *crowd, _ *loyalty.Settings) { c.profiles[3].Parent = "c" })
	if got, want := said.loyal(2), (500*85.+100*100)/600; math.Abs(got.Score-want) > 1e-9 || got.Children != 1 {
		t.Errorf("the parent that buys scores %v as the mean of %d, want %v", got.Score, got.Children, want)
	}
}

func TestWhatIsAssessedReachesScoreValueAndAttitude(t *testing.T) {
	assess := func(account frame.AccountID, item string, value, scale, expected float64, kind string) features.Assessed {
		return features.Assessed{Assessment: features.Assessment{
			Account: account, Item: item, Value: value, Scale: scale, Expectation: expected, Kind: kind, Author: "Li", Comment: "met them", At: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC).Unix(),
		}}
	}
	nan := math.NaN()
	said := fiveTold(t, func(c *crowd, _ *loyalty.Settings) {
		c.assessed = []features.Assessed{
			assess("a", features.AssessedLoyalty, 9, 10, nan, features.Judgement), assess("b", features.AssessedLearning, 250, 0, nan, features.Judgement),
			assess("c", "product", 4, 5, 5, features.Survey), assess("c", "money", 1, 5, nan, features.Judgement), assess("nobody", "trust", 1, 5, nan, features.Survey),
		}
	})
	l := said.loyal(0)
	if want := .8*40 + .2*90; math.Abs(l.Score-want) > 1e-9 {
		t.Errorf("with a measure by hand of 90 the score is %v, want %v", l.Score, want)
	}
	if m := l.Indicators[loyalty.Indicators]; m.Value != 90 || m.Author != "Li" || m.Comment != "met them" || m.Used != 20 {
		t.Errorf("the measure is told as %+v", m)
	}
	if p := said.places[1]; p.Learning != 250 || p.Value != 550 {
		t.Errorf("the learning value is %v of %v, want 250 of 550", p.Learning, p.Value)
	}
	attitudes := said.loyal(2).Attitudes
	if d := attitudes[loyalty.Delivered]; math.Abs(float64(d.Value)-60) > 1e-9 || d.Basis != "survey_and_judgement" {
		t.Errorf("the delivered value is %+v, want 60", d)
	}
	if s := attitudes[loyalty.Satisfaction]; math.Abs(float64(s.Value)-40) > 1e-9 || s.Basis != "items_against_expectation" {
		t.Errorf("satisfaction is %+v, want 40", s)
	}
	// Every item that can be assessed has a place.
	for _, item := range features.AssessmentItems() {
		if item != features.AssessedLoyalty && item != features.AssessedLearning && !slices.Contains(loyalty.Items(), surveyItem+item) {
			t.Errorf("nobody reads %s", item)
		}
	}
}

func TestWhatIsNotKeptHereIsSaidSo(t *testing.T) {
	said := fiveTold(t, func(c *crowd, l *loyalty.Settings) {
		c.last = []int64{1, 1, 1, 1, 0}
		c.last[1] = time.Date(2024, 1, 29, 23, 30, 0, 0, time.UTC).Unix() // 30 January in Shanghai: 40 days before
		c.risk = []float64{.9, .1, .5, .95, math.NaN()}
		l.Disagreement = loyalty.Disagreement{High: 80, Low: 20}
		l.Segments = map[string]loyalty.Weights{"gold": {"duration": 100}}
		c.profiles[1].Segment = "gold"
	})
	resists := said.loyal(0).Indicators[loyalty.Resistance]
	if resists.Why != loyalty.NoColumn.String() || !slices.Contains(said.loyalty.AbsentCaps(), "open_complaint") {
		t.Errorf("resists rivals: %+v, exceptions that never hold %v", resists, said.loyalty.AbsentCaps())
	}
	if l := said.loyal(4); l.Why != loyalty.TooLittle.String() || l.Profile != loyalty.DefaultProfile || !math.IsNaN(l.Score) {
		t.Errorf("without a tenure: %+v", l)
	}
	if l := said.loyal(1); l.Profile != "segment gold" || l.Story != "" {
		t.Errorf("a segment with weights of its own: %+v", l)
	}
	if l := said.loyal(3); l.Story != loyalty.LoyalLeaving {
		t.Errorf("the most loyal and most likely to leave: %+v", l)
	}
	// Days of the calendar on both sides: bought 10 days before the complaint, though
	// only 20 working days passed since.
	if got := said.crowd.sincePurchase(time.FixedZone("Shanghai", 8*3600))[1]; got != 40 {
		t.Errorf("%v days since the purchase, want 40", got)
	}
}
