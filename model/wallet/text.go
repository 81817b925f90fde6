package wallet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/model"
	"fealty/model/tree"
)

// ErrText marks a text that is not a model of this package.
var ErrText = errors.New("wallet: not a saved model")

const (
	format  = "fealty wallet"
	version = 1

	// maxText bounds what Parse looks at, in bytes: 30 categories with References of
	// 1,000 and 20 columns take 3 MB, with ensembles about 8 MB.
	maxText = 256 << 20
	// maxColumns bounds the columns of a model.
	maxColumns = 1 << 12
)

// content is the model as it is saved.
type content struct {
	Format     string          `json:"format"`
	Version    int             `json:"version"`
	Params     Params          `json:"params"`
	Columns    []coder         `json:"columns"`
	Categories []savedCategory `json:"categories"`
	Shares     []shares        `json:"shares"`
	Correction *correction     `json:"correction,omitempty"`
	Bands      []band          `json:"bands"`
}

// savedCategory holds ensembles as model/tree writes them.
type savedCategory struct {
	Name   string `json:"name"`
	Peers  int    `json:"peers"`
	Why    string `json:"why,omitempty"`
	Upper  string `json:"upper,omitempty"`
	Middle string `json:"middle,omitempty"`
	Near   *near  `json:"near,omitempty"`
}

// MarshalText returns the model as JSON: UTF-8, no code, shortest round-trip
// decimals. Parse of it gives a model with the same bits.
func (m *Model) MarshalText() ([]byte, error) {
	c := content{Format: format, Version: version, Params: m.params, Columns: m.coders, Shares: m.shares, Correction: m.correction, Bands: m.bands}
	for k := range m.categories {
		from := &m.categories[k]
		s := savedCategory{Name: from.Name, Peers: from.Peers, Why: from.Why.String(), Near: from.near}
		for _, e := range []struct {
			ensemble *tree.Ensemble
			to       *string
		}{{from.upper, &s.Upper}, {from.middle, &s.Middle}} {
			if e.ensemble == nil {
				continue
			}
			var b bytes.Buffer
			if err := e.ensemble.Write(&b); err != nil {
				return nil, fmt.Errorf("write a wallet model: category %q: %w", from.Name, err)
			}
			*e.to = b.String()
		}
		c.Categories = append(c.Categories, s)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write a wallet model: %w", err)
	}
	return text, nil
}

// Parse reads what MarshalText wrote, and nothing else: at most 256 MiB, no
// unknown, repeated or missing key, every number finite and within its bounds, at
// most 10,000 references per category. Errors wrap ErrText and say what is wrong.
func Parse(text []byte) (*Model, error) {
	var c content
	if err := model.DecodeText(text, maxText, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if c.Format != format || c.Version != version {
		return nil, fmt.Errorf("%w: format %q version %d, this program reads %q version %d", ErrText, c.Format, c.Version, format, version)
	}
	m, err := c.model()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if err := model.AsWritten(m, text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	return m, nil
}

// model checks the content and builds the model of it.
func (c *content) model() (*Model, error) {
	if err := c.Params.Validate(); err != nil {
		return nil, err
	}
	if len(c.Columns) == 0 || len(c.Columns) > maxColumns || c.Columns[len(c.Columns)-1].Name != Elsewhere {
		return nil, fmt.Errorf("%d columns, expected 1 … %d, the last of them %q", len(c.Columns), maxColumns, Elsewhere)
	}
	if len(c.Categories) == 0 || len(c.Categories) > maxCategories {
		return nil, fmt.Errorf("%d categories, expected 1 … %d", len(c.Categories), maxCategories)
	}
	seen := map[string]bool{}
	for k := range c.Columns {
		if err := c.Columns[k].check(seen); err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Columns[k].Name, err)
		}
	}
	if c.Columns[len(c.Columns)-1].Category {
		return nil, fmt.Errorf("column %q is a category", Elsewhere)
	}
	for _, s := range c.Shares {
		if d := s.Ours + s.Others; !(s.Ours > 0 && s.Others > 0 && d >= leastConcentration && d <= mostConcentration) || s.Accounts < 1 {
			return nil, fmt.Errorf("shares of %q: parameters %v and %v of %d accounts", s.Category, s.Ours, s.Others, s.Accounts)
		}
	}
	// maxMove bounds a band, so that a wallet stays finite.
	const maxMove = 1e4
	for _, b := range c.Bands {
		if b.Basis == ByDeclared && c.Correction == nil {
			return nil, fmt.Errorf("interval of segment %q by declared wallets without what they teach", b.Segment)
		}
		if (b.Basis != ByDeclared && b.Basis != ByPeers) || b.Scores < 1 || !(b.Low >= -maxMove && b.Low <= b.Centre && b.Centre <= b.High && b.High <= maxMove) {
			return nil, fmt.Errorf("interval of segment %q by %q: %v … %v … %v of %d accounts", b.Segment, b.Basis, b.Low, b.Centre, b.High, b.Scores)
		}
	}
	if t := c.Correction; t != nil && (t.Accounts < 1 || !(t.From <= t.To)) {
		return nil, fmt.Errorf("declared wallets of %d accounts, from %v to %v", t.Accounts, t.From, t.To)
	}
	m := &Model{params: c.Params, coders: c.Columns, shares: c.Shares, correction: c.Correction, bands: c.Bands}
	for k := range c.Categories {
		read, err := c.Categories[k].read(c.Columns)
		if err != nil {
			return nil, fmt.Errorf("category %q: %w", c.Categories[k].Name, err)
		}
		m.categories = append(m.categories, read)
	}
	m.index()
	if len(m.categoryAt) != len(m.categories) || len(m.bandAt) != len(m.bands) {
		return nil, errors.New("a category or an interval stands twice")
	}
	return m, nil
}

