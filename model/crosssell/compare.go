package crosssell

import (
	"context"
	"fmt"
	"math"
)

// Comparison is what columns beside the purchases add to a propensity, at a cutoff
// later than those it was learnt at: two propensities on the same pairs.
type Comparison struct {
	// With and Without have one Quality per kind.
	With, Without []Quality
	// Gains are over all pairs first, then kind by kind, as in With.
	Gains []Gain
}

// Gain is the log-loss that columns save, per pair.
type Gain struct {
	// Kind is 0 for all pairs.
	Kind            Kind
	Rows, Positives int
	With, Without   float64
	// Gain is Without − With, Error its standard error with the accounts as draws:
	// pairs of one account are none. NaN of no pair, Error also of one account.
	Gain, Error float64
}

// Tells says whether the gain, or the loss, is above twice its standard error.
func (g Gain) Tells() bool { return math.Abs(g.Gain) > 2*g.Error }

// Compare measures a propensity that reads columns beside the purchases, and one that
// does not, at a lesson later than theirs, whose model has the columns (Model.With).
// Errors are those of Evaluate; ErrInput where the two give probabilities to other pairs.
func Compare(ctx context.Context, with, without *Propensity, l Lesson) (Comparison, error) {
	if err := with.suits(l.Model); err != nil {
		return Comparison{}, err
	}
	if err := without.suits(l.Model.With(Beside{})); err != nil {
		return Comparison{}, err
	}
	if with.candidates != without.candidates || with.horizon != without.horizon {
		return Comparison{}, fmt.Errorf("%w: propensities of %d and %d candidates within %d and %d days can't be compared", ErrInput, with.candidates, without.candidates, with.horizon, without.horizon)
	}
	t := &table{pairs: newCandidates(with.beside)}
	if err := with.extend(ctx, t, l, with.maxRows); err != nil {
		return Comparison{}, err
	}
	var c Comparison
	var losses [2][]float64
	for k, of := range []struct {
		*Propensity
		to *[]Quality
	}{{with, &c.With}, {without, &c.Without}} {
		margin, quality, err := of.measure(t)
		if err != nil {
			return Comparison{}, err
		}
		*of.to, losses[k] = quality, of.losses(t, margin)
	}
	for _, kind := range append([]Kind{0}, kinds[:]...) {
		c.Gains = append(c.Gains, t.gain(kind, losses[0], losses[1]))
	}
	return c, nil
}

// losses are −ln of the probability given to what happened, pair by pair.
func (p *Propensity) losses(t *table, margin []float64) []float64 {
	out := make([]float64, len(margin))
	for r, m := range margin {
		z := p.calibrator[t.pairs.kind[r]-New].Margin(m)
		if t.y[r] == 1 {
			z = -z
		}
		// ln(1 + eᶻ), which does not overflow.
		out[r] = max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
	}
	return out
}

// gain compares losses over the pairs of a kind, 0 for all. Its standard error is that
// of a ratio of sums over accounts (Cochran, Sampling Techniques, 1977, section 6.2).
func (t *table) gain(kind Kind, with, without []float64) Gain {
	g := Gain{Kind: kind}
	saved, pairs := make([]float64, t.accounts), make([]float64, t.accounts)
	for r := range with {
		if kind != 0 && t.pairs.kind[r] != kind {
			continue
		}
		g.Rows++
		g.Positives += int(t.y[r])
		g.With += with[r]
		g.Without += without[r]
		saved[t.group[r]] += without[r] - with[r]
		pairs[t.group[r]]++
	}
	n := float64(g.Rows)
	g.With, g.Without = g.With/n, g.Without/n
	g.Gain = g.Without - g.With
	accounts, squares := 0., 0.
	for a, rows := range pairs {
		if rows > 0 {
			accounts++
			squares += (saved[a] - g.Gain*rows) * (saved[a] - g.Gain*rows)
		}
	}
	g.Error = math.Sqrt(squares*accounts/(accounts-1)) / n
	return g
}
