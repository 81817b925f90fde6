package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"strings"
	"testing"

	"fealty/model"
	"fealty/serving"
)

// past is a replay of n counted months and one without an outcome.
func past(n int) *serving.HindsightResult {
	r := &serving.HindsightResult{Currency: "EUR", Counted: n}
	for i := range n {
		m := serving.HindsightMonth{Month: fmt.Sprintf("20%02d-%02d-28", 20+i/12, 1+i%12), State: serving.MonthCounted}
		m.Lost, m.Reached, m.Missed, m.Bothered = 10+i, 4, 6+i, i
		m.SpendLost, m.SpendReached, m.BotheredPerReached = model.Figure(1000*(i+1)), 300, model.Figure(i)/4
		r.Months = append(r.Months, m)
	}
	r.Months = append(r.Months, serving.HindsightMonth{Month: "2031-12-31", State: serving.MonthNotFinal})
	r.Total = serving.HindsightSums{Lost: 10 * n, Reached: 4 * n, WeeksAhead: 6.9}
	return r
}

func TestChartOfHindsight(t *testing.T) {
	one, none := past(1), past(3)
	for i := range none.Months { // nobody was lost, nobody bothered
		none.Months[i].HindsightSums = serving.HindsightSums{BotheredPerReached: model.Figure(math.NaN())}
	}
	none.Total = serving.HindsightSums{WeeksAhead: model.Figure(math.NaN())}
	for name, c := range map[string]struct {
		result *serving.HindsightResult
		words  []string
	}{
		"a year":    {past(12), []string{"48 of 120 lost accounts", "6.9 weeks ahead", "EUR", "2020-01", "2020-12", "missed", "2.5", "10,000"}},
		"one month": {one, []string{"4 of 10", "2020-01"}},
		"nothing":   {none, []string{"0 of 0"}},
		"ten years": {past(120), []string{"2020-01", "2029-"}},
	} {
		english, err := wordsOfChart("en", ".png")
		if err != nil {
			t.Fatal(err)
		}
		var picture, text bytes.Buffer
		if err := drawHindsight(&picture, ".png", &english, c.result); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if image, err := png.Decode(&picture); err != nil || image.Bounds().Dx() < 1000 || image.Bounds().Dy() < 700 {
			t.Errorf("%s: the picture has %v (%v)", name, image.Bounds(), err)
		}
		if err := drawHindsight(&text, ".svg", &english, c.result); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, words := range c.words {
			if !strings.Contains(text.String(), words) {
				t.Errorf("%s: the drawing lacks %q", name, words)
			}
		}
		for _, words := range []string{"2031-12", "NaN", "Inf"} {
			if strings.Contains(text.String(), words) {
				t.Errorf("%s: the drawing has %q", name, words)
			}
		}
	}
}

func TestChineseChartOfHindsight(t *testing.T) {
	chinese, err := wordsOfChart("zh", ".svg")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := drawHindsight(&text, ".svg", &chinese, past(12)); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"120 个流失客户中有 48 个", "6.9 周", "EUR", "流失，漏掉", "首个及时的时点", "2020-12"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("the drawing lacks %q", words)
		}
	}
	for _, words := range []string{"flagged", "missed", "accounts", "{"} {
		if strings.Contains(text.String(), words) {
			t.Errorf("the drawing has %q", words)
		}
	}
	for language, format := range map[string]string{"zh": ".png", "de": ".svg"} {
		if _, err := wordsOfChart(language, format); !errors.Is(err, serving.ErrInvalid) {
			t.Errorf("%s in %s: %v", language, format, err)
		}
	}
}

func TestChartFormats(t *testing.T) {
	for path, want := range map[string]string{"a.png": ".png", "b/C.SVG": ".svg", "a.pdf": "", "png": "", "-": ""} {
		got, err := chartFormat(path)
		if got != want || (want == "") != errors.Is(err, serving.ErrInvalid) {
			t.Errorf("%s: %q (%v), want %q", path, got, err, want)
		}
	}
}
