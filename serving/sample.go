package serving

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/derive"
)

// labelled are the rows of one cutoff that have a label: columns parallel to
// the catalogue, the derived ones behind. It is what training keeps; slices are
// let go.
type labelled struct {
	metas    []frame.Meta
	accounts []frame.AccountID
	cutoffs  []frame.Cutoff
	columns  [][]float64
	y, back  []float64
	// excluded counts the rows left out, by reason.
	excluded map[string]int
	// known are the histories of all accounts at the cutoff, purses what they spend,
	// and derived what was fitted on them.
	known   derive.Known
	purses  derive.Purses
	derived *derive.Columns
}

// frame returns the rows as learners see them, sharing memory.
func (l *labelled) frame() *frame.Frame {
	f := &frame.Frame{Accounts: l.accounts, Cutoffs: l.cutoffs}
	f.Columns = make([]frame.Column, len(l.metas))
	for i := range l.metas {
		f.Columns[i] = frame.Column{Meta: l.metas[i], Kind: frame.Number, Numbers: l.columns[i]}
	}
	return f
}

// join puts the rows of several cutoffs one after the other, copied column by
// column. With release the parts are emptied on the way, so that no more than
// one column stands in memory twice; they keep what they left out.
func join(parts []*labelled, release bool) *labelled {
	all := &labelled{metas: parts[0].metas, columns: make([][]float64, len(parts[0].metas)), excluded: map[string]int{}}
	for i := range all.columns {
		of := make([][]float64, len(parts))
		for k, p := range parts {
			of[k] = p.columns[i]
			if release {
				p.columns[i] = nil
			}
		}
		all.columns[i] = slices.Concat(of...)
	}
	for _, p := range parts {
		all.accounts, all.cutoffs = append(all.accounts, p.accounts...), append(all.cutoffs, p.cutoffs...)
		all.y, all.back = append(all.y, p.y...), append(all.back, p.back...)
		for why, n := range p.excluded {
			all.excluded[why] += n
		}
		if release {
			p.accounts, p.cutoffs, p.y, p.back = nil, nil, nil, nil
		}
	}
	return all
}

// at returns the parts of some cutoffs.
func at(parts map[frame.Cutoff]*labelled, cutoffs []frame.Cutoff) []*labelled {
	chosen := make([]*labelled, len(cutoffs))
	for i, c := range cutoffs {
		chosen[i] = parts[c]
	}
	return chosen
}

// label builds features and labels at the cutoffs in one pass and returns the
// labelled rows by cutoff; crowds of those cutoffs are gathered on the way. It keeps
// 8 bytes per feature and labelled row, the crowds, and one slice.
func (s *Service) label(ctx context.Context, c *calendar, cutoffs []frame.Cutoff, report func(Progress), crowds ...*gathering) (map[frame.Cutoff]*labelled, error) {
	catalogue := s.catalogue()
	parts := emptyParts(catalogue, cutoffs)
	request := c.labels(c.Label)
	progress := c.progress("building features and labels", report)
	_, err := s.Facts.Build(ctx, c.request(cutoffs, catalogue), func(sl *features.Slice) error {
		outcome, err := s.Facts.Outcomes(ctx, request, sl)
		if err != nil {
			return fmt.Errorf("label: %w", err)
		}
		progress(sl)
		for _, g := range crowds {
			g.add(sl, nil)
		}
		return keep(parts, sl, outcome)
	})
	if err != nil {
		return nil, err
	}
	return parts, c.derive(ctx, parts)
}

// derive fits the derived columns of each cutoff on what it knows, and appends
// them to its rows.
func (c *calendar) derive(ctx context.Context, parts map[frame.Cutoff]*labelled) error {
	for at, p := range parts {
		var err error
		if p.derived, err = derive.Fit(ctx, &p.known, c.Label.HorizonDays, c.Worth.columnsBy()); err != nil {
			return fmt.Errorf("as of %s: %w", c.text(at), err)
		}
		if c.WalletFeatures != WalletFeaturesOff {
			if p.derived, err = p.derived.WithWallet(ctx, &p.purses); err != nil {
				return fmt.Errorf("as of %s: %w", c.text(at), err)
			}
		}
		p.known, p.purses = derive.Known{}, derive.Purses{}
		f, err := p.derived.Extend(p.frame())
		if err != nil {
			return fmt.Errorf("as of %s: %w", c.text(at), err)
		}
		for _, column := range f.Columns[len(p.columns):] {
			p.metas, p.columns = append(p.metas, column.Meta), append(p.columns, column.Numbers)
		}
	}
	return nil
}

