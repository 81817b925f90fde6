package store

import (
	"encoding/json"
	"fmt"
	"math"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"
)

// columns is a table under construction: columns of one kind each, by name.
type columns struct {
	table frame.Table
	rows  int
}

// column describes one column of a table.
type column struct {
	name string
	kind frame.Kind
}

func newColumns(of ...column) *columns {
	c := &columns{}
	for _, o := range of {
		c.table.Columns = append(c.table.Columns, frame.Column{Meta: frame.Meta{Name: o.name}, Kind: o.kind})
	}
	return c
}

// scoreColumns are written_scores', in its order.
func scoreColumns() *columns {
	const text, number = frame.Text, frame.Number
	return newColumns(
		column{"run_id", text}, column{"account", text}, column{"name", text}, column{"segment", text}, column{"region", text},
		column{"manager", text}, column{"unscorable", text}, column{"margin", number}, column{"base", number},
		column{"probability", number}, column{"percentile", number}, column{"band", text}, column{"stage", text},
		column{"value_at_risk", number}, column{"run_rate", number}, column{"change_probability", number},
		column{"change_previous_cutoff", frame.Time}, column{"model_changed", frame.Integer}, column{"up", text},
		column{"down", text}, column{"row_hash", text},
	)
}

func featureRowColumns() *columns {
	return newColumns(column{"run_id", frame.Text}, column{"account", frame.Text}, column{"cutoff", frame.Time},
		column{"status", frame.Text}, column{"first_purchase", frame.Time}, column{"last_purchase", frame.Time})
}

func featureValueColumns() *columns {
	return newColumns(column{"run_id", frame.Text}, column{"account", frame.Text}, column{"cutoff", frame.Time},
		column{"feature", frame.Text}, column{"value", frame.Number})
}

// line appends one row to a table and to its digest, a column after the other.
// The run's id is not part of the digest: it is what the rows are asked for by.
type line struct {
	c  *columns
	d  *digest
	at int
}

func (c *columns) line(run string, d *digest) line {
	c.table.Columns[0].Texts = append(c.table.Columns[0].Texts, run)
	return line{c, d, 1}
}

func (l *line) next() *frame.Column {
	l.at++
	return &l.c.table.Columns[l.at-1]
}

func (l *line) text(s string) {
	c := l.next()
	c.Texts = append(c.Texts, s)
	l.d.text(s)
}

func (l *line) number(v float64) {
	c := l.next()
	c.Numbers = append(c.Numbers, v)
	l.d.number(v)
}

func (l *line) whole(v int64, missing bool) {
	c := l.next()
	c.Integers = append(c.Integers, v)
	if c.Kind == frame.Time {
		c.Null = append(c.Null, missing)
	}
	l.d.whole(v, missing)
}

func (l *line) end() {
	l.c.rows++
	l.d.end()
}

// reset forgets the rows and keeps the memory.
func (c *columns) reset() {
	c.rows = 0
	for i := range c.table.Columns {
		to := &c.table.Columns[i]
		to.Texts, to.Numbers, to.Integers, to.Null = to.Texts[:0], to.Numbers[:0], to.Integers[:0], to.Null[:0]
		if to.Kind != frame.Time {
			to.Null = nil
		}
	}
}

// addScore appends a score. What a table can't keep exactly is refused: a
// number that is infinite, a reason without a number, a receipt of another run.
func (c *columns) addScore(s *score.Score, r *serving.Run, d *digest) error {
	if s.Account == "" {
		return fmt.Errorf("a score has no account: %w", serving.ErrInvalid)
	}
	if err := agrees(s, r); err != nil {
		return fmt.Errorf("the score of account %q: %w", s.Account, err)
	}
	up, err := reasonsText(s.Up)
	if err != nil {
		return fmt.Errorf("the reasons of account %q: %w", s.Account, err)
	}
	down, err := reasonsText(s.Down)
	if err != nil {
		return fmt.Errorf("the reasons of account %q: %w", s.Account, err)
	}
	change, since, changed := math.NaN(), int64(0), int64(0)
	if s.Change != nil {
		change, since = s.Change.Probability, int64(s.Change.Previous)
		if s.Change.ModelChanged {
			changed = 1
		}
	}
	l := c.line(r.ID, d)
	for _, text := range []string{string(s.Account), s.Name, s.Segment, s.Region, s.Manager, s.Unscorable} {
		l.text(text)
	}
	for _, number := range []float64{s.Margin, s.Base, s.Probability, s.Percentile} {
		l.number(number)
	}
	l.text(string(s.Band))
	l.text(string(s.Stage))
	l.number(s.ValueAtRisk)
	l.number(s.RunRate)
	l.number(change)
	l.whole(since, s.Change == nil)
	l.whole(changed, false)
	l.text(up)
	l.text(down)
	l.text(s.Receipt.RowHash)
	l.end()
	return nil
}

