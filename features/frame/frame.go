package frame

import "fmt"

// Table is a set of named columns of equal length. It carries facts (order
// lines, interactions) between files, the warehouse and the rooms above.
type Table struct {
	Columns []Column
}

// Rows returns the number of rows: the length of the first column.
func (t *Table) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return t.Columns[0].Len()
}

// Column returns the column of that name, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// Names returns the column names in order.
func (t *Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return names
}

// Check verifies every column, equal lengths and unique names.
func (t *Table) Check() error {
	seen := make(map[string]bool, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		if err := c.Check(); err != nil {
			return err
		}
		if seen[c.Name] {
			return fmt.Errorf("column %q stands twice", c.Name)
		}
		seen[c.Name] = true
		if c.Len() != t.Rows() {
			return fmt.Errorf("column %q has %d rows, column %q has %d", c.Name, c.Len(), t.Columns[0].Name, t.Rows())
		}
	}
	return nil
}

// Slice returns rows [from, to), sharing memory.
func (t *Table) Slice(from, to int) Table {
	s := Table{Columns: make([]Column, len(t.Columns))}
	for i := range t.Columns {
		s.Columns[i] = t.Columns[i].Slice(from, to)
	}
	return s
}

// Frame is what learners see: one row per account × cutoff, Number and
// Category columns only. Accounts, Cutoffs and every column have the same
// length. A frame is read-only once handed on and safe for concurrent readers.
type Frame struct {
	Table
	Accounts []AccountID
	Cutoffs  []Cutoff
}

// Rows returns the number of account × cutoff rows.
func (f *Frame) Rows() int { return len(f.Accounts) }

// Check verifies the frame: lengths, names, kinds, no infinities.
func (f *Frame) Check() error {
	if len(f.Cutoffs) != len(f.Accounts) {
		return fmt.Errorf("frame has %d cutoffs for %d accounts", len(f.Cutoffs), len(f.Accounts))
	}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Kind != Number && c.Kind != Category {
			return fmt.Errorf("column %q is %s; a frame holds numbers and categories", c.Name, c.Kind)
		}
		if c.Len() != f.Rows() {
			return fmt.Errorf("column %q has %d rows, the frame %d", c.Name, c.Len(), f.Rows())
		}
	}
	return f.Table.Check()
}

// Take returns the rows at index, copied.
func (f *Frame) Take(index []int) *Frame {
	g := &Frame{Accounts: take(f.Accounts, index), Cutoffs: take(f.Cutoffs, index)}
	g.Columns = make([]Column, len(f.Columns))
	for i := range f.Columns {
		g.Columns[i] = f.Columns[i].Take(index)
	}
	return g
}

// Select returns the named columns in that order, sharing memory. A name that
// the frame lacks is an error that says what was expected and what stands there.
func (f *Frame) Select(names []string) (*Frame, error) {
	g := &Frame{Accounts: f.Accounts, Cutoffs: f.Cutoffs, Table: Table{Columns: make([]Column, len(names))}}
	at := make(map[string]int, len(f.Columns))
	for i := range f.Columns {
		at[f.Columns[i].Name] = i
	}
	for k, name := range names {
		i, ok := at[name]
		if !ok {
			found := "nothing"
			if k < len(f.Columns) {
				found = fmt.Sprintf("%q", f.Columns[k].Name)
			}
			return nil, fmt.Errorf("expected feature %q at %d, found %s", name, k, found)
		}
		g.Columns[k] = f.Columns[i]
	}
	return g, nil
}
