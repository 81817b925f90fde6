package logistic

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Term says which part of a feature a coefficient belongs to.
type Term string

// The terms.
const (
	// TermValue is the slope of a number, per standard deviation.
	TermValue Term = "value"
	// TermMissing is the shift when the value is missing.
	TermMissing Term = "missing"
	// TermLevel is the shift of one level of a category.
	TermLevel Term = "level"
	// TermOther is the shift shared by the levels too rare for their own.
	TermOther Term = "other"
)

// Coefficient is one fitted number with its uncertainty, in log-odds.
type Coefficient struct {
	// Feature is the column, Level the level where Term is TermLevel.
	Feature, Level string
	Term           Term
	// Transform is what happens to a number before it is standardised, Identity or
	// Log1p; Unit is that of the logarithm, 0 for Identity.
	Transform Transform
	Unit      float64
	// Estimate is in log-odds: for TermValue per standard deviation of the
	// transformed number, for the other terms against an unmarked row.
	Estimate float64
	// StandardError is that of the shrunk estimate; see the package comment.
	StandardError float64
	// Scale is the standard deviation that Estimate refers to; 1 for marks.
	Scale float64
	// Share is the weighted share of training rows with the mark; 0 for TermValue.
	Share float64
}

// OddsRatio returns exp(Estimate): by how much the odds of churn multiply per
// standard deviation, or with the mark.
func (c Coefficient) OddsRatio() float64 { return math.Exp(c.Estimate) }

// PerUnit returns the log-odds per unit of the transformed number, and its
// standard error.
func (c Coefficient) PerUnit() (estimate, standardError float64) {
	return c.Estimate / c.Scale, c.StandardError / c.Scale
}

// OddsRatioInterval returns the Wald interval of OddsRatio at confidence, a
// share such as 0.95; it panics if confidence is not strictly between 0 and 1.
func (c Coefficient) OddsRatioInterval(confidence float64) (low, high float64) {
	if !(confidence > 0 && confidence < 1) {
		panic("logistic: a confidence lies strictly between 0 and 1")
	}
	z := distuv.UnitNormal.Quantile((1 + confidence) / 2)
	return math.Exp(c.Estimate - z*c.StandardError), math.Exp(c.Estimate + z*c.StandardError)
}

// Coefficients returns every fitted coefficient but the base, feature by
// feature. A feature that did not vary in training has none.
func (m *Model) Coefficients() []Coefficient {
	var all []Coefficient
	for k := range m.content.Features {
		t := &m.content.Features[k]
		if t.Value != nil {
			all = append(all, Coefficient{Feature: t.Name, Term: TermValue, Transform: t.shape.transform, Unit: t.shape.unit,
				Estimate: t.Value.Estimate, StandardError: t.Value.StandardError, Scale: t.Scale})
		}
		mark := func(part Term, level string, v term) {
			all = append(all, Coefficient{Feature: t.Name, Level: level, Term: part, Transform: Identity,
				Estimate: v.Estimate, StandardError: v.StandardError, Scale: 1, Share: v.Share})
		}
		if t.Missing != nil {
			mark(TermMissing, "", *t.Missing)
		}
		for j := range t.Levels {
			mark(TermLevel, t.Levels[j].Name, t.Levels[j].term)
		}
		if t.Other != nil {
			mark(TermOther, "", *t.Other)
		}
	}
	return all
}

// BaseCoefficient returns the base with its standard error.
func (m *Model) BaseCoefficient() (estimate, standardError float64) {
	return m.content.Base, m.content.BaseStandardError
}
