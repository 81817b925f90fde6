package metrics

import (
	"fmt"
	"math"
	"slices"
)

// clip is the distance from 0 and 1 that LogLoss keeps, 2⁻⁵²: scikit-learn's.
const clip = 0x1p-52

// LogLoss returns the weighted mean of −log of the probability given to what
// happened, in nats; probabilities are clipped to [2⁻⁵², 1 − 2⁻⁵²].
func LogLoss(y, p, weights []float64) (float64, error) {
	if err := checkProbable(y, p, weights); err != nil {
		return 0, err
	}
	var sum, total float64
	for i, v := range p {
		v = min(max(v, clip), 1-clip)
		if y[i] == 0 {
			v = 1 - v
		}
		w := weightOf(weights, i)
		sum -= w * math.Log(v)
		total += w
	}
	return sum / total, nil
}

// LogLossOfMargins is LogLoss of margins in log-odds, without clipping and
// without the loss of digits near 0 and 1.
func LogLossOfMargins(y, margin, weights []float64) (float64, error) {
	if err := checkScored(y, margin, weights); err != nil {
		return 0, err
	}
	if err := checkSized("margin", len(y), margin); err != nil {
		return 0, err
	}
	var sum, total float64
	for i, v := range margin {
		if y[i] == 1 {
			v = -v
		}
		w := weightOf(weights, i)
		sum += w * (max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))))
		total += w
	}
	return sum / total, nil
}

// Brier returns the weighted mean squared difference between probability and
// outcome (Brier, Monthly Weather Review 78 (1950) 1–3).
func Brier(y, p, weights []float64) (float64, error) {
	if err := checkProbable(y, p, weights); err != nil {
		return 0, err
	}
	var sum, total float64
	for i, v := range p {
		w := weightOf(weights, i)
		sum += w * (v - y[i]) * (v - y[i])
		total += w
	}
	return sum / total, nil
}

// BrierParts splits a Brier score:
//
//	Brier = Reliability − Resolution + Uncertainty + WithinVariance − WithinCovariance
//
// The last two are 0 where all forecasts of a bin are equal.
type BrierParts struct {
	Brier, Reliability, Resolution, Uncertainty float64
	WithinVariance, WithinCovariance            float64
	// Skill is 1 − Brier ÷ Uncertainty; NaN with one class.
	Skill float64
}

// BrierDecomposition splits the Brier score by bins of equal counts, or by
// distinct forecasts if bins is 0: Murphy, Journal of Applied Meteorology 12
// (1973) 595–600; the terms within bins are those of Stephenson, Coelho and
// Jolliffe, Weather and Forecasting 23 (2008) 752–757. The sum is exact.
func BrierDecomposition(y, p []float64, bins int) (BrierParts, error) {
	if err := checkProbable(y, p, nil); err != nil {
		return BrierParts{}, err
	}
	if err := checkBins(bins, 0); err != nil {
		return BrierParts{}, err
	}
	sorted, observed := byForecast(y, p)
	var cuts []int
	if bins > 0 {
		cuts = equalCounts(len(p), bins)
	} else {
		for i := range sorted {
			if i == len(sorted)-1 || sorted[i] != sorted[i+1] {
				cuts = append(cuts, i+1)
			}
		}
	}
	n, base := float64(len(y)), mean(observed)
	var parts BrierParts
	parts.Uncertainty = base * (1 - base)
	from := 0
	for _, to := range cuts {
		forecasts, outcomes := sorted[from:to], observed[from:to]
		f, o := mean(forecasts), mean(outcomes)
		if bins == 0 {
			f = forecasts[0]
		}
		share := float64(to-from) / n
		parts.Reliability += share * (f - o) * (f - o)
		parts.Resolution += share * (o - base) * (o - base)
		for i, v := range forecasts {
			parts.WithinVariance += (v - f) * (v - f) / n
			parts.WithinCovariance += 2 * (outcomes[i] - o) * (v - f) / n
		}
		from = to
	}
	var err error
	if parts.Brier, err = Brier(y, p, nil); err != nil {
		return BrierParts{}, err
	}
	parts.Skill = math.NaN()
	if parts.Uncertainty > 0 {
		parts.Skill = 1 - parts.Brier/parts.Uncertainty
	}
	return parts, nil
}

const maxBins = 10_000

func checkBins(bins, least int) error {
	if bins < least || bins > maxBins {
		return fmt.Errorf("%w: %d bins, want %d … %d", ErrInput, bins, least, maxBins)
	}
	return nil
}

