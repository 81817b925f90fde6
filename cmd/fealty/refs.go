package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/boost"
	"fealty/model/calibrate"
	"fealty/model/crosssell"
	"fealty/model/lifetime"
	"fealty/model/logistic"
	"fealty/model/metrics"
	"fealty/model/wallet"
	"fealty/serving/servingtest"

	"github.com/spf13/cobra"
)

// newRefs is hidden: it measures fealty, as protocol-t does.
func newRefs(e *env) *cobra.Command {
	o := refsOptions{out: e.stdout}
	c := &cobra.Command{
		Use: "refs", Hidden: true,
		Short: "Set fealty's numbers beside published ones on public data sets",
		Long: "Fits lifetime, wallet, cross-sell, uplift and churn models to public data sets, finds the planted wallets of an invented town, and\n" +
			"computes profit and calibration of worked examples.\n" +
			"Prints one JSON line per figure beside what others published or reached; a figure that misses its bar is exit 1.",
		Example: "  fealty refs --data ../shared/data",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			o.data = shelf(e.path(o.folder))
			return runRefs(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.folder, "data", filepath.Join("..", "shared", "data"), "the folder of the public data sets")
	return c
}

// refsOptions are where the public data sets lie and where the lines go.
type refsOptions struct {
	folder string
	data   shelf
	out    io.Writer
}

// chapters are those of the page of references that need no warehouse; protocol-t
// has the one that does.
var chapters = []func(context.Context, shelf) ([]servingtest.Figure, error){
	profitFigures, calibrationFigures, rankFigures, townFigures, panelFigures, hillstromFigures, telcoFigures, basketFigures, retailFigures, lifetimeFigures,
}

// runRefs measures every chapter and prints its lines; a chapter that fails leaves
// the others theirs. The error wraps servingtest.ErrAbsent when a data set is not
// there and servingtest.ErrBelowBar when a figure is not good enough.
func runRefs(ctx context.Context, o refsOptions) error {
	var failed []error
	for _, chapter := range chapters {
		figures, err := chapter(ctx, o.data)
		if ctx.Err() != nil {
			return err
		}
		failed = append(failed, err, servingtest.PrintFigures(o.out, figures))
	}
	return errors.Join(failed...)
}

// near is a figure that must lie within tolerance of its reference.
func near(name, unit string, value, reference, tolerance float64) servingtest.Figure {
	f := servingtest.Figure{Name: name, Unit: unit, Value: model.Figure(value)}
	f.Near(reference, tolerance)
	return f
}

// barred is a figure with a reference and a bar on one side.
func barred(name, unit string, value float64, b bar, op string) servingtest.Figure {
	f := servingtest.Figure{Name: name, Unit: unit, Value: model.Figure(value), Reference: &b.reference}
	f.Bar(op, b.bound)
	return f
}

// profitFigures are the worked examples of expected maximum profit, which
// empulse 0.13.1 and integration in many digits agree on.
func profitFigures(context.Context, shelf) ([]servingtest.Figure, error) {
	example, scores := []float64{0, 1, 0, 1, 0, 1, 0, 1}, []float64{.1, .2, .3, .4, .5, .7, .8, .9}
	var perfect, inverted, constant, values []float64
	for i := range 20 {
		y := float64(i % 2)
		perfect, inverted, constant = append(perfect, y), append(inverted, 1-y), append(constant, .5)
		values = append(values, 100+100*y)
	}
	empc := func(y, score []float64) func() (metrics.Profit, error) {
		return func() (metrics.Profit, error) { return metrics.EMPC(y, score, metrics.DefaultOffer()) }
	}
	empb := func(score []float64) func() (metrics.Profit, error) {
		return func() (metrics.Profit, error) {
			return metrics.EMPB(perfect, score, values, metrics.DefaultBusinessOffer())
		}
	}
	const exact, printed = 1e-9, 5e-6
	var all []servingtest.Figure
	for _, c := range []struct {
		name                 string
		of                   func() (metrics.Profit, error)
		profit, rate, within float64
	}{
		{"empc/example", empc(example, scores), 23.875593418348124, .8743700763487141, exact},
		{"empc/perfect", empc(perfect, perfect), 28, .5, exact},
		{"empc/inverted", empc(perfect, inverted), 22.5007912244511, .99916, printed},
		{"empc/constant", empc(perfect, constant), 22.5007912244511, .99916, printed},
		{"empb/perfect", empb(perfect), 21, .5, exact},
		{"empb/inverted", empb(inverted), 11, 1, exact},
	} {
		p, err := c.of()
		if err != nil {
			return nil, err
		}
		all = append(all,
			near("profit/"+c.name, "per customer", p.PerCustomer, c.profit, exact),
			near("profit/"+c.name+"/fraction", "share", p.Rate, c.rate, c.within))
	}
	return all, nil
}

// calibrationFigures are the worked example of Venn–Abers prediction, as the
// package venn-abers prints it. Only the order of scores matters, so they stand as
// margins.
func calibrationFigures(context.Context, shelf) ([]servingtest.Figure, error) {
	v, err := calibrate.FitVennAbers([]float64{.1, .4, .35, .8}, []float64{0, 1, 0, 1})
	if err != nil {
		return nil, err
	}
	var all []servingtest.Figure
	for _, c := range []struct {
		at        string
		score     float64
		p0, p1, p float64
	}{{"0.2", .2, 0, .5, .3333}, {"0.5", .5, .5, 1, .6667}, {"0.9", .9, .6667, 1, .75}} {
		p0, p1 := v.Interval(c.score)
		name := "calibration/venn-abers/" + c.at
		const printed = 5e-5
		all = append(all,
			near(name+"/p0", "probability", p0, c.p0, printed), near(name+"/p1", "probability", p1, c.p1, printed),
			near(name, "probability", v.Probability(c.score), c.p, printed))
	}
	return all, nil
}

// rankFigures are shares of wallet by rank, worked out by hand from the Wallet
// Allocation Rule of Keiningham, Aksoy, Buoye and Cooil.
func rankFigures(context.Context, shelf) ([]servingtest.Figure, error) {
	var all []servingtest.Figure
	for _, shares := range [][]float64{{2. / 3, 1. / 3}, {1. / 2, 1. / 3, 1. / 6}} {
		for k, share := range shares {
			n := len(shares)
			all = append(all, near(fmt.Sprintf("wallet/rank/%d-of-%d", k+1, n), "share", wallet.ShareOfRank(float64(k+1), n), share, 1e-12))
		}
	}
	return all, nil
}

// panelFigures are shares of wallet of the second half of each household's
// purchases, foreseen from the first half, and wallets of households that were hidden:
// how often their intervals hold them, with a bar as wide as so few households allow,
// and how well they rank, of which there is no reference.
func panelFigures(ctx context.Context, data shelf) ([]servingtest.Figure, error) {
	var all []servingtest.Figure
	panels := map[string][]wallet.Purchase{}
	halves := []struct {
		name                   string
		logLoss, rmse, rawRMSE float64
	}{{"Catsup", 1.080, .241, .278}, {"Cracker", .546, .128, .131}, {"Yogurt", .727, .247, .262}}
	var mae, rawMAE float64
	for _, c := range halves {
		purchases, err := data.panel(c.name)
		if err != nil {
			return nil, err
		}
		p, err := wallet.Figures(purchases)
		if err != nil {
			return nil, err
		}
		panels[strings.ToLower(c.name)] = purchases
		name := "wallet/" + strings.ToLower(c.name)
		const printed = .0006 // the page's last digit, and what another optimiser makes of it
		all = append(all,
			near(name+"/log-loss", "nats", p.LogLoss, c.logLoss, printed),
			near(name+"/rmse", "share", p.RMSE, c.rmse, printed),
			near(name+"/raw/rmse", "share", p.RawRMSE, c.rawRMSE, printed))
		all = append(all,
			servingtest.Figure{Name: name + "/mae", Unit: "share", Value: model.Figure(p.MAE)},
			servingtest.Figure{Name: name + "/raw/mae", Unit: "share", Value: model.Figure(p.RawMAE)})
		mae += p.MAE / float64(len(halves))
		rawMAE += p.RawMAE / float64(len(halves))
	}
	// By the absolute error raw shares are the better ones, over the three panels; nobody
	// printed by how much. Of catsup alone they are not.
	raw := servingtest.Figure{Name: "wallet/panels/raw/mae", Unit: "share", Value: model.Figure(rawMAE)}
	raw.Bar("<=", mae)
	all = append(all, raw)
	params := wallet.Defaults()
	hidden, err := wallet.HiddenFigures(ctx, panels, params)
	if err != nil {
		return nil, err
	}
	for k := range hidden {
		h := &hidden[k]
		all = append(all,
			near("wallet/panels/coverage/"+h.Category, "share", h.Inside, params.Coverage, h.Tolerance(params.Coverage)),
			servingtest.Figure{Name: "wallet/panels/width/" + h.Category, Unit: "high / low", Value: model.Figure(h.Width)},
			servingtest.Figure{Name: "wallet/panels/rank/" + h.Category, Value: model.Figure(h.Rank)})
	}
	return all, nil
}

// hillstromFigures are the effect of the two e-mails on visits, and what one rule
// is worth as a prediction of it, as scikit-uplift 0.5.1 counts on all rows.
func hillstromFigures(_ context.Context, data shelf) ([]servingtest.Figure, error) {
	const exact = 1e-12
	var all []servingtest.Figure
	for _, c := range []struct {
		name, arm  string
		ate        float64
		rule       string
		qini, auuc float64
	}{
		{"womens", "Womens E-Mail", .0452, "womens", .06401550847534095, .029431161118097317},
		{"mens", "Mens E-Mail", .0766, "mens", .009956248041533344, .005312697625057931},
	} {
		y, uplift, treatment, err := data.hillstrom(c.arm, c.rule)
		if err != nil {
			return nil, err
		}
		ate, err := metrics.UpliftAt(y, uplift, treatment, 1)
		if err != nil {
			return nil, err
		}
		qini, err := metrics.QiniScore(y, uplift, treatment)
		if err != nil {
			return nil, err
		}
		auuc, err := metrics.AUUC(y, uplift, treatment)
		if err != nil {
			return nil, err
		}
		name := "uplift/hillstrom/" + c.name
		all = append(all,
			near(name+"/ate", "visits per account", ate, c.ate, 5e-5),
			near(name+"/bought-"+c.rule+"/qini", "", qini.Ratio, c.qini, exact),
			near(name+"/bought-"+c.rule+"/auuc", "", auuc, c.auuc, exact))
	}
	return all, nil
}

// telcoFigures are those of a table that is no order history, by the mean margin of
// logistic regression and boosting, as the ladder blends them: five stratified
// folds, predicted from the other four, all taken together.
func telcoFigures(ctx context.Context, data shelf) ([]servingtest.Figure, error) {
	f, y, err := data.telco()
	if err != nil {
		return nil, err
	}
	const folds = 5
	fold := stratified(y, folds)
	p := boost.Defaults()
	// Small trees: four fifths of 7,043 rows are not many.
	p.Leaves, p.LearningRate, p.RowFraction, p.FeatureFraction = 15, .05, .8, .8
	learners := []model.Learner{logistic.Learner{Params: logistic.Defaults()}, boost.Learner{Params: p}}
	margin, probability := make([]float64, len(y)), make([]float64, len(y))
	for k := range folds {
		var in, out []int
		for i := range fold {
			if fold[i] == k {
				out = append(out, i)
			} else {
				in = append(in, i)
			}
		}
		train, test := f.Take(in), f.Take(out)
		labels := make([]float64, len(in))
		for j, i := range in {
			labels[j] = y[i]
		}
		part := make([]float64, len(out))
		for _, l := range learners {
			m, err := l.Fit(ctx, train, labels, nil)
			if err != nil {
				return nil, err
			}
			if err := m.Predict(test, part); err != nil {
				return nil, err
			}
			for j, i := range out {
				margin[i] += part[j] / float64(len(learners))
			}
		}
	}
	for i, m := range margin {
		probability[i] = 1 / (1 + math.Exp(-m))
	}
	auc, err := metrics.DeLong(y, probability)
	if err != nil {
		return nil, err
	}
	logLoss, err := metrics.LogLossOfMargins(y, margin, nil)
	if err != nil {
		return nil, err
	}
	empc, err := metrics.EMPC(y, margin, metrics.DefaultOffer())
	if err != nil {
		return nil, err
	}
	// A standard error below .845 is enough; above .87 something has seen the labels.
	return []servingtest.Figure{
		barred("telco/auc", "", auc.AUC, bar{.845, .839}, ">="),
		barred("telco/auc/no-leak", "", auc.AUC, bar{.845, .87}, "<="),
		near("telco/auc/standard-error", "", auc.StandardError(), .006, .0015),
		barred("telco/log-loss", "nats", logLoss, bar{.417, .42}, "<="),
		near("telco/empc", "per customer", empc.PerCustomer, 10.28, .05),
		near("telco/empc/fraction", "share", empc.Rate, .52, .02),
	}, nil
}

// stratified puts every row into one of so many folds, each class by turns.
func stratified(y []float64, folds int) []int {
	var seen [2]int
	fold := make([]int, len(y))
	for i, v := range y {
		fold[i] = seen[int(v)] % folds
		seen[int(v)]++
	}
	return fold
}

// basketFigures are next baskets of Ta-Feng (A Next Basket Recommendation Reality
// Check, all users).
func basketFigures(_ context.Context, data shelf) ([]servingtest.Figure, error) {
	history, next, err := data.tafeng()
	if err != nil {
		return nil, err
	}
	measured, err := crosssell.BasketFigures(history, next)
	if err != nil {
		return nil, err
	}
	return lists(measured, map[string]bar{
		"ta-feng/recall@10": {.1350, .1349}, "ta-feng/ndcg@10": {.1236, .1235}, "ta-feng/hit@10": {.4205, .4204},
		"ta-feng/own/recall@10": {.1217, .1216}, "ta-feng/own/ndcg@10": {.1182, .1181}, "ta-feng/own/hit@10": {.3996, .3995},
	}), nil
}

// bar is a reference, and the least or greatest value that reaches it.
type bar struct{ reference, bound float64 }

// lists sets figures of recommended lists beside their references; those without
// one are printed as they are.
func lists(measured []crosssell.Figure, bars map[string]bar) []servingtest.Figure {
	var all []servingtest.Figure
	for _, m := range measured {
		f := servingtest.Figure{Name: "crosssell/" + m.Name, Value: model.Figure(m.Value)}
		if b, ok := bars[m.Name]; ok {
			f = barred(f.Name, "", m.Value, b, ">=")
		}
		all = append(all, f)
	}
	return all
}

// retailFigures are those of Online Retail I, cleaned by protocol T, at its last test
// cutoff: what accounts buy in the 90 days after, and the lifetime model as a churn
// model.
func retailFigures(ctx context.Context, data shelf) ([]servingtest.Figure, error) {
	lines, err := data.retail(ctx)
	if err != nil {
		return nil, err
	}
	cutoff, err := retailCutoff()
	if err != nil {
		return nil, err
	}
	measured, err := crosssell.RetailFigures(ctx, lines, cutoff, retailDays, crosssell.Defaults())
	if err != nil {
		return nil, err
	}
	all := lists(measured, map[string]bar{
		"online-retail-1/new/ndcg@10": {.119, .119}, "online-retail-1/new/precision@10": {.103, .1025}, "online-retail-1/new/hit@10": {.521, .5205},
		"online-retail-1/popular/ndcg@10": {.054, .0535}, "online-retail-1/cosine/ndcg@10": {.099, .0985},
		"online-retail-1/repeat/precision@10": {.333, .333}, "online-retail-1/repeat/ndcg@10": {.381, .3805},
	})
	churn, err := retailChurn(ctx, lines, cutoff)
	return append(all, churn...), err
}

// retailDays is the horizon of protocol T.
const retailDays = 90

// retailCutoff is protocol T's last test cutoff.
func retailCutoff() (frame.Cutoff, error) {
	cutoffs := servingtest.OnlineRetail().Backtest.Cutoffs
	return frame.ParseCutoff(cutoffs[len(cutoffs)-1], time.UTC)
}

// retailChurn is the lifetime model as a churn model by protocol T: fitted to the
// histories before the cutoff, it never sees a label. The references are those of
// MBG/NBD. In nine months of history nobody seems to have left for good: its
// likelihood has no optimum, and NBD is what it comes to. Beside it stands the mean
// error of the run-rate, which any forecast of spend has to beat.
func retailChurn(ctx context.Context, lines []crosssell.Line, cutoff frame.Cutoff) ([]servingtest.Figure, error) {
	purchases := make([]lifetime.Purchase, len(lines))
	for i, l := range lines {
		purchases[i] = lifetime.Purchase{Account: string(l.Account), Day: int(l.At.Unix() / 86_400), Amount: l.Amount}
	}
	split, err := lifetime.SplitAt(purchases, int(cutoff/86_400)-1, retailDays, 1)
	if err != nil {
		return nil, err
	}
	m, err := lifetime.Fit(ctx, lifetime.NBD, split.Histories, nil)
	if err != nil {
		return nil, err
	}
	p, churned := make([]float64, split.Rows()), make([]float64, split.Rows())
	if err := m.NoPurchase(split.Histories, retailDays, p); err != nil {
		return nil, err
	}
	for i, n := range split.Purchases {
		if n == 0 {
			churned[i] = 1
		}
	}
	all := []servingtest.Figure{near("lifetime/online-retail-1/accounts", "accounts", float64(split.Rows()), 3368, 0)}
	for _, c := range []struct {
		name string
		of   func() (float64, error)
		bar  bar
		op   string
	}{
		{"auc", func() (float64, error) { return metrics.AUC(churned, p, nil) }, bar{.734, .7335}, ">="},
		{"pr_auc", func() (float64, error) { return metrics.AveragePrecision(churned, p, nil) }, bar{.619, .6185}, ">="},
		{"lift_top_decile", func() (float64, error) { return metrics.Lift(churned, p, .1) }, bar{1.57, 1.565}, ">="},
		{"log_loss", func() (float64, error) { return metrics.LogLoss(churned, p, nil) }, bar{.623, .6235}, "<="},
		{"brier", func() (float64, error) { return metrics.Brier(churned, p, nil) }, bar{.218, .2185}, "<="},
		{"ece", func() (float64, error) { return metrics.ECE(churned, p, 10) }, bar{.113, .1135}, "<="},
	} {
		value, err := c.of()
		if err != nil {
			return nil, err
		}
		all = append(all, barred("lifetime/online-retail-1/nbd/"+c.name, "", value, c.bar, c.op))
	}
	rate, err := lifetime.Compare(runRate(lines, split.Accounts, cutoff), split.Spend)
	return append(all, near("lifetime/online-retail-1/run-rate/mae", "GBP", rate.MAE, 548, .5)), err
}

// runRate is what each account, in rising order, spent in the last 180 days, carried
// on over the horizon of protocol T.
func runRate(lines []crosssell.Line, accounts []string, cutoff frame.Cutoff) []float64 {
	const lastDays = 180
	rate := make([]float64, len(accounts))
	for _, l := range lines {
		at := frame.Cutoff(l.At.Unix())
		if i, known := slices.BinarySearch(accounts, string(l.Account)); known && at < cutoff && at >= cutoff.Add(-lastDays) {
			rate[i] += l.Amount / lastDays * retailDays
		}
	}
	return rate
}

// lifetimeFigures are the fits and point values of the literature, and the holdout
// of all of CDNOW.
func lifetimeFigures(ctx context.Context, data shelf) ([]servingtest.Figure, error) {
	public, err := data.lifetime()
	if err != nil {
		return nil, err
	}
	measured, err := lifetime.Figures(ctx, public)
	if err != nil {
		return nil, err
	}
	var all []servingtest.Figure
	for _, f := range measured {
		all = append(all, near(f.Name, f.Unit, f.Value, f.Reference, f.Tolerance))
	}
	return all, nil
}
