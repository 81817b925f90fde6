package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

func assessed(t *testing.T, e clickhouse.Engine, r features.Request) string {
	t.Helper()
	all, err := clickhouse.Assessed(t.Context(), e, r)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(all))
	for i, a := range all {
		lines[i] = fmt.Sprintf("%s %s %s %v/%v %s %s %s", a.Cutoff.Time().Format("01-02"), a.Account, a.Item, a.Value, a.Scale, a.Kind, a.Author, a.Comment)
		if !math.IsNaN(a.Expectation) {
			lines[i] += fmt.Sprintf(" expected %v", a.Expectation)
		}
	}
	return strings.Join(lines, "\n")
}

// twice answers as two hosts do: after all that is known the first load comes alone.
type twice struct{ clickhouse.Engine }

func (e twice) Query(ctx context.Context, sql string, params clickhouse.Params, each func(*frame.Table) error) error {
	if err := e.Engine.Query(ctx, sql, params, each); err != nil || !strings.Contains(sql, "Question: what do the accounts say of us") {
		return err
	}
	params = maps.Clone(params)
	params["watermark"] = uint64(1)
	return e.Engine.Query(ctx, sql, params, each)
}

// Of each item the newest answer counts, of each answer the version known last; what
// came later, or was recorded later, changes nothing; accounts that are one speak
// together.
func TestTheNewestAnswerOfAnItemCounts(t *testing.T) {
	w := migrated(t)
	const header = "id,account,item,value,scale,expectation,kind,author,comment,at,recorded_at\n"
	loaded(t, w, into("assessments"), csv(t, "assessments", header+strings.Join([]string{
		"1,a,trust,6,10,8,survey,,,2024-01-10,2024-01-20",
		"2,a,trust,9,10,,survey,,,2024-02-10,2024-02-10",
		"3,a,loyalty,70,,,judgement,Li,stays,2024-01-05,2024-01-05",
		"4,a,learning,-1200.5,,,judgement,Wang,costs more,2024-01-05,2024-03-05",
		"5,old,money,2,5,,survey,,,2024-01-06,2024-01-06",
		"6,new,money,4,5,,survey,,,2024-01-05,2024-01-05",
	}, "\n")))
	corrected := into("assessments")
	corrected.Correct = true
	loaded(t, w, corrected, csv(t, "assessments", header+"3,a,loyalty,40,,,judgement,Li,I was wrong,2024-01-05,2024-02-20"))
	loaded(t, w, into("account_links"), csv(t, "account_links", "account,other,kind,since\nold,new,renamed,2024-02-01"))
	cutoffs := []string{"2024-01-10", "2024-01-25", "2024-02-25", "2024-03-10"}
	got := assessed(t, w, request(cutoffs...))
	want := `01-10 a loyalty 70/0 judgement Li stays
01-25 a loyalty 70/0 judgement Li stays
01-25 a trust 6/10 survey   expected 8
02-25 a loyalty 40/0 judgement Li I was wrong
02-25 a trust 9/10 survey  
03-10 a learning -1200.5/0 judgement Wang costs more
03-10 a loyalty 40/0 judgement Li I was wrong
03-10 a trust 9/10 survey  
01-10 new money 4/5 survey  
01-25 new money 4/5 survey  
02-25 new money 2/5 survey  
03-10 new money 2/5 survey  
01-10 old money 2/5 survey  
01-25 old money 2/5 survey  `
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	apart := request(cutoffs...)
	apart.SliceAccounts = 1
	if diff := cmp.Diff(want, assessed(t, w, apart)); diff != "" {
		t.Errorf("account by account (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, assessed(t, twice{w}, request(cutoffs...))); diff != "" {
		t.Errorf("what is older wins when it is read last (-want +got):\n%s", diff)
	}
}

// faultyAssessments are rows behind id and account, with what an import says of them.
var faultyAssessments = map[string]string{
	"joy,5,10,,survey,,":            `column "item": "joy" is none of emotional, trust`,
	"trust,5,10,,guess,,":           `column "kind": "guess" is none of survey, judgement`,
	"trust,5,,,survey,,":            `column "scale": 0 is no scale`,
	"trust,11,10,,survey,,":         `column "value": 11 lies outside the scale 0 … 10`,
	"trust,-1,10,,survey,,":         `column "value": -1 lies outside the scale`,
	"trust,5,10,12,survey,,":        `column "expectation": 12 lies outside the scale`,
	"loyalty,101,,,judgement,Li,x":  `column "value": 101 lies outside the scale 0 … 100`,
	"loyalty,50,,,survey,Li,x":      `column "kind": loyalty is judged`,
	"learning,5,10,,judgement,Li,x": `column "scale": learning is an amount`,
	"trust,5,10,,judgement,,x":      `column "author": it is missing`,
	"trust,5,10,,judgement,Li,":     `column "comment": it is missing`,
	// Space of any script says nothing.
	"trust,5,10,,judgement,\u3000\t,x":          `column "author": it is missing`,
	"trust,5,10,,judgement,Li,\u00a0\v":         `column "comment": it is missing`,
	"trust,5,10000000000000,,survey,,":          `column "scale": 1e+13 is no scale`,
	"learning,-10000000000000,,,judgement,Li,x": `column "value": -1e+13 lies outside`,
}

func TestAssessmentsThatSayNothingAreRefused(t *testing.T) {
	w := migrated(t)
	const header = "id,account,item,value,scale,expectation,kind,author,comment,at\n"
	const good = "1,a,trust,5,10,10,survey,,,2024-01-01\n2,a,learning,-5,,,judgement,Li,why,2024-01-01\n3,a,loyalty,100,,,judgement,Li,why,2024-01-01\n"
	number := func(s string, missing float64) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return missing
		}
		return v
	}
	var rows []string
	for row, want := range faultyAssessments {
		c := strings.Split(row, ",")
		a := features.Assessment{Item: c[0], Value: number(c[1], 0), Scale: number(c[2], 0), Expectation: number(c[3], math.NaN()), Kind: c[4], Author: c[5], Comment: c[6]}
		if column, fault := a.Fault(); !strings.HasPrefix(fmt.Sprintf("column %q: %s", column, fault), want) {
			t.Errorf("%q: %s %s", row, column, fault)
		}
		rows = append(rows, row)
	}
	_, err := w.Load(t.Context(), into("assessments"), csv(t, "assessments", header+good+"4,a,"+rows[0]+",2024-01-01"), nil)
	if want := "row 4, " + faultyAssessments[rows[0]]; !errors.Is(err, clickhouse.ErrBadRow) || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: %v", rows[0], err)
	}
	// From a mapped source they count as not said, and the check of the data counts them.
	load := loaded(t, w, into("assessments"), csv(t, "assessments", header+good)).Load
	var values []string
	for i, row := range rows {
		c := strings.Split(row, ",")
		for k := range c {
			c[k] = "'" + c[k] + "'"
		}
		values = append(values, fmt.Sprintf("SELECT 'f%d', 'b', %s, toDecimal64(%s, 4), toDecimal64OrNull(%s, 4), toDecimal64OrNull(%s, 4), %s, toDateTime('2024-01-01', 'UTC') AS t, t, %d, 'import'",
			i, c[0], c[1], c[2], c[3], strings.Join(c[4:], ", "), load))
	}
	execute(t, w, "INSERT INTO imported_assessments (id, account, item, value, scale, expectation, kind, author, comment, at, recorded_at, load, source) "+strings.Join(values, " UNION ALL "))
	if got := assessed(t, w, request("2024-02-01")); strings.Count(got, "\n") != 2 || strings.Contains(got, " b ") {
		t.Errorf("read as said:\n%s", got)
	}
	all, err := w.Inspect(t.Context(), features.Inspection{Now: at("2025-01-01"), Watermark: load})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(len(rows))
	if !slices.Contains(all, features.Measurement{Check: "assessment", Table: "assessments", Column: "value", Source: "import", Count: n, Total: n + 3, Detail: "f0, f1, f10"}) {
		t.Errorf("not all %d of %d are said to say nothing: %+v", n, n+3, all)
	}
}