// agrees refuses a receipt that says something else than its run, because only
// the run's is kept. An empty receipt says nothing.
func agrees(s *score.Score, r *serving.Run) error {
	own := s.Receipt
	own.RowHash, own.WorthHash = "", "" // the account's own; a worth keeps its hash itself
	if own != (score.Receipt{}) && own != r.Receipt() {
		return fmt.Errorf("its receipt says %+v and its run %+v: %w", own, r.Receipt(), serving.ErrInvalid)
	}
	return nil
}

func reasonsText(reasons []score.Reason) (string, error) {
	if len(reasons) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(reasons) // the shortest text that reads back to the same bits
	return string(raw), err
}

func readReasons(text string) (reasons []score.Reason, err error) {
	if text == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(text), &reasons)
	return reasons, err
}

// scoresOf reads a block of scores.sql. The scores own nothing of the block but
// their texts, which the engine does not use again.
func scoresOf(t *frame.Table, r *serving.Run) ([]score.Score, error) {
	all := make([]score.Score, t.Rows())
	whole := r.Receipt()
	text := func(name string, put func(s *score.Score, v string)) {
		for i, v := range t.Column(name).Texts {
			put(&all[i], v)
		}
	}
	number := func(name string, put func(s *score.Score, v float64)) {
		for i, v := range t.Column(name).Numbers {
			put(&all[i], v)
		}
	}
	text("account", func(s *score.Score, v string) { s.Account, s.Receipt = frame.AccountID(v), whole })
	text("name", func(s *score.Score, v string) { s.Name = v })
	text("segment", func(s *score.Score, v string) { s.Segment = v })
	text("region", func(s *score.Score, v string) { s.Region = v })
	text("manager", func(s *score.Score, v string) { s.Manager = v })
	text("unscorable", func(s *score.Score, v string) { s.Unscorable = v })
	number("margin", func(s *score.Score, v float64) { s.Margin = v })
	number("base", func(s *score.Score, v float64) { s.Base = v })
	number("probability", func(s *score.Score, v float64) { s.Probability = v })
	number("percentile", func(s *score.Score, v float64) { s.Percentile = v })
	text("band", func(s *score.Score, v string) { s.Band = score.Band(v) })
	text("stage", func(s *score.Score, v string) { s.Stage = score.Stage(v) })
	number("value_at_risk", func(s *score.Score, v float64) { s.ValueAtRisk = v })
	number("run_rate", func(s *score.Score, v float64) { s.RunRate = v })
	text("row_hash", func(s *score.Score, v string) { s.Receipt.RowHash = v })
	since, change, changed := t.Column("change_previous_cutoff"), t.Column("change_probability"), t.Column("model_changed")
	up, down := t.Column("up"), t.Column("down")
	for i := range all {
		s := &all[i]
		if !since.IsNull(i) {
			s.Change = &score.Change{Probability: change.Numbers[i], Previous: frame.Cutoff(since.Integers[i]), ModelChanged: changed.Integers[i] != 0}
		}
		var err error
		if s.Up, err = readReasons(up.Texts[i]); err == nil {
			s.Down, err = readReasons(down.Texts[i])
		}
		if err != nil {
			return nil, fmt.Errorf("the reasons of account %q: %w", s.Account, err)
		}
	}
	return all, nil
}

// addRow appends what is known of row i of a slice beside its features.
func (c *columns) addRow(s *features.Slice, i int, run string, d *digest) {
	l := c.line(run, d)
	l.text(string(s.Frame.Accounts[i]))
	l.whole(int64(s.Frame.Cutoffs[i]), false)
	l.text(s.Status[i].String())
	l.whole(s.FirstPurchase[i], s.FirstPurchase[i] == 0)
	l.whole(s.LastPurchase[i], s.LastPurchase[i] == 0)
	l.end()
}

// addValue appends row i's value of one feature; a missing one is kept as such.
func (c *columns) addValue(s *features.Slice, i int, f *frame.Column, run string, d *digest) {
	l := c.line(run, d)
	l.text(string(s.Frame.Accounts[i]))
	l.whole(int64(s.Frame.Cutoffs[i]), false)
	l.text(f.Name)
	l.number(f.Numbers[i])
	l.end()
}
