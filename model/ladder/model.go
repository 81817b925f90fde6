package ladder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/logistic"
	"fealty/model/shap"
	"fealty/model/tree"
)

// The sections of a bundle.
const (
	headSection     = "ladder.json"
	ruleSection     = "rule.json"
	logisticSection = "logistic.json"
	treesSection    = "trees.txt"
	// maxTreesBytes bounds the text of the trees.
	maxTreesBytes = 128 << 20
	maxHeadBytes  = 1 << 20
	format        = 1
)

// Model is a trained churn model: the weighted mean of up to two margins, and a
// calibrator that is affine in it. It is immutable and safe for concurrent use.
type Model struct {
	head head
	// rule is the recency rule of the same training, which the model is compared with.
	rule     *logistic.Model
	linear   *logistic.Model
	trees    *shap.Explainer
	features []string
	version  string
	// place is where each part's features stand in features.
	linearPlace, treesPlace []int
}

// head is what a bundle says beside its parts.
type head struct {
	Format int  `json:"format"`
	Rung   Rung `json:"rung"`
	// Weight is the logistic part's share of the margin; the trees have the rest.
	Weight float64 `json:"logistic_weight"`
	// Slope and Intercept calibrate the margin.
	Slope     float64 `json:"slope"`
	Intercept float64 `json:"intercept"`
}

var _ model.Explainer = (*Model)(nil)

// assemble checks that the parts fit the head.
func assemble(h head, rule, linear *logistic.Model, trees *tree.Ensemble) (*Model, error) {
	m := &Model{head: h, rule: rule, linear: linear}
	switch {
	case h.Format != format:
		return nil, fmt.Errorf("%w: format %d, this program reads %d", ErrBundle, h.Format, format)
	case h.Rung.height() < 0:
		return nil, fmt.Errorf("%w: rung %q is none of %v", ErrBundle, h.Rung, Rungs())
	case rule == nil, (linear != nil) != h.Rung.hasLinear(), (trees != nil) != h.Rung.hasTrees():
		return nil, fmt.Errorf("%w: rung %q does not go with its parts", ErrBundle, h.Rung)
	case !(h.Weight >= 0 && h.Weight <= 1) || (linear == nil) != (h.Weight == 0) || (trees == nil) != (h.Weight == 1):
		return nil, fmt.Errorf("%w: weight %v does not go with its parts", ErrBundle, h.Weight)
	case !(h.Slope > 0) || math.IsInf(h.Slope, 0) || math.IsNaN(h.Intercept) || math.IsInf(h.Intercept, 0):
		return nil, fmt.Errorf("%w: calibration %v·margin + %v", ErrBundle, h.Slope, h.Intercept)
	}
	if linear != nil {
		m.linearPlace = m.add(linear.Features())
	}
	if trees != nil {
		explainer, err := shap.New(trees)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBundle, err)
		}
		m.trees = explainer
		m.treesPlace = m.add(trees.Features())
	}
	return m.named()
}

func (m *Model) add(names []string) []int {
	place := make([]int, len(names))
	for i, name := range names {
		if place[i] = slices.Index(m.features, name); place[i] < 0 {
			place[i] = len(m.features)
			m.features = append(m.features, name)
		}
	}
	return place
}

// Rung returns the step of the ladder that the model stands on.
func (m *Model) Rung() Rung { return m.head.Rung }

// Features returns the names of the columns that the model reads. The caller
// owns the slice.
func (m *Model) Features() []string { return slices.Clone(m.features) }

// ruleMargins returns the margins of the recency rule that the model is
// compared with; margins are the model's own, which the rule's are where it serves.
func (m *Model) ruleMargins(f *frame.Frame, margins []float64) ([]float64, error) {
	if m.head.Rung == Rule {
		return margins, nil
	}
	rule := make([]float64, f.Rows())
	if err := m.rule.Predict(f, rule); err != nil {
		return nil, fmt.Errorf("predict by the recency rule: %w", err)
	}
	return rule, nil
}

// Predict writes the calibrated margin (log-odds) of every row of f into out.
// Columns are found by name.
func (m *Model) Predict(f *frame.Frame, out []float64) error {
	if len(out) != f.Rows() {
		return fmt.Errorf("predict %d rows into %d values", f.Rows(), len(out))
	}
	part := make([]float64, len(out))
	clear(out)
	if m.linear != nil {
		if err := m.linear.Predict(f, part); err != nil {
			return fmt.Errorf("predict by the logistic part: %w", err)
		}
		for i := range out {
			out[i] = m.head.Weight * part[i]
		}
	}
	if m.trees != nil {
		if err := m.trees.Predict(f, part); err != nil {
			return fmt.Errorf("predict by the trees: %w", err)
		}
		for i := range out {
			out[i] += (1 - m.head.Weight) * part[i]
		}
	}
	for i := range out {
		out[i] = m.head.Slope*out[i] + m.head.Intercept
	}
	return nil
}

