package serving

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
)

// The operations on labels.
const (
	OpLabelsCompare    = "labels.compare"
	OpLabelsCategories = "labels.categories"
)

// labels asks for labels by a rule under these settings.
func (c *calendar) labels(rule features.LabelRule) features.LabelRequest {
	return features.LabelRequest{Rule: rule, Through: c.through, Watermark: c.watermark, KnownLag: c.KnownLag, Zone: c.Zone, Links: c.links}
}

// categories asks for the categories bought on so many days.
func (c *calendar) categories(leastDays int) features.CategoryRequest {
	return features.CategoryRequest{LabelRequest: c.labels(c.Label), LeastDays: leastDays}
}

// categoryRule is the rule under these settings.
func (c *calendar) categoryRule(leastDays, slackDays int) features.CategoryRule {
	return features.CategoryRule{
		HorizonDays: c.Label.HorizonDays, LeastDays: leastDays, SlackDays: slackDays, ActiveWithinDays: c.ActiveWithin(),
	}
}

// horizon returns the calendar of another horizon; active_within follows it where
// none is set.
func (c *calendar) horizon(days int) *calendar {
	h := *c
	h.Label.HorizonDays = days
	return &h
}

// buying returns the calendar of the label by what was bought: categories know no
// contracts and no outcomes of others.
func (c *calendar) buying() *calendar {
	b := *c
	b.Label.Label = features.NonContractual
	return &b
}

// LabelsCategoriesRequest asks which accounts stopped buying a category that they
// had bought regularly. Zero values mean the defaults of features.CategoryRule.
type LabelsCategoriesRequest struct {
	// Cutoff "" means the newest month end with a final label.
	Cutoff    string `json:"cutoff,omitempty"`
	LeastDays int    `json:"least_days,omitempty"`
	// SlackDays: nil means the default, since 0 is a choice.
	SlackDays *int `json:"slack_days,omitempty"`
}

// Defection is one category that an account stopped buying.
type Defection struct {
	Account  string `json:"account"`
	Category string `json:"category"`
	// BuyingDays of the 365 days before the cutoff, and the median gap between them.
	BuyingDays int          `json:"buying_days"`
	GapDays    model.Figure `json:"gap_days"`
	// LastOrder and Due are days of the business time zone: when it was bought last,
	// and when more was due.
	LastOrder string `json:"last_order"`
	Due       string `json:"due"`
	// Leaving is the spend expected over the horizon at the category's usual pace,
	// base currency.
	Leaving model.Figure `json:"leaving"`
	// To says where the money may have gone: other_category, competitor or silent.
	// Offer is what was noted of the newest competitor's offer that speaks of the
	// category.
	To    string `json:"to"`
	Offer string `json:"offer"`
	// CameBack tells whether the category was bought within the next horizon, nil
	// while nobody knows.
	CameBack *bool `json:"came_back"`
	// AccountLeft tells that the account bought nothing at all within the horizon:
	// the category did not leave alone.
	AccountLeft bool `json:"account_left"`
	// Touched marks accounts that a campaign reached inside the horizon.
	Touched bool `json:"touched"`
}

// LabelsCategoriesResult lists the defections of a cutoff, the most money first.
type LabelsCategoriesResult struct {
	Cutoff      string `json:"cutoff"`
	HorizonDays int    `json:"horizon_days"`
	LeastDays   int    `json:"least_days"`
	SlackDays   int    `json:"slack_days"`
	Currency    string `json:"currency"`
	// Judged categories were bought regularly and due; Stopped of them were not
	// bought. Excluded counts the others by reason.
	Judged   int            `json:"judged"`
	Stopped  int            `json:"stopped"`
	Excluded map[string]int `json:"excluded"`
	// Leaving is the sum over the stopped ones, To counts them by destination.
	Leaving    model.Figure   `json:"leaving"`
	To         map[string]int `json:"to"`
	Defections []Defection    `json:"defections"`
}

