package metrics

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vector is one case of a reference file; null reads as NaN.
type vector struct {
	Call, Name string
	In         struct {
		Y, A, B, Score, P, W, AUCScores, Q, Relevance, CLV, Uplift, Treatment, Expected, Actual nanFloats
		Alpha, Beta, Fraction, Floor                                                            float64
		IncentiveCost                                                                           float64 `json:"incentive_cost"`
		ContactCost                                                                             float64 `json:"contact_cost"`
		IncentiveFraction                                                                       float64 `json:"incentive_fraction"`
		AcceptRate                                                                              float64 `json:"accept_rate"`
		K                                                                                       float64
	}
	Out map[string]json.RawMessage
}

// nanFloats also takes a lone number, as one value.
type nanFloats []float64

func (v *nanFloats) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] != '[' {
		text = []byte("[" + string(text) + "]")
	}
	var values []*float64
	if err := json.Unmarshal(text, &values); err != nil {
		*v = nil
		return nil //nolint:nilerr // a description in words, as in the cases on real data
	}
	for _, p := range values {
		if p == nil {
			*v = append(*v, math.NaN())
		} else {
			*v = append(*v, *p)
		}
	}
	return nil
}

func load(t *testing.T, file string) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, raw := range doc.Cases {
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			// Cost matrices and tables of other calls: only Call and Name are used.
			var names struct{ Call, Name string }
			if err := json.Unmarshal(raw, &names); err != nil {
				t.Fatal(err)
			}
			v = vector{Call: names.Call, Name: names.Name}
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no cases", file)
	}
	return all
}

func (v vector) number(t *testing.T, key string) float64 {
	t.Helper()
	raw, ok := v.Out[key]
	if !ok {
		t.Fatalf("%s: no %q in the reference", v.Name, key)
	}
	var x float64
	if err := json.Unmarshal(raw, &x); err != nil {
		t.Fatalf("%s: %q: %v", v.Name, key, err)
	}
	return x
}

func (v vector) numbers(t *testing.T, key string, into any) {
	t.Helper()
	if err := json.Unmarshal(v.Out[key], into); err != nil {
		t.Fatalf("%s: %q: %v", v.Name, key, err)
	}
}

// near compares to 1e-12, relative above 1.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	within(t, what, got, want, 1e-12)
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s: %.17g, want %.17g", what, got, want)
	}
}

