package clickhouse

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// ErrSource means that a mapped source can't be read as it is described: its
// table or a column is not there, or a type does not fit. The message says what
// was found.
var ErrSource = errors.New("the mapped source does not fit")

//go:embed sql/sources/*.sql
var sourceSteps embed.FS

func sourceMigrations() MigrationSet {
	dir, err := fs.Sub(sourceSteps, "sql/sources")
	if err != nil {
		panic("clickhouse: " + err.Error()) // the path is a constant
	}
	return MigrationSet{Name: "sources", FS: dir}
}

// MapSources makes the canonical views read the given sources beside the
// imported rows, and no others: a source that is left out is no longer read.
// Every source is looked at first; a table, column, expression or type that does
// not fit is refused with ErrSource or ErrExpression, and no view changes. A view
// that reads the same sources already is left as it is. Nothing is copied.
//
// Sources with a cluster are mapped on each of its hosts, in the database that
// the warehouse's URL names for them. Migrate has to come first.
//
// The rows of a source have load 0 and its name as source. Values that the
// canonical type can't hold (a date after 2105, NaN, a text that is no number)
// read as missing, never as another value; rows that lack a key or a required
// value are not seen. Inspect counts both.
func (w Warehouse) MapSources(ctx context.Context, sources []features.MappedSource) error {
	if err := distinct(sources); err != nil {
		return err
	}
	// Only where there is something to remember: the table is no part of a warehouse without sources.
	if len(sources) > 0 {
		if err := Migrate(ctx, w.Engine, sourceMigrations()); err != nil {
			return err
		}
	}
	here, there := divided(sources)
	mapped, err := compileAll(ctx, w.Engine, "", here)
	if err != nil {
		return err
	}
	if err := w.mapHosts(ctx, there); err != nil {
		return err
	}
	if err := remember(ctx, w.Engine, mapped); err != nil {
		return err
	}
	comments, err := viewComments(ctx, w.Engine, "currentDatabase()")
	if err != nil {
		return err
	}
	for _, schema := range features.Schemas() {
		sql := canonicalView(schema, branches(mapped, schema.Name))
		if err := replaceView(ctx, w.Engine, schema.Name, sql, comments, len(mapped[schema.Name]) == 0); err != nil {
			return err
		}
	}
	return nil
}

// distinct validates the sources and refuses two of one table and name.
func distinct(sources []features.MappedSource) error {
	seen := map[[2]string]bool{}
	for i := range sources {
		m := &sources[i]
		if err := m.Validate(); err != nil {
			return err
		}
		key := [2]string{m.Table, m.Name}
		if seen[key] {
			return fmt.Errorf("%w: source %q of %s stands twice", features.ErrBadRequest, m.Name, m.Table)
		}
		seen[key] = true
	}
	return nil
}

// divided returns the sources of the warehouse's own host and those of the
// cluster.
func divided(sources []features.MappedSource) (here, there []features.MappedSource) {
	for _, m := range sources {
		if m.Cluster == "" {
			here = append(here, m)
		} else {
			there = append(there, m)
		}
	}
	return here, there
}

// compileAll looks at all sources and returns them by canonical table.
func compileAll(ctx context.Context, e Engine, database string, sources []features.MappedSource) (map[string][]*mapping, error) {
	all := map[string][]*mapping{}
	for _, s := range sources {
		m, err := compile(ctx, e, database, s)
		if err != nil {
			return nil, fmt.Errorf("map source %q of %s: %w", s.Name, s.Table, err)
		}
		all[s.Table] = append(all[s.Table], m)
	}
	return all, nil
}

func branches(mapped map[string][]*mapping, table string) []string {
	var all []string
	for _, m := range mapped[table] {
		all = append(all, m.branch())
	}
	return all
}