// byForecast returns forecasts in rising order with their outcomes. Rows of the
// same forecast share their mean outcome, so that a bin's edge among them cuts
// off its fair part.
func byForecast(y, p []float64) (sorted, observed []float64) {
	sorted, observed = make([]float64, 0, len(p)), make([]float64, 0, len(p))
	for group := range groups(p) {
		var o float64
		for _, i := range group {
			o += y[i]
		}
		for range group {
			sorted, observed = append(sorted, p[group[0]]), append(observed, o/float64(len(group)))
		}
	}
	slices.Reverse(sorted)
	slices.Reverse(observed)
	return sorted, observed
}

// equalCounts returns where each of bins bins ends: the first n mod bins hold
// one row more, empty ones are left out (numpy.array_split).
func equalCounts(n, bins int) []int {
	var cuts []int
	at := 0
	for k := range bins {
		size := n / bins
		if k < n%bins {
			size++
		}
		if size > 0 {
			at += size
			cuts = append(cuts, at)
		}
	}
	return cuts
}

// ReliabilityBin is one row of the reliability table.
type ReliabilityBin struct {
	Rows int
	// Lowest and Highest are the extreme forecasts of the bin.
	Lowest, Highest float64
	// Forecast is the mean forecast, Observed the share of positives.
	Forecast, Observed float64
}

// Reliability returns the reliability table in bins bins of equal counts by
// rising forecast; fewer if there are fewer rows. bins is 1 … 10,000.
func Reliability(y, p []float64, bins int) ([]ReliabilityBin, error) {
	if err := checkProbable(y, p, nil); err != nil {
		return nil, err
	}
	if err := checkBins(bins, 1); err != nil {
		return nil, err
	}
	sorted, observed := byForecast(y, p)
	var table []ReliabilityBin
	from := 0
	for _, to := range equalCounts(len(p), bins) {
		table = append(table, ReliabilityBin{Rows: to - from, Lowest: sorted[from], Highest: sorted[to-1],
			Forecast: mean(sorted[from:to]), Observed: mean(observed[from:to])})
		from = to
	}
	return table, nil
}

// ECE returns the expected calibration error over bins bins of equal counts:
// the mean |forecast − observed| of the bins, weighted by their rows (Naeini,
// Cooper and Hauskrecht, AAAI 2015, there with equal widths). Equal counts,
// because with equal widths the error of three rows in the last bin is noise.
func ECE(y, p []float64, bins int) (float64, error) {
	expected, _, err := calibrationErrors(y, p, bins)
	return expected, err
}

// MCE returns the largest |forecast − observed| among the bins of ECE.
func MCE(y, p []float64, bins int) (float64, error) {
	_, largest, err := calibrationErrors(y, p, bins)
	return largest, err
}

func calibrationErrors(y, p []float64, bins int) (expected, largest float64, err error) {
	table, err := Reliability(y, p, bins)
	if err != nil {
		return 0, 0, err
	}
	for _, b := range table {
		gap := math.Abs(b.Forecast - b.Observed)
		expected += float64(b.Rows) / float64(len(y)) * gap
		largest = max(largest, gap)
	}
	return expected, largest, nil
}

// Pinball returns the weighted mean pinball loss of forecasts of the quantile
// alpha, in (0,1), in the unit of y: (y − forecast)·alpha where the outcome lies
// above, (forecast − y)·(1 − alpha) where below (Koenker and Bassett,
// Econometrica 46 (1978) 33–50). y is any number up to a magnitude of 1e100.
func Pinball(y, forecast []float64, alpha float64, weights []float64) (float64, error) {
	if len(y) == 0 {
		return 0, fmt.Errorf("%w: no rows", ErrInput)
	}
	if !(alpha > 0 && alpha < 1) {
		return 0, fmt.Errorf("%w: the quantile is %v, want strictly between 0 and 1", ErrInput, alpha)
	}
	if err := checkSized("outcome", len(y), y); err != nil {
		return 0, err
	}
	if err := checkSized("forecast", len(y), forecast); err != nil {
		return 0, err
	}
	if err := checkWeights(len(y), weights); err != nil {
		return 0, err
	}
	var sum, total float64
	for i := range y {
		d, w := y[i]-forecast[i], weightOf(weights, i)
		sum += w * max(alpha*d, (alpha-1)*d)
		total += w
	}
	return sum / total, nil
}

// sortedCopy returns the values in rising order without NaN, and how many NaN
// there were.
func sortedCopy(v []float64) (sorted []float64, missing int) {
	for _, x := range v {
		if math.IsNaN(x) {
			missing++
		} else {
			sorted = append(sorted, x)
		}
	}
	slices.Sort(sorted)
	return sorted, missing
}