func (c *coder) check(seen map[string]bool) error {
	if seen[c.Name] {
		return errors.New("it stands twice")
	}
	seen[c.Name] = true
	switch {
	case c.Category && len(c.Knots) > 0, !c.Category && len(c.Levels) > 0:
		return errors.New("a number with levels, or a category with quantiles")
	case len(c.Levels) > maxLevels:
		return fmt.Errorf("%d levels, at most %d", len(c.Levels), maxLevels)
	case len(c.Knots) != 0 && len(c.Knots) != knots:
		return fmt.Errorf("%d quantiles, expected %d", len(c.Knots), knots)
	case !slices.IsSorted(c.Knots):
		return errors.New("its quantiles don't ascend")
	}
	return nil
}

// read checks a category and reads its ensembles.
func (s *savedCategory) read(columns []coder) (category, error) {
	c := category{Name: s.Name, Peers: s.Peers, near: s.Near}
	at := slices.IndexFunc(whys[:], func(w word) bool { return w.code == s.Why })
	if at < 0 || s.Peers < 0 {
		return c, fmt.Errorf("why %q, %d peers", s.Why, s.Peers)
	}
	c.Why = Why(at) //nolint:gosec // there are few
	switch {
	case (c.Why == None) != (s.Near != nil || s.Upper != "") || (s.Near != nil && s.Upper != "") || (s.Upper == "") != (s.Middle == ""):
		return c, errors.New("expected two ensembles, neighbours, or a reason for neither")
	case c.Why != None:
		return c, nil
	case s.Near != nil:
		return c, s.Near.check(columns)
	}
	names := make([]string, len(columns))
	for k := range columns {
		names[k] = columns[k].Name
	}
	for _, e := range []struct {
		text string
		to   **tree.Ensemble
	}{{s.Upper, &c.upper}, {s.Middle, &c.middle}} {
		ensemble, err := tree.Read(strings.NewReader(e.text), maxText)
		if err != nil {
			return c, err
		}
		if !slices.Equal(ensemble.Features(), names) {
			return c, fmt.Errorf("an ensemble reads %q, the model has %q", ensemble.Features(), names)
		}
		for k, f := range ensemble.Header().Features {
			if f.Category != columns[k].Category {
				return c, fmt.Errorf("an ensemble takes column %q for another kind", f.Name)
			}
		}
		*e.to = ensemble
	}
	return c, nil
}

func (n *near) check(columns []coder) error {
	if len(n.Log) < least || len(n.Log) > maxReferences || len(n.Codes) != len(n.Log)*len(columns) || n.Neighbours < 1 || n.Neighbours > len(n.Log) {
		return fmt.Errorf("%d codes of %d references with %d columns, %d neighbours", len(n.Codes), len(n.Log), len(columns), n.Neighbours)
	}
	if !slices.IsSorted(n.Log) {
		return errors.New("the spend of the references does not ascend")
	}
	for _, v := range n.Log {
		if math.Abs(v) > math.MaxInt16 {
			return fmt.Errorf("a reference spends e^%v", v)
		}
	}
	for k, v := range n.Codes {
		c := &columns[k/len(n.Log)]
		most := int16(far)
		if c.Category {
			most = int16(len(c.Levels) - 1) //nolint:gosec // checked above
		}
		if v < missing || v > most {
			return fmt.Errorf("code %d of column %q", v, c.Name)
		}
	}
	return nil
}