// LabelsCategories lists the categories that accounts stopped buying after a
// cutoff whose label is final. The accounts' own exclusions hold for their
// categories. It keeps one slice and the categories of all accounts.
func (s *Service) LabelsCategories(ctx context.Context, r LabelsCategoriesRequest, report func(Progress)) (LabelsCategoriesResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return LabelsCategoriesResult{}, err
	}
	c = c.buying()
	rule := c.categoryRule(cmp.Or(r.LeastDays, features.DefaultLeastDays), features.DefaultSlackDays)
	if r.SlackDays != nil {
		rule.SlackDays = *r.SlackDays
	}
	if err := rule.Validate(); err != nil {
		return LabelsCategoriesResult{}, refused{err}
	}
	var at frame.Cutoff
	if r.Cutoff == "" {
		at, err = c.newestFinal()
	} else if at, err = c.parse(r.Cutoff); err == nil {
		err = c.final(at)
	}
	if err != nil {
		return LabelsCategoriesResult{}, err
	}
	result := LabelsCategoriesResult{
		Cutoff: c.text(at), HorizonDays: rule.HorizonDays, LeastDays: rule.LeastDays, SlackDays: rule.SlackDays, Currency: c.BaseCurrency,
		Excluded: map[string]int{}, To: map[string]int{}, Defections: []Defection{},
	}
	known := c.Label.BackFinal(at, c.through)
	progress := c.progress("looking for categories that were stopped", report)
	_, err = s.Facts.Build(ctx, c.request([]frame.Cutoff{at}, labelCatalogue()), func(sl *features.Slice) error {
		progress(sl)
		return s.eachCategory(ctx, c, sl, rule.LeastDays, func(h *features.CategoryHistory, o *features.Outcome, why string) {
			y, x := rule.Stopped(h)
			switch {
			case why != "":
				result.Excluded[why]++
				return
			case x != features.Labelled:
				result.Excluded[x.String()]++
				return
			}
			if result.Judged++; y == 1 {
				d := defection(rule, h, known)
				d.AccountLeft, d.Touched = o.Y[h.Row] == 1, o.Touched != nil && o.Touched[h.Row]
				result.Defections = append(result.Defections, d)
			}
		})
	})
	if err != nil {
		return LabelsCategoriesResult{}, err
	}
	slices.SortStableFunc(result.Defections, func(a, b Defection) int { return -cmp.Compare(a.Leaving, b.Leaving) })
	result.Stopped = len(result.Defections)
	for i := range result.Defections {
		result.Leaving += result.Defections[i].Leaving
		result.To[result.Defections[i].To]++
	}
	return result, nil
}

// eachCategory calls each for the categories of a slice, with the reason for which
// their account has no label, "" if it has one.
func (s *Service) eachCategory(ctx context.Context, c *calendar, sl *features.Slice, leastDays int,
	each func(h *features.CategoryHistory, o *features.Outcome, why string),
) error {
	outcome, err := s.Facts.Outcomes(ctx, c.labels(c.Label), sl)
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	all, err := s.Facts.Categories(ctx, c.categories(leastDays), sl)
	if err != nil {
		return fmt.Errorf("read the categories: %w", err)
	}
	for i := range all {
		each(&all[i], outcome, whyLeftOut(sl, outcome, all[i].Row))
	}
	return nil
}

// defection puts a stopped category into words.
func defection(rule features.CategoryRule, h *features.CategoryHistory, known bool) Defection {
	d := Defection{
		Account: string(h.Account), Category: h.Category, BuyingDays: h.BuyingDays, GapDays: model.Figure(h.GapDays),
		LastOrder: dayText(h.Last), Due: dayText(h.Due), Leaving: model.Figure(rule.Leaving(h)), To: string(rule.Destination(h)),
	}
	if n := len(h.Offers); n > 0 {
		o := h.Offers[n-1]
		d.Offer = strings.TrimSpace(o.Ref + " " + o.Note)
	}
	if known {
		back := h.OrdersAfter > 0
		d.CameBack = &back
	}
	return d
}

// dayText writes a day counted from 1970-01-01.
func dayText(day int) string {
	return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly)
}

// labelCatalogue are the features that labels and the recency rule look at.
func labelCatalogue() []features.Feature {
	var few []features.Feature
	for _, f := range features.Catalogue() {
		if slices.Contains([]string{recencyColumn, gapColumn, paceColumn, tenureColumn, spendColumn}, f.Name) {
			few = append(few, f)
		}
	}
	return few
}
