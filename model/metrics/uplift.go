package metrics

import "fmt"

// UpliftPoint is one point of a Qini or uplift curve.
type UpliftPoint struct {
	// Rows is how many rows, highest predicted uplift first, are treated.
	Rows int
	// Value is the number of outcomes gained by it.
	Value float64
}

// arms counts rows and outcomes of the treated and the control.
type arms struct{ treated, control, treatedYes, controlYes float64 } //nolint:recvcheck // curves take the formulas as functions of a value; only add changes one

func (a arms) qini() float64 {
	if a.control == 0 {
		return a.treatedYes
	}
	return a.treatedYes - a.controlYes*a.treated/a.control
}

func (a arms) uplift() float64 { return a.rateDifference() * (a.treated + a.control) }

// rateDifference counts the rate of an arm without rows as 0.
func (a arms) rateDifference() float64 {
	var d float64
	if a.treated > 0 {
		d = a.treatedYes / a.treated
	}
	if a.control > 0 {
		d -= a.controlYes / a.control
	}
	return d
}

func checkUplift(y, uplift, treatment []float64) error {
	if err := checkScored(y, uplift, nil); err != nil {
		return err
	}
	if len(treatment) != len(y) {
		return fmt.Errorf("%w: %d values of treatment for %d rows", ErrInput, len(treatment), len(y))
	}
	if err := checkBinary("treatment", treatment); err != nil {
		return err
	}
	if _, _, err := classes(treatment); err != nil {
		return fmt.Errorf("treatment: %w", err)
	}
	return nil
}

func upliftCurve(y, uplift, treatment []float64, value func(arms) float64) []UpliftPoint {
	points := []UpliftPoint{{}}
	var a arms
	rows := 0
	for group := range groups(uplift) {
		for _, i := range group {
			a.add(y[i], treatment[i], 1)
		}
		rows += len(group)
		points = append(points, UpliftPoint{rows, value(a)})
	}
	return points
}

func (a *arms) add(y, treatment, share float64) {
	if treatment == 1 {
		a.treated += share
		a.treatedYes += share * y
	} else {
		a.control += share
		a.controlYes += share * y
	}
}

// QiniCurve returns the outcomes gained among the treated over what the control
// leads one to expect, Yt − Yc·Nt/Nc, one point per distinct uplift after the
// origin (Radcliffe, Direct Marketing Analytics Journal 2007). treatment is 1
// for the treated, 0 for the control; both must occur.
func QiniCurve(y, uplift, treatment []float64) ([]UpliftPoint, error) {
	if err := checkUplift(y, uplift, treatment); err != nil {
		return nil, err
	}
	return upliftCurve(y, uplift, treatment, arms.qini), nil
}

// UpliftCurve returns (Yt/Nt − Yc/Nc)·(Nt + Nc), one point per distinct uplift
// after the origin; the rate of an arm without rows is 0 (Gutierrez and Gérardy,
// PMLR 67 (2017) 1–13).
func UpliftCurve(y, uplift, treatment []float64) ([]UpliftPoint, error) {
	if err := checkUplift(y, uplift, treatment); err != nil {
		return nil, err
	}
	return upliftCurve(y, uplift, treatment, arms.uplift), nil
}

// overDiagonal is the trapezoid area between a curve and its diagonal.
func overDiagonal(points []UpliftPoint) float64 {
	var area float64
	for k := 1; k < len(points); k++ {
		a, b := points[k-1], points[k]
		area += float64(b.Rows-a.Rows) * (a.Value + b.Value) / 2
	}
	last := points[len(points)-1]
	return area - float64(last.Rows)*last.Value/2
}

// Qini is the area between Qini curve and diagonal.
type Qini struct {
	// Ratio is Area ÷ the area of the perfect order, in which treated outcomes
	// come first and control outcomes last: 1 is perfect, 0 random, below 0
	// worse. It is scikit-uplift's qini_auc_score with negative effects.
	Ratio float64
	// Area is in outcomes × rows; PerRowSquared is Area ÷ rows².
	Area, PerRowSquared float64
}

// QiniScore returns the Qini coefficient. ErrUndefined if even the perfect
// order has no area.
func QiniScore(y, uplift, treatment []float64) (Qini, error) {
	curve, err := QiniCurve(y, uplift, treatment)
	if err != nil {
		return Qini{}, err
	}
	perfect := make([]float64, len(y))
	for i := range y {
		perfect[i] = y[i]*treatment[i] - y[i]*(1-treatment[i])
	}
	best := overDiagonal(upliftCurve(y, perfect, treatment, arms.qini))
	if best == 0 {
		return Qini{}, fmt.Errorf("%w: the perfect Qini curve has no area", ErrUndefined)
	}
	area, n := overDiagonal(curve), float64(len(y))
	return Qini{Ratio: area / best, Area: area, PerRowSquared: area / n / n}, nil
}

// AUUC returns the area between uplift curve and diagonal ÷ that of the perfect
// order, as scikit-uplift's uplift_auc_score does. ErrUndefined if the perfect
// order has no area.
func AUUC(y, uplift, treatment []float64) (float64, error) {
	curve, err := UpliftCurve(y, uplift, treatment)
	if err != nil {
		return 0, err
	}
	// The perfect order of that library: rows whose outcome equals their
	// treatment first, then treated without outcome or control with it,
	// whichever there are fewer of last.
	var controlYes, treatedNo int
	for i := range y {
		switch {
		case y[i] == 1 && treatment[i] == 0:
			controlYes++
		case y[i] == 0 && treatment[i] == 1:
			treatedNo++
		}
	}
	perfect := make([]float64, len(y))
	for i := range y {
		if y[i] == treatment[i] {
			perfect[i] = 2
		}
		if controlYes > treatedNo {
			perfect[i] += y[i]
		} else {
			perfect[i] += treatment[i]
		}
	}
	best := overDiagonal(upliftCurve(y, perfect, treatment, arms.uplift))
	if best == 0 {
		return 0, fmt.Errorf("%w: the perfect uplift curve has no area", ErrUndefined)
	}
	return overDiagonal(curve) / best, nil
}

// UpliftAt returns the difference of outcome rates between treated and control
// among the floor(fraction·n) rows of highest predicted uplift, fraction in
// (0,1]. ErrUndefined if an arm has no row there.
func UpliftAt(y, uplift, treatment []float64, fraction float64) (float64, error) {
	if err := checkUplift(y, uplift, treatment); err != nil {
		return 0, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return 0, fmt.Errorf("%w: the fraction is %v, want above 0 and at most 1", ErrInput, fraction)
	}
	left := int(fraction*float64(len(y)) + 1e-9)
	var a arms
	for group := range groups(uplift) {
		share := float64(min(left, len(group))) / float64(len(group))
		for _, i := range group {
			a.add(y[i], treatment[i], share)
		}
		if left -= len(group); left <= 0 {
			break
		}
	}
	if a.treated == 0 || a.control == 0 {
		return 0, fmt.Errorf("%w: among the first %v there are %v treated and %v control rows", ErrUndefined, fraction, a.treated, a.control)
	}
	return a.rateDifference(), nil
}