// by returns the rows with columns derived by the parameters of another cutoff,
// as a model fitted there sees them. The columns of the catalogue are shared.
func (l *labelled) by(d *derive.Columns) (*labelled, error) {
	columns, err := d.Of(l.frame())
	if err != nil {
		return nil, err
	}
	// The other cutoff may have derived more or fewer columns.
	own := slices.IndexFunc(l.metas, func(m frame.Meta) bool { return m.Name == columns[0].Name })
	out := *l
	out.derived, out.metas, out.columns = d, slices.Clone(l.metas[:own]), slices.Clone(l.columns[:own])
	for i := range columns {
		out.metas, out.columns = append(out.metas, columns[i].Meta), append(out.columns, columns[i].Numbers)
	}
	return &out, nil
}

// emptyParts returns a part without rows for each cutoff.
func emptyParts(catalogue []features.Feature, cutoffs []frame.Cutoff) map[frame.Cutoff]*labelled {
	parts := make(map[frame.Cutoff]*labelled, len(cutoffs))
	for _, at := range cutoffs {
		p := &labelled{columns: make([][]float64, len(catalogue)), excluded: map[string]int{}}
		for i := range catalogue {
			p.metas = append(p.metas, catalogue[i].Meta)
		}
		parts[at] = p
	}
	return parts
}

// keep appends a slice's labelled rows to the parts of their cutoffs.
func keep(parts map[frame.Cutoff]*labelled, sl *features.Slice, o *features.Outcome) error {
	histories, purses := derive.Histories(sl.Frame), derive.Spending(sl.Frame)
	for i, at := range sl.Frame.Cutoffs {
		p := parts[at]
		if p == nil || len(p.columns) != len(sl.Frame.Columns) {
			return fmt.Errorf("a slice has rows at %s with %d columns, which nobody asked for", at, len(sl.Frame.Columns))
		}
		if o.Excluded[i] != features.Erased && o.Excluded[i] != features.OptedOut {
			histories.Add(&p.known, i)
			purses.Add(&p.purses, i)
		}
		if why := whyLeftOut(sl, o, i); why != "" {
			p.excluded[why]++
			continue
		}
		if y := o.Y[i]; y != 0 && y != 1 {
			return fmt.Errorf("the outcome of account %q at %s is %v, and churn is 0 or 1: %w", sl.Frame.Accounts[i], at, y, ErrInvalid)
		}
		back := math.NaN()
		if o.CameBack != nil {
			back = o.CameBack[i]
		}
		p.y, p.back = append(p.y, o.Y[i]), append(p.back, back)
		p.add(sl.Frame, i)
	}
	return nil
}

// whyLeftOut says why row i of a slice has no label, "" when it has one.
func whyLeftOut(sl *features.Slice, o *features.Outcome, i int) string {
	switch x := o.Excluded[i]; x {
	case features.Labelled:
		return ""
	case features.Ineligible:
		return sl.Status[i].String()
	default:
		return x.String()
	}
}

// add appends row i of a slice's frame, without its label.
func (l *labelled) add(f *frame.Frame, i int) {
	l.accounts, l.cutoffs = append(l.accounts, f.Accounts[i]), append(l.cutoffs, f.Cutoffs[i])
	for k := range l.columns {
		l.columns[k] = append(l.columns[k], f.Columns[k].Numbers[i])
	}
}

// both returns the cutoffs of training and test, ascending, each once.
func both(train []frame.Cutoff, test ...frame.Cutoff) []frame.Cutoff {
	all := slices.Concat(train, test)
	slices.Sort(all)
	return slices.Compact(all)
}

// peopled refuses a sample without rows, saying what happened to all of them.
func peopled(what string, l *labelled) error {
	if len(l.y) > 0 {
		return nil
	}
	return fmt.Errorf("no account can be labelled at the %s; left out were %v: %w", what, l.excluded, ErrInvalid)
}
