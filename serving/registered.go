package serving

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/derive"
	"fealty/model/ladder"
)

// churnKind is the kind of the models that this room trains.
const churnKind = "churn"

// The sections of a bundle that are the use case's own, the card for programs
// and for people; the others are the ladder's.
const (
	cardSection  = "card.json"
	wordsSection = "card.md"
	// derivedSection holds the parameters of derived columns.
	derivedSection = "derived.json"
)

// registered is a model out of the registry.
type registered struct {
	*ladder.Model
	card model.Card
	// derived columns come after those of the catalogue; nil in a model from before
	// there were any.
	derived *derive.Columns
	// worth tells what accounts are worth; nil in such a model too.
	worth *appraisal
}

// extend returns a frame of features with the model's derived columns behind. A
// frame that has them is returned as it is.
func (m *registered) extend(f *frame.Frame) (*frame.Frame, error) {
	if m.derived == nil || f.Column(derive.Metas()[0].Name) != nil {
		return f, nil
	}
	return m.derived.Extend(f)
}

// Predict writes the margins of rows of features.
func (m *registered) Predict(f *frame.Frame, out []float64) error {
	f, err := m.extend(f)
	if err != nil {
		return err
	}
	return m.Model.Predict(f, out)
}

// Explain writes the contributions of rows of features, and returns the base.
func (m *registered) Explain(f *frame.Frame, out []float64) (float64, error) {
	f, err := m.extend(f)
	if err != nil {
		return 0, err
	}
	return m.Model.Explain(f, out)
}

// seal names a trained model by its content, writes the name on its card, and
// packs both into one bundle. The card belongs to the content: a model trained
// again on more data is another version even when not one weight moved, since
// what is known of it has changed.
func seal(m *ladder.Model, derived *derive.Columns, worth *appraisal, card *model.Card) ([]byte, error) {
	sections, err := m.Save()
	if err != nil {
		return nil, fmt.Errorf("save the model: %w", err)
	}
	for _, own := range []string{cardSection, wordsSection, derivedSection} {
		if _, taken := sections[own]; taken {
			return nil, fmt.Errorf("save the model: it has a section %q of its own", own)
		}
	}
	if sections[derivedSection], err = derived.MarshalText(); err != nil {
		return nil, fmt.Errorf("save the model: %w", err)
	}
	if err := worth.save(sections); err != nil {
		return nil, err
	}
	if card.Version, err = versionOf(sections, *card); err != nil {
		return nil, err
	}
	raw, err := encodeCard(card)
	if err != nil {
		return nil, err
	}
	bundle := maps.Clone(sections)
	bundle[cardSection], bundle[wordsSection] = raw, []byte(ladder.CardMarkdown(card))
	var out bytes.Buffer
	if err := bundle.Write(&out); err != nil {
		return nil, fmt.Errorf("pack model %q: %w", card.Version, err)
	}
	return out.Bytes(), nil
}

func encodeCard(card *model.Card) ([]byte, error) {
	raw, err := json.Marshal(card)
	if err != nil {
		return nil, fmt.Errorf("encode the card of model %q: %w", card.Version, err)
	}
	return raw, nil
}

// versionOf returns the name that a model's sections and its card, without a
// name, have together.
func versionOf(sections artifact.Bundle, card model.Card) (string, error) {
	card.Version = ""
	raw, err := encodeCard(&card)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	part := func(name string, content []byte) {
		// Lengths first, so that no two lists of parts read alike. A hash never fails to take bytes.
		_, _ = h.Write([]byte(name + " " + strconv.Itoa(len(content)) + "\n"))
		_, _ = h.Write(content)
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		part(name, sections[name])
	}
	part(cardSection, raw)
	return churnKind + "-" + hex.EncodeToString(h.Sum(nil)[:6]), nil
}

// model loads a version, the live one when none is named, and checks that it
// is what its name says.
func (s *Service) model(ctx context.Context, version string) (*registered, error) {
	if version == "" {
		live, err := s.live(ctx)
		if err != nil {
			return nil, err
		}
		if live == "" {
			return nil, fmt.Errorf("no model is live; train one, or promote one: %w", ErrUnavailable)
		}
		version = live
	}
	raw, _, err := s.Registry.LoadModel(ctx, version)
	if err != nil {
		return nil, err
	}
	m, err := unseal(raw)
	if err != nil {
		return nil, fmt.Errorf("load model %q: %w", version, err)
	}
	if m.card.Version != version {
		return nil, fmt.Errorf("load model %q: its card calls it %q: %w", version, m.card.Version, errOtherModel)
	}
	return m, nil
}