// viewComments returns the comments of a database's tables by name. database is
// SQL.
func viewComments(ctx context.Context, e Engine, database string) (map[string]string, error) {
	comments := map[string]string{}
	err := e.Query(ctx, "SELECT name, comment FROM system.tables WHERE database = "+database, nil, func(t *frame.Table) error {
		for i, name := range t.Columns[0].Texts {
			comments[name] = t.Columns[1].Texts[i]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask which views there are: %w", err)
	}
	return comments, nil
}

// replaceView makes a view unless it is there already. The view's comment says
// what it was made from, because the engine writes the text anew.
func replaceView(ctx context.Context, e Engine, name, sql string, comments map[string]string, plain bool) error {
	comment := ""
	if !plain {
		sum := sha256.Sum256([]byte(sql))
		comment = "reads mapped sources " + hex.EncodeToString(sum[:8])
	}
	if before, ok := comments[name]; ok && before == comment {
		return nil
	}
	if comment != "" {
		sql += "\nCOMMENT '" + comment + "'"
	}
	if err := e.Exec(ctx, sql, nil); err != nil {
		return fmt.Errorf("make the view %s: %w", name, err)
	}
	return nil
}

// mapping is a source that was found to fit.
type mapping struct {
	features.MappedSource
	schema features.TableSchema
	// relation is what stands behind FROM; base is the one table that the
	// account's rows are read from, if it is one.
	relation string
	base     *tableName
	// types are the engine's types of the mapped expressions, by field.
	types map[string]string
}

// compile looks at a source: its table or query, its columns, its expressions
// and their types. database is where views may be made; "" means the session's.
func compile(ctx context.Context, e Engine, database string, s features.MappedSource) (*mapping, error) {
	m := &mapping{MappedSource: s}
	m.schema, _ = features.Schema(s.Table)
	m.Columns = maps.Clone(s.Columns)
	maps.DeleteFunc(m.Columns, func(_, text string) bool { return text == "" })
	columns, err := m.relate(ctx, e, database)
	if err != nil {
		return nil, err
	}
	for _, field := range slices.Sorted(maps.Keys(m.Columns)) {
		if err := guardExpression(ctx, e, m.Columns[field], columns); err != nil {
			return nil, fmt.Errorf("column %s: %q: %w", field, m.Columns[field], err)
		}
	}
	if m.Where != "" {
		if err := guardExpression(ctx, e, m.Where, columns); err != nil {
			return nil, fmt.Errorf("where: %q: %w", m.Where, err)
		}
	}
	if err := m.probe(ctx, e, database); err != nil {
		return nil, err
	}
	for _, field := range slices.Sorted(maps.Keys(m.Columns)) {
		if _, err := m.reading(m.schema.Field(field)); err != nil {
			return nil, fmt.Errorf("column %s: %q: %w", field, m.Columns[field], err)
		}
	}
	return m, nil
}

// relate finds the source's table, or guards its query, and returns the names
// of the columns.
func (m *mapping) relate(ctx context.Context, e Engine, database string) ([]string, error) {
	if m.Query == "" {
		name, err := parseTableName(m.From)
		if err != nil {
			return nil, err
		}
		found, err := m.tableColumns(ctx, e, name)
		if err != nil {
			return nil, err
		}
		m.relation, m.base = name.sql(), &name
		return slices.Sorted(maps.Keys(found)), nil
	}
	query := strings.TrimSpace(m.Query)
	tables, err := guardQuery(ctx, e, query)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for _, name := range tables {
		if _, err := m.tableColumns(ctx, e, name); err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
	}
	if slices.Index(tables, tables[0]) == len(tables)-1 {
		m.base = &tables[0]
	}
	m.relation = "(\n" + query + "\n)"
	//nolint:unqueryvet // what the query answers is what is asked for
	found, err := typesOf(ctx, e, database, "SELECT * FROM "+m.relation)
	if err != nil {
		return nil, fmt.Errorf("query: %w: %w", ErrSource, err)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// parseTableName reads database.table. A part with other characters than
// letters, digits and _ stands in backquotes.
func parseTableName(text string) (tableName, error) {
	all, err := tokens(text, queryForm)
	if err != nil {
		return tableName{}, fmt.Errorf("from: %w", err)
	}
	name := func(t token) bool { return t.kind == wordToken || t.kind == quotedToken }
	if len(all) != 3 || !name(all[0]) || !all[1].symbol(".") || !name(all[2]) {
		return tableName{}, fmt.Errorf("%w: from: %q is not database.table", ErrSource, text)
	}
	return tableName{all[0].text, all[2].text}, nil
}

// tableColumns returns the types of a table's columns by name. It refuses what
// is not there, the engine's own tables and the views that it would become part
// of.
func (m *mapping) tableColumns(ctx context.Context, e Engine, name tableName) (map[string]string, error) {
	if ownDatabases[strings.ToLower(name.database)] {
		return nil, fmt.Errorf("%w: %s belongs to the engine", ErrExpression, name)
	}
	columns := map[string]string{}
	own := ""
	err := e.Query(ctx, "SELECT name, type, currentDatabase() AS own FROM system.columns WHERE database = {database:String} AND `table` = {table:String}",
		Params{"database": name.database, "table": name.table}, func(t *frame.Table) error {
			for i, column := range t.Columns[0].Texts {
				columns[column], own = t.Columns[1].Texts[i], t.Columns[2].Texts[i]
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("ask for the columns of %s: %w", name, err)
	}
	if len(columns) == 0 {
		return nil, missingTable(ctx, e, name)
	}
	_, canonical := features.Schema(name.table)
	if name.database == own && (canonical || strings.HasPrefix(name.table, "imported_")) {
		return nil, fmt.Errorf("%w: %s is fealty's own and read already", ErrSource, name)
	}
	return columns, nil
}

// missingTable says what there is instead of a table.
func missingTable(ctx context.Context, e Engine, name tableName) error {
	var there, databases []string
	err := e.Query(ctx, "SELECT database, name FROM system.tables ORDER BY database, name", nil, func(t *frame.Table) error {
		for i, database := range t.Columns[0].Texts {
			if ownDatabases[strings.ToLower(database)] {
				continue
			}
			if database == name.database {
				there = append(there, t.Columns[1].Texts[i])
			}
			if !slices.Contains(databases, database) {
				databases = append(databases, database)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask which tables there are: %w", err)
	}
	if len(there) == 0 {
		return fmt.Errorf("%w: there is no table %s; databases with tables: %s", ErrSource, name, nearNames(name.database, databases))
	}
	return fmt.Errorf("%w: there is no table %s; in %s %s", ErrSource, name, name.database, nearNames(name.table, there))
}

// inner returns the SELECT of the expressions as they are. Their names hold a
// space, so that none can be taken for a column of the source.
func (m *mapping) inner() string {
	fields := slices.Sorted(maps.Keys(m.Columns))
	parts := make([]string, len(fields))
	for i, field := range fields {
		parts[i] = "(" + m.Columns[field] + ") AS " + given(field)
	}
	sql := "SELECT " + strings.Join(parts, ", ") + " FROM " + m.relation
	if m.Where != "" {
		sql += " WHERE (" + m.Where + ")"
	}
	return sql
}

// given is the name of a field's value as the source gives it.
func given(field string) string { return quoted("given " + field) }

// probe asks for the expressions' types, and whether all of them go together.
func (m *mapping) probe(ctx context.Context, e Engine, database string) error {
	if m.Where != "" {
		found, err := typesOf(ctx, e, database, "SELECT ("+m.Where+") AS kept FROM "+m.relation)
		if err != nil {
			return fmt.Errorf("where: %q: %w: %w", m.Where, ErrSource, err)
		}
		if t, _ := plainType(found["kept"]); t != "UInt8" && t != "Bool" {
			return fmt.Errorf("where: %q: %w: it is %s, not true or false", m.Where, ErrSource, found["kept"])
		}
	}
	found, err := typesOf(ctx, e, database, m.inner())
	if err != nil {
		// Which one is wrong is for the user to know.
		for _, field := range slices.Sorted(maps.Keys(m.Columns)) {
			one := *m
			one.Where, one.Columns = "", map[string]string{field: m.Columns[field]}
			if _, err := typesOf(ctx, e, database, one.inner()); err != nil {
				return fmt.Errorf("column %s: %q: %w: %w", field, m.Columns[field], ErrSource, err)
			}
		}
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	m.types = map[string]string{}
	for field := range m.Columns {
		m.types[field] = found["given "+field]
	}
	return nil
}

// typesOf returns the types of a SELECT's columns by name, from a view that is
// there for a moment: the embedded engine answers nothing but SELECTs, and a
// SELECT without rows does not tell its types.
func typesOf(ctx context.Context, e Engine, database, sql string) (map[string]string, error) {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // crypto/rand.Read never fails
	name := "fealty_probe_" + hex.EncodeToString(id)
	full, where := quoted(name), "currentDatabase()"
	if database != "" {
		full, where = quoted(database)+"."+full, "{database:String}"
	}
	if err := e.Exec(ctx, "CREATE VIEW "+full+" AS "+sql, nil); err != nil {
		return nil, err
	}
	defer func() {
		// A view that stays hurts nobody; the answer counts.
		_ = e.Exec(context.WithoutCancel(ctx), "DROP VIEW IF EXISTS "+full, nil)
	}()
	types := map[string]string{}
	err := e.Query(ctx, "SELECT name, type FROM system.columns WHERE database = "+where+" AND `table` = {table:String}",
		only(where+"{table:", Params{"database": database, "table": name}), func(t *frame.Table) error {
			for i, column := range t.Columns[0].Texts {
				types[column] = t.Columns[1].Texts[i]
			}
			return nil
		})
	return types, err
}

// id names the mapping as it is described.
func (m *mapping) id() string {
	sum := sha256.Sum256([]byte(features.Canonical([]features.MappedSource{m.MappedSource})))
	return hex.EncodeToString(sum[:16])
}

// remember writes down the types of mappings that are new, so that a later look
// finds what has changed.
func remember(ctx context.Context, e Engine, mapped map[string][]*mapping) error {
	for _, table := range slices.Sorted(maps.Keys(mapped)) {
		for _, m := range mapped[table] {
			known, err := remembered(ctx, e, m.id())
			if err != nil {
				return err
			}
			if len(known) > 0 {
				continue
			}
			fields := slices.Sorted(maps.Keys(m.types))
			types := make([]string, len(fields))
			for i, field := range fields {
				types[i] = m.types[field]
			}
			err = e.Exec(ctx, "INSERT INTO mapped_columns (mapping, `table`, source, field, type, seen_at) "+
				"SELECT {mapping:String}, {table:String}, {source:String}, pair.1, pair.2, now('UTC') "+
				"FROM (SELECT arrayJoin(arrayZip({fields:Array(String)}, {types:Array(String)})) AS pair)",
				Params{"mapping": m.id(), "table": m.Table, "source": m.Name, "fields": fields, "types": types})
			if err != nil {
				return fmt.Errorf("remember the columns of source %q: %w", m.Name, err)
			}
		}
	}
	return nil
}

// remembered returns the types that a mapping's fields had when it was first
// used.
func remembered(ctx context.Context, e Engine, mapping string) (map[string]string, error) {
	types := map[string]string{}
	err := e.Query(ctx, "SELECT field, type FROM mapped_columns WHERE mapping = {mapping:String}", Params{"mapping": mapping}, func(t *frame.Table) error {
		for i, field := range t.Columns[0].Texts {
			types[field] = t.Columns[1].Texts[i]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what a source's columns were: %w", err)
	}
	return types, nil
}

// nearNames says which names there are, the nearest first and at most ten.
func nearNames(name string, all []string) string {
	if len(all) == 0 {
		return "there is none"
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return editDistance(strings.ToLower(name), strings.ToLower(a)) - editDistance(strings.ToLower(name), strings.ToLower(b))
	})
	text := "there are "
	if len(sorted) == 1 {
		text = "there is "
	}
	if len(sorted) > 10 {
		return fmt.Sprintf("%s%s and %d more", text, strings.Join(sorted[:10], ", "), len(sorted)-10)
	}
	return text + strings.Join(sorted, ", ")
}

// editDistance is Levenshtein's, in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