// of unwraps a result; a reference case never fails.
func of[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestMetricsEqualReference(t *testing.T) {
	f := of[float64](t)
	used := map[string]int{}
	for _, v := range load(t, "metrics.json") {
		t.Run(v.Call+"/"+v.Name, func(t *testing.T) {
			used[v.Call]++
			switch v.Call {
			case "DeLong":
				if v.In.B == nil {
					a := of[AUCEstimate](t)(DeLong(v.In.Y, v.In.A))
					var auc []float64
					v.numbers(t, "auc", &auc)
					near(t, "AUC", a.AUC, auc[0])
					near(t, "variance", a.Variance, v.number(t, "variance"))
					return
				}
				p := of[PairedAUC](t)(DeLongPaired(v.In.Y, v.In.A, v.In.B))
				var auc, se []float64
				var covariance [][]float64
				v.numbers(t, "auc", &auc)
				v.numbers(t, "se", &se)
				v.numbers(t, "covariance", &covariance)
				near(t, "AUC of a", p.A.AUC, auc[0])
				near(t, "AUC of b", p.B.AUC, auc[1])
				near(t, "variance of a", p.A.Variance, covariance[0][0])
				near(t, "variance of b", p.B.Variance, covariance[1][1])
				near(t, "covariance", p.Covariance, covariance[0][1])
				near(t, "standard error of a", p.A.StandardError(), se[0])
				near(t, "difference", p.Difference, v.number(t, "difference"))
				near(t, "variance of the difference", p.Variance, v.number(t, "variance_of_difference"))
				near(t, "z", p.Z, v.number(t, "z"))
				near(t, "p", p.P, v.number(t, "p_two_sided"))
			case "average_precision_score":
				near(t, "average precision", f(AveragePrecision(v.In.Y, v.In.Score, nil)), v.number(t, "average_precision"))
				near(t, "AUC", f(AUC(v.In.Y, v.In.Score, nil)), v.number(t, "auc"))
				near(t, "KS", f(KS(v.In.Y, v.In.Score)), v.number(t, "ks"))
			case "log_loss, brier_score_loss", "log_loss, brier_score_loss, roc_auc_score, average_precision_score":
				near(t, "log-loss", f(LogLoss(v.In.Y, v.In.P, v.In.W)), v.number(t, "log_loss"))
				near(t, "Brier", f(Brier(v.In.Y, v.In.P, v.In.W)), v.number(t, "brier"))
				if v.In.W == nil {
					return
				}
				var scores []float64
				v.numbers(t, "auc_scores", &scores)
				near(t, "AUC", f(AUC(v.In.Y, scores, v.In.W)), v.number(t, "auc"))
				near(t, "average precision", f(AveragePrecision(v.In.Y, scores, v.In.W)), v.number(t, "average_precision"))
			case "ECE, equal count":
				var bins [][3]float64
				v.numbers(t, "bins", &bins)
				table := of[[]ReliabilityBin](t)(Reliability(v.In.Y, v.In.P, len(bins)))
				if len(table) != len(bins) {
					t.Fatalf("%d bins, want %d", len(table), len(bins))
				}
				for k, b := range table {
					near(t, "rows", float64(b.Rows), bins[k][0])
					near(t, "forecast", b.Forecast, bins[k][1])
					near(t, "observed", b.Observed, bins[k][2])
				}
				near(t, "ECE", f(ECE(v.In.Y, v.In.P, len(bins))), v.number(t, "ece"))
				near(t, "MCE", f(MCE(v.In.Y, v.In.P, len(bins))), v.number(t, "mce"))
			case "Brier decomposition (Murphy)":
				p := of[BrierParts](t)(BrierDecomposition(v.In.Y, v.In.P, 0))
				near(t, "Brier", p.Brier, v.number(t, "brier"))
				near(t, "reliability", p.Reliability, v.number(t, "reliability"))
				near(t, "resolution", p.Resolution, v.number(t, "resolution"))
				near(t, "uncertainty", p.Uncertainty, v.number(t, "uncertainty"))
				near(t, "sum", p.Reliability-p.Resolution+p.Uncertainty, v.number(t, "sum"))
				near(t, "skill", p.Skill, v.number(t, "brier_skill"))
				if p.WithinVariance != 0 || p.WithinCovariance != 0 {
					t.Errorf("terms within bins of equal forecasts: %+v", p)
				}
			case "mean_pinball_loss":
				near(t, "pinball", f(Pinball(v.In.Y, v.In.Q, v.In.Alpha, nil)), v.number(t, "loss"))
			case "ndcg_score":
				near(t, "NDCG", f(NDCG(v.In.Relevance, v.In.Score, int(v.In.K))), v.number(t, "ndcg"))
			case "lift":
				near(t, "lift of 3", f(Lift(v.In.Y, v.In.Score, 0.1)), v.number(t, "lift_ceil_3"))
				near(t, "lift of 2", f(Lift(v.In.Y, v.In.Score, 0.08)), v.number(t, "lift_floor_2"))
			default:
				t.Errorf("the call %q is not tested", v.Call)
			}
		})
	}
	if len(used) != 9 {
		t.Errorf("%d kinds of call, want 9: %v", len(used), used)
	}
}

func TestMetricsEqualScikitLearn(t *testing.T) {
	f := of[float64](t)
	used := map[string]int{}
	for _, v := range load(t, "sklearn.json") {
		t.Run(v.Call+"/"+v.Name, func(t *testing.T) {
			used[v.Call]++
			switch v.Call {
			case "roc_auc_score, average_precision_score":
				near(t, "AUC", f(AUC(v.In.Y, v.In.Score, v.In.W)), v.number(t, "auc"))
				near(t, "average precision", f(AveragePrecision(v.In.Y, v.In.Score, v.In.W)), v.number(t, "average_precision"))
			case "log_loss, brier_score_loss":
				near(t, "log-loss", f(LogLoss(v.In.Y, v.In.P, v.In.W)), v.number(t, "log_loss"))
				near(t, "Brier", f(Brier(v.In.Y, v.In.P, v.In.W)), v.number(t, "brier"))
			case "mean_pinball_loss":
				near(t, "pinball", f(Pinball(v.In.Y, v.In.Q, v.In.Alpha, v.In.W)), v.number(t, "loss"))
			case "ndcg_score":
				near(t, "NDCG", f(NDCG(v.In.Relevance, v.In.Score, int(v.In.K))), v.number(t, "ndcg"))
			case "precision_score, recall_score":
				near(t, "precision", f(PrecisionAt(v.In.Relevance, v.In.Score, int(v.In.K))), v.number(t, "precision"))
				near(t, "recall", f(RecallAt(v.In.Relevance, v.In.Score, int(v.In.K))), v.number(t, "recall"))
			case "confidenceinterval.roc_auc_score":
				low, high := of[AUCEstimate](t)(DeLong(v.In.Y, v.In.Score)).Interval(v.In.Alpha)
				within(t, "low", low, v.number(t, "low"), 1e-6)
				within(t, "high", high, v.number(t, "high"), 1e-6)
			default:
				t.Errorf("the call %q is not tested", v.Call)
			}
		})
	}
	if used["roc_auc_score, average_precision_score"] != 12 || len(used) != 6 {
		t.Errorf("cases seen: %v", used)
	}
}

func TestProfitEqualsReference(t *testing.T) {
	// Cost matrices, acquisition and curve areas of that library are not ours.
	elsewhere := []string{"auepc_score", "expected_cost_loss_churn", "cost_loss", "expected_cost_loss", "expected_log_cost_loss",
		"savings_score", "expected_savings_score", "max_profit_score", "mpa_score", "empa_score"}
	used := map[string]int{}
	for _, v := range load(t, "empc.json") {
		t.Run(v.Call+"/"+v.Name, func(t *testing.T) {
			used[v.Call]++
			offer := Offer{Alpha: v.In.Alpha, Beta: v.In.Beta, Incentive: v.In.IncentiveCost, Contact: v.In.ContactCost}
			if len(v.In.CLV) == 1 {
				offer.CLV = v.In.CLV[0]
			}
			switch {
			case v.Call == "empc_score":
				p := of[Profit](t)(EMPC(v.In.Y, v.In.Score, offer))
				within(t, "EMPC", p.PerCustomer, v.number(t, "empc"), 1e-9)
				within(t, "rate", p.Rate, v.number(t, "rate"), 1e-9)
			case v.Call == "mpc_score":
				p := of[Profit](t)(MPC(v.In.Y, v.In.Score, v.In.AcceptRate, offer))
				near(t, "MPC", p.PerCustomer, v.number(t, "mpc"))
				near(t, "rate", p.Rate, v.number(t, "rate"))
			case v.Call == "empb_score":
				o := BusinessOffer{v.In.Alpha, v.In.Beta, v.In.IncentiveFraction, v.In.ContactCost}
				p := of[Profit](t)(EMPB(v.In.Y, v.In.Score, v.In.CLV, o))
				within(t, "EMPB", p.PerCustomer, v.number(t, "per_customer"), 1e-9)
				near(t, "rate", p.Rate, v.number(t, "rate"))
				total := of[float64](t)(ProfitOfContacts(v.In.Y, v.In.Score, v.In.CLV, o, int(math.Round(p.Rate*float64(len(v.In.Y))))))
				within(t, "profit of that many contacts", total/float64(len(v.In.Y)), p.PerCustomer, 1e-12)
			case v.Call == "lift_score":
				near(t, "lift", of[float64](t)(Lift(v.In.Y, v.In.Score, v.In.Fraction)), v.number(t, "lift"))
			case !slices.Contains(elsewhere, v.Call):
				t.Errorf("the call %q is not tested", v.Call)
			}
		})
	}
	if used["empc_score"] != 16 || used["empb_score"] != 4 || used["mpc_score"] != 2 {
		t.Errorf("cases seen: %v", used)
	}
}

func TestUpliftEqualsReference(t *testing.T) {
	hillstrom := 0
	for _, v := range load(t, "uplift.json") {
		t.Run(v.Call+"/"+v.Name, func(t *testing.T) {
			switch v.Call {
			case "qini_auc_score, uplift_auc_score":
				y, u, treatment := []float64(v.In.Y), []float64(v.In.Uplift), []float64(v.In.Treatment)
				if y == nil {
					hillstrom++
					y, u, treatment = hillstromRule(t, v.Name)
				}
				q := of[Qini](t)(QiniScore(y, u, treatment))
				near(t, "Qini", q.Ratio, v.number(t, "qini_auc"))
				near(t, "area", q.Area, v.number(t, "qini_area_over_diagonal"))
				near(t, "area per n²", q.PerRowSquared, v.number(t, "qini_area_over_diagonal_per_n2"))
				near(t, "AUUC", of[float64](t)(AUUC(y, u, treatment)), v.number(t, "auuc"))
				if _, ok := v.Out["qini_x"]; !ok {
					return
				}
				sameCurve(t, of[[]UpliftPoint](t)(QiniCurve(y, u, treatment)), v, "qini")
				sameCurve(t, of[[]UpliftPoint](t)(UpliftCurve(y, u, treatment)), v, "uplift")
			case "uplift_at_k":
				near(t, "uplift", of[float64](t)(UpliftAt(v.In.Y, v.In.Uplift, v.In.Treatment, v.In.K)), v.number(t, "overall"))
			case "difference of means", "T-learner, two unpenalised logistic regressions":
				// Rooms of their own: the experiment's effect, and logistic.
			default:
				t.Errorf("the call %q is not tested", v.Call)
			}
		})
	}
	if hillstrom != 4 {
		t.Errorf("%d rules on Hillstrom, want 4", hillstrom)
	}
}

// Trials with more outcomes among the control than treated without one, and the
// other way round: the perfect order of AUUC differs.
func TestUpliftEqualsScikitUplift(t *testing.T) {
	var fewer, more int
	for _, v := range load(t, "sklift.json") {
		t.Run(v.Name, func(t *testing.T) {
			y, treatment := []float64(v.In.Y), []float64(v.In.Treatment)
			var controlYes, treatedNo int
			for i := range y {
				controlYes += int(y[i] * (1 - treatment[i]))
				treatedNo += int((1 - y[i]) * treatment[i])
			}
			if controlYes > treatedNo {
				more++
			} else {
				fewer++
			}
			near(t, "Qini", of[Qini](t)(QiniScore(y, v.In.Uplift, treatment)).Ratio, v.number(t, "qini_auc"))
			near(t, "AUUC", of[float64](t)(AUUC(y, v.In.Uplift, treatment)), v.number(t, "auuc"))
		})
	}
	if fewer < 5 || more < 5 {
		t.Errorf("%d trials of the one kind and %d of the other", fewer, more)
	}
}

func sameCurve(t *testing.T, got []UpliftPoint, v vector, name string) {
	t.Helper()
	var x, y []float64
	v.numbers(t, name+"_x", &x)
	v.numbers(t, name+"_y", &y)
	if len(got) != len(x) {
		t.Fatalf("%s curve of %d points, want %d", name, len(got), len(x))
	}
	for k, p := range got {
		near(t, name+" x", float64(p.Rows), x[k])
		near(t, name+" y", p.Value, y[k])
	}
}

// hillstromRule reads "Hillstrom ARM, all rows, one rule: COLUMN = 1".
func hillstromRule(t *testing.T, name string) (y, uplift, treatment []float64) {
	t.Helper()
	arm, rest, _ := strings.Cut(strings.TrimPrefix(name, "Hillstrom "), ",")
	_, rule, _ := strings.Cut(rest, "one rule: ")
	rule, _, _ = strings.Cut(rule, " ")
	file, err := os.Open(dataFile(t, "hillstrom/hillstrom.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(unzipped).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	segment, visit, column := slices.Index(records[0], "segment"), slices.Index(records[0], "visit"), slices.Index(records[0], rule)
	one := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	for _, r := range records[1:] {
		if r[segment] == arm || r[segment] == "No E-Mail" {
			y = append(y, one(r[visit] == "1"))
			uplift = append(uplift, one(r[column] == "1"))
			treatment = append(treatment, one(r[segment] == arm))
		}
	}
	return y, uplift, treatment
}

func dataFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(dir, "..", "shared", "data")
				break
			}
		}
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data set %s is not there: set FEALTY_DATA", name)
		}
		t.Skipf("SKIPPED: the data set %s is not there: set FEALTY_DATA to run this test", name)
	}
	return path
}