func TestAssessingTwiceChangesNothing(t *testing.T) {
	w := migrated(t)
	a := features.Assessment{
		Account: "a", Item: features.AssessedLoyalty, Value: 80, Expectation: math.NaN(), Kind: features.Judgement, Author: "Li", Comment: "signs for years",
		At: at("2024-03-01"), Recorded: at("2024-03-02"),
	}
	first, err := w.Assess(t.Context(), a)
	if err != nil || first.Rows != 1 {
		t.Fatalf("%+v %v", first, err)
	}
	if again, err := w.Assess(t.Context(), a); err != nil || !again.Already {
		t.Errorf("the same again: %+v %v", again, err)
	}
	a.Value, a.Comment, a.At, a.Recorded = 30, "looks elsewhere", at("2024-04-01"), at("2024-04-01")
	if _, err := w.Assess(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	got := assessed(t, w, request("2024-03-02", "2024-03-03", "2024-04-02"))
	if want := "03-02 a loyalty 80/0 judgement Li signs for years\n03-03 a loyalty 80/0 judgement Li signs for years\n04-02 a loyalty 30/0 judgement Li looks elsewhere"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	a.Comment = ""
	if _, err := w.Assess(t.Context(), a); !errors.Is(err, features.ErrBadRequest) || !strings.Contains(err.Error(), "comment") {
		t.Errorf("without a comment: %v", err)
	}
}
