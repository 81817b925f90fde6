package lifetime

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/model"
)

const (
	format  = "fealty lifetime"
	version = 1

	// maxText bounds what is parsed of one model, in bytes; maxPortfolio, of a
	// portfolio.
	maxText      = 64 << 10
	maxPortfolio = 64 << 20

	kindSpend = "gamma-gamma"
)

// content is the saved form of every single model.
type content struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	// Logarithms are those of the parameters, in the papers' order; Covariance is
	// theirs, row-major.
	Logarithms    []float64 `json:"logarithms"`
	Covariance    []float64 `json:"covariance"`
	Rows          int       `json:"rows"`
	Weight        float64   `json:"weight"`
	LogLikelihood float64   `json:"log_likelihood"`
	// Correlation is of gamma-gamma only.
	Correlation float64 `json:"correlation,omitempty"`
}

func (e *estimator) content(kind string) content {
	return content{
		Format: format, Version: version, Kind: kind, Logarithms: e.theta, Covariance: e.covariance,
		Rows: e.quality.Rows, Weight: e.quality.Weight, LogLikelihood: e.quality.LogLikelihood,
	}
}

func (c content) text() ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write a lifetime model of kind %s: %w", c.Kind, err)
	}
	return text, nil
}

// MarshalText returns the model as JSON, in shortest round-trip decimals.
func (m *Model) MarshalText() ([]byte, error) { return m.content(string(m.kind)).text() }

// MarshalText returns the model as JSON, in shortest round-trip decimals.
func (s *Spend) MarshalText() ([]byte, error) {
	c := s.content(kindSpend)
	c.Correlation = s.correlation
	return c.text()
}

// Parse reads what a Model's MarshalText wrote, and nothing else: at most 64 KiB,
// no unknown, repeated or missing key, every number finite and within its bounds.
// Errors wrap ErrText and say what is wrong.
func Parse(text []byte) (*Model, error) {
	c, e, err := parse(text, func(kind string) []string { return Kind(kind).names() })
	if err != nil {
		return nil, err
	}
	m := newModel(Kind(c.Kind), e)
	return m, asWritten(m, text)
}

