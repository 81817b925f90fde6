package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Fingerprints returns the fingerprint of each mapped source as of what was known at
// an instant, in the order of the sources. Each is one scan of the source: of the
// fields that it gives, so that a field which a later release adds changes nothing.
func (w Warehouse) Fingerprints(ctx context.Context, sources []features.MappedSource, known frame.KnownAt) ([]features.Fingerprint, error) {
	all := make([]features.Fingerprint, len(sources))
	for i := range sources {
		m := &mapping{MappedSource: sources[i]}
		var ok bool
		if m.schema, ok = features.Schema(m.Table); !ok {
			return nil, fmt.Errorf("%w: source %q: there is no table %q", features.ErrBadRequest, m.Name, m.Table)
		}
		f := &all[i]
		f.Table, f.Source, f.Mapping = m.Table, m.Name, m.id()
		var sum uint64
		err := ask(ctx, w.Engine, m.fingerprint(), Params{"source": m.Name, "known_at": known}, func(t *frame.Table) error {
			c, err := pick(t, "found", "checksum")
			if err != nil {
				return err
			}
			for k := range t.Rows() {
				part, err := strconv.ParseUint(c[1].Texts[k], 10, 64)
				if err != nil {
					return fmt.Errorf("checksum %q: %w", c[1].Texts[k], err)
				}
				f.Rows += c[0].Integers[k]
				sum += part // wraps, as the engine's sum does
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("fingerprint source %q of %s: %w", m.Name, m.Table, err)
		}
		f.Sum = strconv.FormatUint(sum, 10)
	}
	return all, nil
}

// fingerprint returns the SELECT of how many rows of the source were known at
// {known_at}, and of the sum of their hashes. The view's other branches are folded
// away; of the imported rows it reads the column load. Numbers are hashed by their
// values in whole units, Float64 by its bits.
func (m *mapping) fingerprint() string {
	var parts []string
	for _, f := range m.mappedFields() {
		column := quoted(f.Name)
		if strings.HasPrefix(canonicalType(f), "Nullable(") {
			// A hash of NULL would be NULL, and a sum passes it over.
			parts = append(parts, "isNull("+column+")")
			column = "ifNull(" + column + ", CAST(0, '" + quoteEscapes.Replace(canonicalType(&features.Field{Kind: f.Kind})) + "'))"
		}
		parts = append(parts, column)
	}
	return "SELECT toInt64(count()) AS found, toString(sum(sipHash64(" + strings.Join(parts, ", ") + "))) AS checksum\nFROM " + m.Table +
		"\nWHERE load = 0 AND source = {source:String} AND recorded_at <= {known_at:DateTime('UTC')}"
}