// Explain writes f.Rows() × len(Features()) contributions in log-odds,
// row-major, into out and returns the base: base + Σ contributions is the
// calibrated margin to 1e-9 on every row.
func (m *Model) Explain(f *frame.Frame, out []float64) (float64, error) {
	width := len(m.features)
	if len(out) != f.Rows()*width {
		return 0, fmt.Errorf("explain %d rows of %d features into %d values", f.Rows(), width, len(out))
	}
	clear(out)
	base := 0.0
	for _, part := range []struct {
		explainer model.Explainer
		place     []int
		weight    float64
	}{{m.linear, m.linearPlace, m.head.Weight}, {m.trees, m.treesPlace, 1 - m.head.Weight}} {
		if part.place == nil {
			continue
		}
		n := len(part.place)
		own := make([]float64, f.Rows()*n)
		partBase, err := part.explainer.Explain(f, own)
		if err != nil {
			return 0, fmt.Errorf("explain: %w", err)
		}
		base += part.weight * partBase
		for i := range f.Rows() {
			for j, at := range part.place {
				out[i*width+at] += m.head.Slope * part.weight * own[i*n+j]
			}
		}
	}
	return m.head.Slope*base + m.head.Intercept, nil
}

// Save returns the model as a bundle of texts. The same model gives the same
// bytes.
func (m *Model) Save() (artifact.Bundle, error) {
	raw, err := json.Marshal(m.head)
	if err != nil {
		return nil, fmt.Errorf("save the model's head: %w", err)
	}
	b := artifact.Bundle{headSection: raw}
	if b[ruleSection], err = m.rule.MarshalText(); err != nil {
		return nil, fmt.Errorf("save the recency rule: %w", err)
	}
	if m.linear != nil && m.head.Rung != Rule {
		if b[logisticSection], err = m.linear.MarshalText(); err != nil {
			return nil, fmt.Errorf("save the logistic part: %w", err)
		}
	}
	if m.trees != nil {
		var text bytes.Buffer
		if err := m.trees.Write(&text); err != nil {
			return nil, fmt.Errorf("save the trees: %w", err)
		}
		b[treesSection] = text.Bytes()
	}
	return b, nil
}

// Load reads what Save wrote; other sections are left alone. Errors wrap
// ErrBundle.
func Load(b artifact.Bundle) (*Model, error) {
	raw, ok := b[headSection]
	if !ok {
		return nil, fmt.Errorf("%w: no section %s", ErrBundle, headSection)
	}
	if len(raw) > maxHeadBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes; the most is %d", ErrBundle, headSection, len(raw), maxHeadBytes)
	}
	var h head
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBundle, headSection, err)
	}
	if decoder.More() {
		return nil, fmt.Errorf("%w: %s goes on behind its end", ErrBundle, headSection)
	}
	var rule, linear *logistic.Model
	var trees *tree.Ensemble
	var err error
	if text, ok := b[ruleSection]; ok {
		if rule, err = logistic.Parse(text); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBundle, ruleSection, err)
		}
		if h.Rung == Rule {
			linear = rule
		}
	}
	if text, ok := b[logisticSection]; ok {
		if h.Rung == Rule {
			return nil, fmt.Errorf("%w: rung %q does not go with %s", ErrBundle, h.Rung, logisticSection)
		}
		if linear, err = logistic.Parse(text); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBundle, logisticSection, err)
		}
	}
	if text, ok := b[treesSection]; ok {
		if trees, err = tree.Read(bytes.NewReader(text), maxTreesBytes); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBundle, treesSection, err)
		}
	}
	return assemble(h, rule, linear, trees)
}

// Version names the model by its content: equal models have equal names.
func (m *Model) Version() string { return m.version }

// named fills in the version.
func (m *Model) named() (*Model, error) {
	b, err := m.Save()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if err := b.Write(h); err != nil {
		return nil, fmt.Errorf("name the model: %w", err)
	}
	m.version = "churn-" + hex.EncodeToString(h.Sum(nil)[:6])
	return m, nil
}
