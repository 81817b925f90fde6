package main

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
	"fealty/model/metrics"
	"fealty/serving"
	"fealty/serving/servingtest"
)

// Public tables have a few thousand rows, where chance is as large as any difference
// between learners: each side fits bags of many seeds, and two sides are taken for
// equal within two standard errors of their difference. LightGBM with one bin less
// stands beside it, because it shows how far the same learner is from itself.

const (
	bags  = 20
	folds = 5
	// fewerBins is LightGBM with 254 bins instead of 255.
	fewerBins = "lightgbm-254-bins"
)

// bagParams are those of the bags: small trees, and what makes seeds differ.
func bagParams() params {
	p := usualParams()
	p.Rounds, p.Leaves, p.LearningRate, p.RowFraction, p.FeatureFraction = 150, 15, 0.05, 0.8, 0.8
	return p
}

// publicTable is a table of others as one matrix; NaN is missing, categories are codes.
type publicTable struct {
	columns []columnOf
	x       [][]float64
	y       []float64
}

// public compares ours with LightGBM on the public tables.
func (b *bench) public(ctx context.Context) error {
	if b.data == "" {
		b.say("SKIPPED: public tables: -data names no folder")
		return nil
	}
	for _, table := range []struct {
		name  string
		write func(ctx context.Context) ([]string, error)
	}{{"telco", b.writeTelco}, {"protocol-t", b.writeProtocolT}} {
		sets, err := table.write(ctx)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, servingtest.ErrAbsent) || errors.Is(err, clickhouse.ErrNoEngine) {
			b.say("SKIPPED: %s: %v", table.name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
		if err := b.bagged(ctx, table.name, sets); err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
	}
	return nil
}

// bagged has each side predict the test rows of all sets with bags of models, and
// compares the AUC of their rows taken together.
func (b *bench) bagged(ctx context.Context, name string, sets []string) error {
	var y []float64
	for _, set := range sets {
		part, _, err := readArray(filepath.Join(set, "test_y.npy"))
		if err != nil {
			return err
		}
		y = append(y, part...)
	}
	found := map[string]*bag{}
	rows := [][]string{{"side", "mean AUC", "SD of a bag", "AUC of the bags' mean"}}
	for _, side := range b.here(ctx, []string{ours, "lightgbm", fewerBins}) {
		s := &bag{margins: make([][]float64, bags)}
		for _, set := range sets {
			if err := b.addBags(ctx, s, side, set); err != nil {
				return err
			}
		}
		if err := s.judge(y); err != nil {
			return err
		}
		found[side] = s
		together, err := metrics.AUC(y, s.together, nil)
		if err != nil {
			return err
		}
		rows = append(rows, []string{side, fmt.Sprintf("%.5f", mean(s.auc)), fmt.Sprintf("%.5f", deviation(s.auc)), fmt.Sprintf("%.5f", together)})
	}
	if err := writeTable(b.err, name+", "+strconv.Itoa(bags)+" bags", rows); err != nil {
		return err
	}
	peer := found["lightgbm"]
	if peer == nil {
		return nil
	}
	for _, side := range []string{ours, fewerBins} {
		paired, err := metrics.DeLongPaired(y, found[side].together, peer.together)
		if err != nil {
			return err
		}
		// Of the rows, which both sides share, and of the seeds, which they don't.
		seeds := (math.Pow(deviation(found[side].auc), 2) + math.Pow(deviation(peer.auc), 2)) / bags
		standardError := math.Sqrt(paired.Variance + seeds)
		difference := mean(found[side].auc) - mean(peer.auc)
		b.say("%s: %s − lightgbm = %+.5f, standard error %.5f (rows %.5f, seeds %.5f)", name, side, difference, standardError, math.Sqrt(paired.Variance), math.Sqrt(seeds))
		if side == ours {
			b.barred("quality/"+name+"/auc/lightgbm", "difference", difference, ">=", -2*standardError)
		} else {
			b.figure("spread/"+name+"/auc/"+fewerBins, "difference", difference)
		}
	}
	return nil
}

// bag is what one side predicts with models of many seeds.
type bag struct {
	margins  [][]float64 // by seed, the test rows of all sets
	auc      []float64   // by seed
	together []float64   // the mean margin of each row
}

// addBags appends what a side predicts for the test rows of a set.
func (b *bench) addBags(ctx context.Context, s *bag, side, set string) error {
	r := request{Task: "bags", Set: set, Params: bagParams(), Passes: bags, Out: b.path("bags.npy")}
	learner := side
	if side == fewerBins {
		learner = "lightgbm"
		r.Params.Bins--
	}
	if _, err := b.trial(ctx, learner, threads, r); err != nil {
		return err
	}
	margins, rows, err := readArray(r.Out)
	if err != nil {
		return err
	}
	for k := range bags {
		s.margins[k] = append(s.margins[k], margins[k*rows:(k+1)*rows]...)
	}
	return nil
}

// judge computes the AUC of every seed and the mean margin of every row.
func (s *bag) judge(y []float64) error {
	s.together = make([]float64, len(y))
	for _, margins := range s.margins {
		auc, err := metrics.AUC(y, margins, nil)
		if err != nil {
			return err
		}
		s.auc = append(s.auc, auc)
		for i, m := range margins {
			s.together[i] += m / float64(len(s.margins))
		}
	}
	return nil
}

// deviation returns the standard deviation of a sample.
func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}