// ParseSpend reads what a Spend's MarshalText wrote, as Parse does.
func ParseSpend(text []byte) (*Spend, error) {
	c, e, err := parse(text, func(kind string) []string {
		if kind == kindSpend {
			return spendNames()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !(e.theta[1] > 0) || !(math.Abs(c.Correlation) <= 1) {
		return nil, fmt.Errorf("%w: log q is %v, want above 0; the correlation is %v, want −1 … 1", ErrText, e.theta[1], c.Correlation)
	}
	s := &Spend{e, c.Correlation}
	return s, asWritten(s, text)
}

// parse reads and checks one model; names gives the parameters of a kind that is
// welcome here, nil of others.
func parse(text []byte, names func(kind string) []string) (content, estimator, error) {
	var c content
	if err := decode(text, maxText, &c); err != nil {
		return c, estimator{}, err
	}
	if c.Format != format || c.Version != version {
		return c, estimator{}, fmt.Errorf("%w: format %q version %d, this program reads %q version %d", ErrText, c.Format, c.Version, format, version)
	}
	e := estimator{names: names(c.Kind), theta: c.Logarithms, covariance: c.Covariance}
	if e.names == nil {
		return c, e, fmt.Errorf("%w: kind %q is not one that is read here", ErrText, c.Kind)
	}
	if err := e.check(c); err != nil {
		return c, e, fmt.Errorf("%w: %s: %w", ErrText, c.Kind, err)
	}
	e.quality = newQuality(c.Rows, c.Weight, c.LogLikelihood, len(e.names))
	return c, e, nil
}

func (e *estimator) check(c content) error {
	n := len(e.names)
	if len(e.theta) != n || len(e.covariance) != n*n {
		return fmt.Errorf("%d logarithms and %d covariances, want %d and %d", len(e.theta), len(e.covariance), n, n*n)
	}
	for k, v := range e.theta {
		if !(math.Abs(v) <= 2*wall+math.Log(largest)) { // in units of the greatest age, then in its own
			return fmt.Errorf("the logarithm of %s is %v, out of bounds", e.names[k], v)
		}
	}
	for a := range n {
		for b := range n {
			v, w := e.covariance[a*n+b], e.covariance[b*n+a]
			limit := e.covariance[a*n+a] * e.covariance[b*n+b]
			if v != w || !(v*v <= limit*(1+1e-9)) || !(e.covariance[a*n+a] >= 0 && e.covariance[a*n+a] <= undetermined*undetermined) {
				return fmt.Errorf("the covariance of %s and %s is %v, out of bounds", e.names[a], e.names[b], v)
			}
		}
	}
	if c.Rows < 1 || !(c.Weight > 0) || !finite(c.Weight) || !finite(c.LogLikelihood) {
		return fmt.Errorf("%d rows of weight %v, log-likelihood %v: want finite numbers of at least one row", c.Rows, c.Weight, c.LogLikelihood)
	}
	return nil
}

func decode(text []byte, most int, into any) error {
	if err := model.DecodeText(text, most, into); err != nil {
		return fmt.Errorf("%w: %w", ErrText, err)
	}
	return nil
}

// asWritten is model.AsWritten as an error of this package.
func asWritten(m encoding.TextMarshaler, text []byte) error {
	if err := model.AsWritten(m, text); err != nil {
		return fmt.Errorf("%w: %w", ErrText, err)
	}
	return nil
}

// portfolioContent is the saved form of a portfolio.
type portfolioContent struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Least   Least           `json:"least"`
	Pooled  json.RawMessage `json:"pooled"`
	// Spend is absent where it has a problem.
	Spend    json.RawMessage  `json:"pooled_spend,omitempty"`
	Problem  string           `json:"pooled_spend_problem,omitempty"`
	Segments []segmentContent `json:"segments"`
}

type segmentContent struct {
	Segment      string `json:"segment"`
	Accounts     int    `json:"accounts"`
	RepeatBuyers int    `json:"repeat_buyers"`
	// Model and OwnSpend are absent where the pooled fit is used.
	Model        json.RawMessage `json:"model,omitempty"`
	ModelReason  Reason          `json:"model_reason"`
	OwnSpend     json.RawMessage `json:"spend,omitempty"`
	SpendReason  Reason          `json:"spend_reason"`
	ModelProblem string          `json:"model_problem,omitempty"`
	SpendProblem string          `json:"spend_problem,omitempty"`
}

const portfolioFormat = format + " portfolio"

// MarshalText returns the portfolio as JSON, in shortest round-trip decimals. One
// of PlainSpend has no text of its own: save what it was made of.
func (p *Portfolio) MarshalText() ([]byte, error) {
	if p.pooled.spend == nil && p.problem == "" {
		return nil, fmt.Errorf("%w: a portfolio without its spend models has no text: save the one that it was made of", ErrParams)
	}
	c := portfolioContent{Format: portfolioFormat, Version: version, Least: p.least, Problem: p.problem, Segments: []segmentContent{}}
	var err error
	if c.Pooled, err = p.pooled.model.MarshalText(); err != nil {
		return nil, err
	}
	if p.pooled.spend != nil {
		if c.Spend, err = p.pooled.spend.MarshalText(); err != nil {
			return nil, err
		}
	}
	for _, s := range p.segments {
		v := segmentContent{
			Segment: s.Segment, Accounts: s.Accounts, RepeatBuyers: s.RepeatBuyers,
			ModelReason: s.Purchases.Reason, SpendReason: s.Spend.Reason, ModelProblem: s.Purchases.Problem, SpendProblem: s.Spend.Problem,
		}
		own := p.own[s.Segment]
		if s.Purchases.Own() {
			if v.Model, err = own.model.MarshalText(); err != nil {
				return nil, err
			}
		}
		if s.Spend.Own() {
			if v.OwnSpend, err = own.spend.MarshalText(); err != nil {
				return nil, err
			}
		}
		c.Segments = append(c.Segments, v)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write a lifetime portfolio: %w", err)
	}
	return text, nil
}

// ParsePortfolio reads what a Portfolio's MarshalText wrote, and nothing else: at
// most 64 MiB, as Parse does.
func ParsePortfolio(text []byte) (*Portfolio, error) {
	var c portfolioContent
	if err := decode(text, maxPortfolio, &c); err != nil {
		return nil, err
	}
	if c.Format != portfolioFormat || c.Version != version {
		return nil, fmt.Errorf("%w: format %q version %d, this program reads %q version %d", ErrText, c.Format, c.Version, portfolioFormat, version)
	}
	if err := c.Least.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	model, err := Parse(c.Pooled)
	if err != nil {
		return nil, fmt.Errorf("the pooled model: %w", err)
	}
	var spend *Spend
	if c.Problem == "" {
		if spend, err = ParseSpend(c.Spend); err != nil {
			return nil, fmt.Errorf("the pooled spend: %w", err)
		}
	} else if c.Spend != nil {
		return nil, fmt.Errorf("%w: a pooled spend beside its problem %q", ErrText, c.Problem)
	}
	p := &Portfolio{least: c.Least, pooled: pair{model, spend}, problem: c.Problem, own: make(map[string]pair, len(c.Segments))}
	for k, s := range c.Segments {
		if err := p.read(s); err != nil {
			return nil, fmt.Errorf("segment %d %q: %w", k, s.Segment, err)
		}
	}
	if !slices.IsSortedFunc(p.segments, func(a, b Choice) int { return strings.Compare(a.Segment, b.Segment) }) || len(p.own) != len(p.segments) {
		return nil, fmt.Errorf("%w: the segments are not in order or stand twice", ErrText)
	}
	return p, asWritten(p, text)
}

// read adds one segment of a saved portfolio.
func (p *Portfolio) read(s segmentContent) error {
	choice := Choice{
		Segment: s.Segment, Accounts: s.Accounts, RepeatBuyers: s.RepeatBuyers,
		Purchases: Used{s.ModelReason, s.ModelProblem}, Spend: Used{s.SpendReason, s.SpendProblem},
	}
	use := p.pooled
	for _, u := range []Used{choice.Purchases, choice.Spend} {
		if !u.Reason.known() || (u.Problem != "") != (u.Reason == NotDetermined) {
			return fmt.Errorf("%w: reason %q with problem %q", ErrText, u.Reason, u.Problem)
		}
	}
	if s.Accounts < 1 || s.RepeatBuyers < 0 || s.RepeatBuyers > s.Accounts || choice.Purchases.Own() != (s.Model != nil) || choice.Spend.Own() != (s.OwnSpend != nil) {
		return fmt.Errorf("%w: %d accounts, %d repeat buyers, or a fit that its reason does not go with", ErrText, s.Accounts, s.RepeatBuyers)
	}
	var err error
	if s.Model != nil {
		if use.model, err = Parse(s.Model); err != nil {
			return err
		}
		if use.model.kind != p.pooled.model.kind {
			return fmt.Errorf("%w: kind %s, but %s for all", ErrText, use.model.kind, p.pooled.model.kind)
		}
	}
	if s.OwnSpend != nil {
		if use.spend, err = ParseSpend(s.OwnSpend); err != nil {
			return err
		}
	}
	p.segments = append(p.segments, choice)
	p.own[s.Segment] = use
	return nil
}
