package clickhouse

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

//go:embed sql/migrations/*.sql
var factSteps embed.FS

// factMigrations are the steps that make the tables of imported facts and of
// their loads.
func factMigrations() MigrationSet {
	dir, err := fs.Sub(factSteps, "sql/migrations")
	if err != nil {
		panic("clickhouse: " + err.Error()) // the path is a constant
	}
	return MigrationSet{Name: "facts", FS: dir}
}

// Migrate makes or brings forward the tables of imported facts and loads, and
// the views with the canonical names (features.Schemas) that features are read
// from. A view that has every canonical column is left as it is, because mapped
// sources may have been added to it. It may be killed at any moment and run
// again.
func (w Warehouse) Migrate(ctx context.Context) error {
	if err := Migrate(ctx, w.Engine, factMigrations()); err != nil {
		return err
	}
	have := map[string][]string{}
	err := w.Query(ctx, "SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position", nil, func(t *frame.Table) error {
		for i, table := range t.Columns[0].Texts {
			have[table] = append(have[table], t.Columns[1].Texts[i])
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask which views there are: %w", err)
	}
	for _, schema := range features.Schemas() {
		if slices.Equal(have[schema.Name], canonicalColumns(schema)) {
			continue
		}
		if err := w.Exec(ctx, canonicalView(schema, nil), nil); err != nil {
			return fmt.Errorf("make the view %s: %w", schema.Name, err)
		}
	}
	return nil
}

// importedTable is the table that holds the imported rows of a canonical one.
func importedTable(table string) string { return "imported_" + table }

// canonicalColumns are the columns of a canonical view, in order: the schema's
// fields, then load and source.
func canonicalColumns(schema features.TableSchema) []string {
	names := make([]string, 0, len(schema.Fields)+2)
	for i := range schema.Fields {
		names = append(names, schema.Fields[i].Name)
	}
	return append(names, "load", "source")
}

// canonicalView returns the statement that makes a canonical view, in place of
// an earlier one: the imported rows of committed loads, and the rows of each
// extra SELECT, which must answer canonicalColumns in their order. A condition
// on the view reaches the tables below it, so that one on the account prunes by
// the primary key.
func canonicalView(schema features.TableSchema, extra []string) string {
	var b strings.Builder
	names := canonicalColumns(schema)
	for i := range names {
		names[i] = quoted(names[i])
	}
	fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s AS\nSELECT %s\nFROM %s\nWHERE load IN (SELECT load FROM loads WHERE `table` = '%s')",
		quoted(schema.Name), strings.Join(names, ", "), quoted(importedTable(schema.Name)), schema.Name)
	for _, sql := range extra {
		b.WriteString("\nUNION ALL\n")
		b.WriteString(sql)
	}
	return b.String()
}

// quoted quotes an identifier.
func quoted(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}
