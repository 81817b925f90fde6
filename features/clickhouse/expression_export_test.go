package clickhouse

import "context"

// GuardExpression is the guard of mapped expressions.
var GuardExpression = guardExpression

// GuardQuery is the guard of mapped queries; it returns the tables read.
func GuardQuery(ctx context.Context, e Engine, text string) ([]string, error) {
	tables, err := guardQuery(ctx, e, text)
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].String()
	}
	return names, err
}

// GuardTokens is the part of the guard of expressions that needs no engine; it
// returns the names that stand before a bracket.
func GuardTokens(text string) ([]string, error) {
	all, err := tokens(text, columnForm)
	if err != nil {
		return nil, err
	}
	return calls(all), guardTokens(all, columnForm)
}

// GuardFeatureTokens is the same of a file of features; it returns what the
// engine would be shown of it, too.
func GuardFeatureTokens(text string) (names []string, shown string, err error) {
	all, err := tokens(text, featureForm)
	if err != nil {
		return nil, "", err
	}
	return calls(all), withoutParameters(text, all), guardTokens(all, featureForm)
}

func calls(all []token) []string {
	var names []string
	for i := 1; i < len(all); i++ {
		if before := all[i-1]; all[i].symbol("(") && (before.kind == wordToken || before.kind == quotedToken) {
			names = append(names, before.text)
		}
	}
	return names
}