// write stores the rows that are chosen as a part of a set.
func (t *publicTable) write(folder, part string, chosen []int) (err error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	var x, y []float64
	for _, i := range chosen {
		x, y = append(x, t.x[i]...), append(y, t.y[i])
	}
	return errors.Join(
		writeArray(filepath.Join(folder, part+"_x.npy"), x, len(t.columns)),
		writeArray(filepath.Join(folder, part+"_y.npy"), y, 0),
		writeColumns(folder, t.columns),
	)
}

// writeTelco stores stratified folds of the Telco table, a set each.
func (b *bench) writeTelco(context.Context) ([]string, error) {
	t, err := readTelco(filepath.Join(b.data, "telco", "Telco-Customer-Churn.csv.gz"))
	if err != nil {
		return nil, err
	}
	var seen [2]int
	fold := make([]int, len(t.y))
	for i, y := range t.y {
		fold[i] = seen[int(y)] % folds
		seen[int(y)]++
	}
	var sets []string
	for k := range folds {
		var in, out []int
		for i := range fold {
			if fold[i] == k {
				out = append(out, i)
			} else {
				in = append(in, i)
			}
		}
		set := b.path("telco-" + strconv.Itoa(k))
		if err := errors.Join(t.write(set, "train", in), t.write(set, "test", out)); err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// readTelco reads the table; columns of words become categories, blanks missing.
func readTelco(path string) (t *publicTable, err error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	plain, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	records, err := csv.NewReader(plain).ReadAll()
	if err != nil {
		return nil, err
	}
	header, records := records[0], records[1:]
	t = &publicTable{x: make([][]float64, len(records)), y: make([]float64, len(records))}
	for j, name := range header {
		switch name {
		case "customerID":
		case "Churn":
			for i, r := range records {
				if r[j] == "Yes" {
					t.y[i] = 1
				}
			}
		case "tenure", "MonthlyCharges", "TotalCharges":
			t.columns = append(t.columns, columnOf{Name: name})
			for i, r := range records {
				v := math.NaN()
				if text := strings.TrimSpace(r[j]); text != "" {
					if v, err = strconv.ParseFloat(text, 64); err != nil {
						return nil, fmt.Errorf("%s of row %d: %w", name, i+1, err)
					}
				}
				t.x[i] = append(t.x[i], v)
			}
		default:
			var levels []string
			for _, r := range records {
				levels = append(levels, r[j])
			}
			slices.Sort(levels)
			levels = slices.Compact(levels)
			t.columns = append(t.columns, columnOf{Name: name, Levels: len(levels)})
			for i, r := range records {
				t.x[i] = append(t.x[i], float64(slices.Index(levels, r[j])))
			}
		}
	}
	return t, nil
}

// writeProtocolT stores the features and labels of Online Retail I at the training
// cutoffs and at the last test cutoff of protocol T, as fealty builds them.
func (b *bench) writeProtocolT(ctx context.Context) (sets []string, err error) {
	engine, err := clickhouse.Open(ctx, "chdb://"+b.path("warehouse"), clickhouse.Limits{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	w := clickhouse.Warehouse{Engine: engine}
	if err := w.Migrate(ctx); err != nil {
		return nil, err
	}
	retail := servingtest.OnlineRetail()
	settings := retail.Settings
	if _, err := retail.Load(ctx, &serving.Service{Facts: w, Loads: w, Settings: settings}, b.data, nil); err != nil {
		return nil, err
	}
	tests := retail.Backtest.Cutoffs
	train, err := b.labelled(ctx, w, settings, retail.Backtest.Train)
	if err != nil {
		return nil, err
	}
	test, err := b.labelled(ctx, w, settings, tests[len(tests)-1:])
	if err != nil {
		return nil, err
	}
	set := b.path("protocol-t")
	return []string{set}, errors.Join(train.write(set, "train", train.all()), test.write(set, "test", test.all()))
}

// all returns the numbers of all rows.
func (t *publicTable) all() []int {
	rows := make([]int, len(t.y))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// labelled builds the features and labels at the cutoffs.
func (b *bench) labelled(ctx context.Context, w clickhouse.Warehouse, s serving.Settings, cutoffs []string) (*publicTable, error) {
	watermark, err := w.Watermark(ctx)
	if err != nil {
		return nil, err
	}
	request := features.Request{Watermark: watermark, Zone: s.Zone, ActiveWithinDays: s.ActiveWithin()}
	for _, text := range cutoffs {
		at, err := frame.ParseCutoff(text, s.Location())
		if err != nil {
			return nil, err
		}
		request.Cutoffs, request.KnownAt = append(request.Cutoffs, at), append(request.KnownAt, s.Known(at))
	}
	t := &publicTable{}
	_, err = w.Build(ctx, request, func(sl *features.Slice) error {
		outcome, err := w.Outcomes(ctx, features.LabelRequest{Rule: s.Label, Through: s.DataThrough, Watermark: watermark}, sl)
		if err != nil {
			return err
		}
		if t.columns == nil {
			for _, c := range sl.Frame.Columns {
				t.columns = append(t.columns, columnOf{Name: c.Name, Direction: c.Direction})
			}
		}
		for i, y := range outcome.Y {
			if outcome.Excluded[i] != features.Labelled {
				continue
			}
			row := make([]float64, 0, len(t.columns))
			for j := range sl.Frame.Columns {
				row = append(row, sl.Frame.Columns[j].Numbers[i])
			}
			t.x, t.y = append(t.x, row), append(t.y, y)
		}
		return nil
	})
	return t, err
}