// errOtherModel says that a bundle is whole but not the model that was asked
// for.
var errOtherModel = errors.New("the bundle holds another model")

func unseal(raw []byte) (*registered, error) {
	sections, err := artifact.Read(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	m := &registered{}
	if err := json.Unmarshal(sections[cardSection], &m.card); err != nil {
		return nil, fmt.Errorf("read its card: %w", err)
	}
	delete(sections, cardSection)
	delete(sections, wordsSection)
	version, err := versionOf(sections, m.card)
	if err != nil {
		return nil, err
	}
	if version != m.card.Version {
		return nil, fmt.Errorf("its card calls it %q and its content is that of %q: %w", m.card.Version, version, errOtherModel)
	}
	if text, ok := sections[derivedSection]; ok {
		if m.derived, err = derive.Parse(text); err != nil {
			return nil, err
		}
	}
	if m.worth, err = loadAppraisal(sections); err != nil {
		return nil, err
	}
	if m.Model, err = ladder.Load(sections); err != nil {
		return nil, err
	}
	return m, nil
}

// fits refuses a model that was trained to answer another question than the
// settings ask, or on features that are defined otherwise now.
func (s *Service) fits(m *registered) error {
	c := &m.card
	refuse := func(what string, then, now any) error {
		return fmt.Errorf("model %q was trained with %s %v, and now it is %v; train again, or use the settings that it was trained with: %w",
			c.Version, what, then, now, ErrConflict)
	}
	switch {
	case c.Label != string(s.Settings.Label.Label):
		return refuse("label", c.Label, s.Settings.Label.Label)
	case c.HorizonDays != s.Settings.Label.HorizonDays:
		return refuse("horizon_days", c.HorizonDays, s.Settings.Label.HorizonDays)
	case c.ActiveWithin != s.Settings.ActiveWithin():
		return refuse("active_within", c.ActiveWithin, s.Settings.ActiveWithin())
	}
	if err := s.fitsWorth(m.worth, refuse); err != nil {
		return err
	}
	if why := s.otherOwn(c); why != "" {
		return fmt.Errorf("model %q: %s; or train again: %w", c.Version, why, ErrConflict)
	}
	definitions, err := s.Facts.Definitions(s.catalogue())
	if err != nil {
		return fmt.Errorf("fingerprint the features: %w", err)
	}
	if definitions != c.DefinitionsHash {
		return refuse("feature definitions", c.DefinitionsHash, definitions)
	}
	return nil
}

// fitsWorth refuses what tells worth where it was learnt by other settings than
// those that hold: what is told, and the scale of loyalty, rest on them.
func (s *Service) fitsWorth(a *appraisal, refuse func(what string, then, now any) error) error {
	if a == nil {
		return nil
	}
	w := &s.Settings.Worth
	now, chance := w.terms(), w.chance(0)
	switch {
	case a.terms.Months != now.Months:
		return refuse("lifetime.months", a.terms.Months, now.Months)
	case a.terms.Discount != now.Discount:
		return refuse("lifetime.discount", a.terms.Discount, now.Discount)
	case a.chance(0).Level != chance.Level:
		return refuse("lifetime.interval", a.chance(0).Level, chance.Level)
	case a.chance(0).Draws != chance.Draws:
		return refuse("lifetime.draws", a.chance(0).Draws, chance.Draws)
	case a.models != nil && !slices.Equal(a.models, w.lifetimeModels()):
		return refuse("lifetime.models", a.models, w.lifetimeModels())
	case a.wallet == nil:
		return nil
	}
	switch then := a.wallet.Params(); {
	case then.Level != w.WalletLevel:
		return refuse("wallet.level", then.Level, w.WalletLevel)
	case then.MaxRatio != w.WalletMaxRatio:
		return refuse("wallet.max_ratio", then.MaxRatio, w.WalletMaxRatio)
	}
	return nil
}

// unfit marks what the ladder refuses to learn from as ErrInvalid: the rows are
// what the caller's cutoffs and settings chose.
func unfit(err error) error {
	if errors.Is(err, ladder.ErrTooFew) || errors.Is(err, ladder.ErrSample) {
		return refused{err}
	}
	return err
}
