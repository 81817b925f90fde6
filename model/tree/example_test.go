package tree_test

import (
	"bytes"
	"fmt"
	"log"
	"math"
	"os"

	"fealty/features/frame"
	"fealty/model/tree"
)

// A model of LightGBM predicts a frame; columns are found by name.
func ExampleRead() {
	text, err := os.ReadFile("testdata/lightgbm-tiny-numeric.txt")
	if err != nil {
		log.Fatal(err)
	}
	e, err := tree.Read(bytes.NewReader(text), 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	f := &frame.Frame{Accounts: []frame.AccountID{"a1", "a2"}, Cutoffs: make([]frame.Cutoff, 2)}
	for _, name := range e.Features() {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: []float64{1, math.NaN()}})
	}
	margins := make([]float64, f.Rows())
	if err := e.Predict(f, margins); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d trees, margins %.4f\n", e.Objective(), e.Len(), margins)
	// Output: binary sigmoid:1: 3 trees, margins [0.9693 0.0036]
}

// A model of XGBoost keeps sums of hessians instead of counts.
func ExampleReadXGBoost() {
	text, err := os.ReadFile("testdata/xgboost-3.2.0-logistic.json")
	if err != nil {
		log.Fatal(err)
	}
	e, err := tree.ReadXGBoost(bytes.NewReader(text), 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Objective(), e.Features(), e.Cover() == tree.CoverWeight)
	fmt.Printf("%.4f\n", e.Margin([]float64{-0.5, 1, 3, 7}))
	// Output:
	// binary sigmoid:1 [recency spend orders segment] true
	// -0.4566
}

// A stump: new customers with one order leave.
func ExampleNew() {
	e, err := tree.New(tree.Header{
		Objective: "binary sigmoid:1",
		Features:  []tree.Feature{{Name: "orders", Info: "[1:40]"}},
	}, []tree.Tree{{
		Feature: []int32{0}, Threshold: []float64{1}, Decision: []tree.Decision{tree.NumericDecision(tree.MissingNaN, true)},
		Left: []int32{^0}, Right: []int32{^1}, Codes: [][]uint32{nil},
		Gain: []float64{12}, Value: []float64{0}, Weight: []float64{25}, Count: []int64{100},
		LeafValue: []float64{0.8, -0.6}, LeafWeight: []float64{10, 15}, LeafCount: []int64{40, 60}, Shrinkage: 1,
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Margin([]float64{1}), e.Margin([]float64{5}), e.Margin([]float64{math.NaN()}))
	// Output: 0.8 -0.6 0.8
}