func TestDriftEqualsReference(t *testing.T) {
	psi := 0
	for _, v := range load(t, "drift.json") {
		t.Run(v.Call+"/"+v.Name, func(t *testing.T) {
			switch {
			case strings.HasPrefix(v.Call, "PSI from counts"):
				psi++
				near(t, "PSI", of[float64](t)(PSICounts(v.In.Expected, v.In.Actual, v.In.Floor)), v.number(t, "psi"))
			case strings.HasPrefix(v.Call, "PSI from values"):
				psi++
				d := of[Drift](t)(PSI(v.In.Expected, v.In.Actual, 5, 0))
				near(t, "PSI", d.PSI, v.number(t, "psi"))
				for key, got := range map[string][]float64{"edges": d.Edges, "counts_expected": d.Expected, "counts_actual": d.Actual} {
					var want []float64
					v.numbers(t, key, &want)
					if len(got) != len(want) {
						t.Fatalf("%s: %v, want %v", key, got, want)
					}
					for k := range got {
						near(t, key, got[k], want[k])
					}
				}
			case strings.HasPrefix(v.Call, "ks_2samp"):
				near(t, "KS", of[float64](t)(KolmogorovSmirnov(v.In.A, v.In.B)), v.number(t, "ks"))
			case strings.HasPrefix(v.Call, "jensenshannon"), strings.HasPrefix(v.Call, "chi2_contingency"):
				// Not offered by this package.
			default:
				t.Errorf("the call %q is not tested", v.Call)
			}
		})
	}
	if psi != 5 {
		t.Errorf("%d PSI cases, want 5", psi)
	}
	if _, err := PSICounts([]float64{1, 0}, []float64{1, 1}, 0); !errors.Is(err, ErrUndefined) {
		t.Errorf("an empty bin without a floor: %v", err)
	}
}
