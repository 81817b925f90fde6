package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fealty/features/frame"
)

// ErrExpression means that an expression or query of a mapped source, or a file
// of features, is not one that fealty lets in.
var ErrExpression = errors.New("the expression is not allowed")

// A text that a user wrote becomes part of a view, or is a query, that runs with fealty's
// rights, and the embedded engine reads any file of the process. So it is read
// twice before it is let in. Its tokens show every call, wherever it stands: a
// function is one of a list or the text is refused, whatever the engine's
// version offers. The engine's own syntax tree (EXPLAIN AST runs nothing) shows
// the shape: what is selected from where. The tree leaves some parts out, such
// as what stands behind OVER, so that neither reading is enough alone.

// guardExpression refuses an expression unless it is one value computed from
// the given columns.
func guardExpression(ctx context.Context, e Engine, text string, columns []string) error {
	all, err := tokens(text, columnForm)
	if err != nil {
		return err
	}
	if err := guardTokens(all, columnForm); err != nil {
		return err
	}
	root, err := syntaxTree(ctx, e, "SELECT (\n"+text+"\n) FROM "+expressionTable)
	if err != nil {
		return err
	}
	value, err := root.soleValue()
	if err != nil {
		return err
	}
	return value.guardValue(columns, nil)
}

// guardQuery refuses a query unless it is one SELECT from tables, which it
// returns as database.table.
func guardQuery(ctx context.Context, e Engine, text string) ([]tableName, error) {
	all, err := tokens(text, queryForm)
	if err != nil {
		return nil, err
	}
	return guardStatement(ctx, e, text, all, queryForm)
}

// guardStatement refuses a statement, of which all are the tokens, unless it is
// one SELECT from tables that its form may name.
func guardStatement(ctx context.Context, e Engine, text string, all []token, where form) ([]tableName, error) {
	if !all[0].is("SELECT") && !all[0].is("WITH") {
		return nil, fmt.Errorf("%w: a query begins with SELECT or WITH", ErrExpression)
	}
	if err := guardTokens(all, where); err != nil {
		return nil, err
	}
	root, err := syntaxTree(ctx, e, text)
	if err != nil {
		return nil, err
	}
	return root.guardSelect(all, where)
}

// form is where a text stands.
type form uint8

const (
	columnForm form = iota + 1
	queryForm
	// featureForm is a file of features: a query from the canonical views.
	featureForm
)

// neverWords change what becomes of an answer, or how it is computed. columnWords
// begin what is more than a value.
var (
	neverWords  = []string{"SETTINGS", "FORMAT", "INTO", "OUTFILE"}
	columnWords = []string{"SELECT", "FROM", "OVER", "UNION", "WHERE", "JOIN"}
	// overWords may not stand behind OVER, which the syntax tree leaves out.
	overWords = []string{"SELECT", "FROM", "IN", "OVER"}
	// beforeBracket are the keywords that a bracket may follow.
	beforeBracket = []string{
		"ALL", "AND", "ANY", "ARRAY", "AS", "BETWEEN", "BY", "CASE", "DISTINCT", "DIV", "ELSE", "EXCEPT", "EXISTS", "FILTER", "FROM", "HAVING",
		"ILIKE", "IN", "INTERSECT", "INTERVAL", "IS", "JOIN", "LIKE", "LIMIT", "MOD", "NOT", "OFFSET", "ON", "OR", "OVER", "PREWHERE", "QUALIFY",
		"REGEXP", "SELECT", "THEN", "UNION", "USING", "WHEN", "WHERE", "WITH",
	}
)

func isOneOf(t token, keywords []string) bool {
	return t.kind == wordToken && slices.Contains(keywords, strings.ToUpper(t.text))
}

// guardTokens refuses calls of functions that are not allowed and words that
// have no place.
func guardTokens(all []token, where form) error {
	depth, over := 0, -1 // over is the depth of the bracket behind OVER
	for i, t := range all {
		behindDot := i > 0 && all[i-1].symbol(".")
		switch {
		case t.symbol("("):
			if i > 0 && all[i-1].is("OVER") && over < 0 {
				over = depth
			}
			depth++
		case t.symbol(")"):
			depth--
			if depth == over {
				over = -1
			}
		case isOneOf(t, neverWords) && !behindDot:
			return refuseAt(t.at, strings.ToUpper(t.text)+"; a column of that name stands in backquotes")
		case where == columnForm && isOneOf(t, columnWords) && !behindDot:
			return refuseAt(t.at, strings.ToUpper(t.text)+", and an expression is one value over the source's columns; write a query")
		case over >= 0 && isOneOf(t, overWords) && !behindDot:
			return refuseAt(t.at, strings.ToUpper(t.text)+" behind OVER")
		}
		if i+1 == len(all) || !all[i+1].symbol("(") {
			continue
		}
		switch {
		case t.kind == numberToken || t.kind == textToken || t.kind == parameterToken:
			return refuseAt(t.at, t.text+" before a bracket")
		case t.kind == wordToken && isOneOf(t, beforeBracket) && !behindDot:
		case t.kind == wordToken || t.kind == quotedToken:
			if err := guardCall(t.text, where); err != nil {
				return err
			}
		}
	}
	return nil
}

// expressionTable stands for the source while an expression is looked at.
const expressionTable = "fealty_expression"

// node is one node of a syntax tree as EXPLAIN AST writes it.
type node struct {
	kind, name string
	alias      bool
	children   []*node
}

// syntaxTree asks the engine what it understands. Nothing is run.
func syntaxTree(ctx context.Context, e Engine, sql string) (*node, error) {
	var lines []string
	//nolint:unqueryvet // one column of lines
	err := e.Query(ctx, "SELECT * FROM (EXPLAIN AST "+sql+"\n)", nil, func(t *frame.Table) error {
		if len(t.Columns) != 1 || t.Columns[0].Kind != frame.Text {
			return errors.New("EXPLAIN AST answers something else than lines")
		}
		lines = append(lines, t.Columns[0].Texts...)
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrExpression, err)
	}
	return parseTree(lines)
}

// parseTree reads a tree from its lines, each as far in as its node is deep.
func parseTree(lines []string) (*node, error) {
	root := &node{}
	path := []*node{root} // path[d] is the parent of nodes at depth d
	for _, line := range lines {
		rest := strings.TrimLeft(line, " ")
		depth := len(line) - len(rest)
		if rest == "" || depth >= len(path) {
			return nil, fmt.Errorf("%w: the engine's syntax tree can't be read at %q", ErrExpression, line)
		}
		n := &node{}
		n.kind, rest, _ = strings.Cut(rest, " ")
		if k := strings.LastIndex(rest, "(children "); k >= 0 && strings.HasSuffix(rest, ")") {
			rest = rest[:k]
		}
		rest = strings.TrimSpace(rest)
		if k := strings.LastIndex(rest, "(alias "); k >= 0 && strings.HasSuffix(rest, ")") {
			rest, n.alias = strings.TrimSpace(rest[:k]), true
		}
		n.name = rest
		path[depth].children = append(path[depth].children, n)
		path = append(path[:depth+1], n)
	}
	if len(root.children) != 1 {
		return nil, fmt.Errorf("%w: it is %d statements", ErrExpression, len(root.children))
	}
	return root.children[0], nil
}

// walk calls each for the node and everything below it.
func (n *node) walk(each func(*node) error) error {
	if err := each(n); err != nil {
		return err
	}
	for _, c := range n.children {
		if err := c.walk(each); err != nil {
			return err
		}
	}
	return nil
}

// only returns the only child, which has the kind; nil otherwise.
func (n *node) only(kind string) *node {
	if n == nil || len(n.children) != 1 || n.children[0].kind != kind {
		return nil
	}
	return n.children[0]
}

// soleValue returns the value of SELECT (value) FROM fealty_expression.
func (n *node) soleValue() (*node, error) {
	refused := fmt.Errorf("%w: it is not one value", ErrExpression)
	if n.kind != "SelectWithUnionQuery" {
		return nil, refused
	}
	query := n.only("ExpressionList").only("SelectQuery")
	if query == nil || len(query.children) != 2 || query.children[0].kind != "ExpressionList" || len(query.children[0].children) != 1 {
		return nil, refused
	}
	from := query.children[1]
	if from.kind != "TablesInSelectQuery" {
		return nil, refused
	}
	table := from.only("TablesInSelectQueryElement").only("TableExpression").only("TableIdentifier")
	if table == nil || table.name != expressionTable || table.alias {
		return nil, refused
	}
	return query.children[0].children[0], nil
}

// guardValue refuses everything but functions over columns and literals.
// locals are the names that lambdas around the node give.
func (n *node) guardValue(columns, locals []string) error {
	if n.alias {
		return fmt.Errorf("%w: it gives a name to a part of itself, which could stand for a column elsewhere", ErrExpression)
	}
	switch n.kind {
	case "Literal", "ExpressionList":
	case "Identifier":
		first, _, _ := strings.Cut(n.name, ".")
		if !slices.Contains(columns, n.name) && !slices.Contains(columns, first) && !slices.Contains(locals, first) {
			return fmt.Errorf("%w: there is no column %q; %s", ErrExpression, n.name, nearNames(n.name, columns))
		}
	case "Function":
		if err := n.guardFunction(columnForm); err != nil {
			return err
		}
		if names := n.lambda(); names != nil {
			locals = slices.Concat(locals, names)
		}
	default:
		return fmt.Errorf("%w: %s has no place in a value", ErrExpression, n.kind)
	}
	for _, c := range n.children {
		if err := c.guardValue(columns, locals); err != nil {
			return err
		}
	}
	return nil
}

// lambda returns the names of a lambda's parameters; nil when the node is none.
func (n *node) lambda() []string {
	if n.name != "lambda" || len(n.children) == 0 || len(n.children[0].children) != 2 {
		return nil
	}
	names := []string{}
	_ = n.children[0].children[0].walk(func(p *node) error {
		if p.kind == "Identifier" {
			names = append(names, p.name)
		}
		return nil
	})
	return names
}

// guardFunction refuses a function that is not allowed, and IN over a table.
func (n *node) guardFunction(where form) error {
	lower := strings.ToLower(n.name)
	if !operators[lower] {
		if err := guardCall(n.name, where); err != nil {
			return err
		}
	}
	if !membership[lower] || len(n.children) == 0 {
		return nil
	}
	for _, c := range n.children[0].children[1:] {
		if c.kind != "Literal" && c.kind != "Function" && c.kind != "Subquery" {
			return fmt.Errorf("%w: IN is followed by %s %s, not by values or a SELECT", ErrExpression, c.kind, c.name)
		}
	}
	return nil
}

// tableName is a table with its database.
type tableName struct{ database, table string }

func (t tableName) String() string { return t.database + "." + t.table }

func (t tableName) sql() string { return quoted(t.database) + "." + quoted(t.table) }

// selectKinds are the nodes that a query may be made of.
var selectKinds = map[string]bool{
	"SelectWithUnionQuery": true, "SelectIntersectExceptQuery": true, "SelectQuery": true, "ExpressionList": true, "TablesInSelectQuery": true,
	"TablesInSelectQueryElement": true, "TableExpression": true, "TableIdentifier": true, "TableJoin": true, "ArrayJoin": true, "Subquery": true,
	"WithElement": true, "Identifier": true, "Function": true, "Literal": true, "Asterisk": true, "QualifiedAsterisk": true, "OrderByElement": true,
	"WindowDefinition": true,
}

// guardSelect refuses a query that is more than SELECTs from tables. A table
// without a database is one of the query's own WITH, or for a file of features a
// canonical view.
func (n *node) guardSelect(all []token, where form) ([]tableName, error) {
	if n.kind != "SelectWithUnionQuery" {
		return nil, fmt.Errorf("%w: it is %s, not a SELECT", ErrExpression, n.kind)
	}
	own := withNames(all)
	var tables []tableName
	selects, members := 0, 0
	err := n.walk(func(x *node) error {
		switch {
		case !selectKinds[x.kind]:
			return fmt.Errorf("%w: %s has no place in a query", ErrExpression, x.kind)
		case x.kind == "SelectQuery":
			selects++
		case x.kind == "TableExpression":
			for _, c := range x.children {
				if c.kind == "Function" && (where == featureForm || !tableFunctions[c.name]) {
					return fmt.Errorf("%w: the table function %s; name a table", ErrExpression, c.name)
				}
			}
		case x.kind == "Function" && !tableFunctions[x.name]:
			if membership[strings.ToLower(x.name)] {
				members++
			}
			return x.guardFunction(where)
		case x.kind == "TableIdentifier":
			database, table, qualified := strings.Cut(x.name, ".")
			switch {
			case !qualified && own[x.name]:
			case where == featureForm && (qualified || !ownViews[x.name]):
				return fmt.Errorf("%w: %s is none of the views that features may read: %s", ErrExpression, x.name, strings.Join(sortedKeys(ownViews), ", "))
			case where == featureForm:
				tables = append(tables, tableName{"", x.name})
			case !qualified:
				return fmt.Errorf("%w: table %q stands without its database; write database.%s", ErrExpression, x.name, x.name)
			case ownDatabases[strings.ToLower(database)]:
				return fmt.Errorf("%w: %s belongs to the engine", ErrExpression, x.name)
			default:
				tables = append(tables, tableName{database, table})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What the tree left out would be seen here.
	for _, t := range all {
		if t.is("SELECT") {
			selects--
		}
		if t.is("IN") {
			members--
		}
	}
	if selects != 0 || members != 0 {
		return nil, fmt.Errorf("%w: it has a SELECT or an IN where none is expected", ErrExpression)
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("%w: it reads no table", ErrExpression)
	}
	return tables, nil
}

// ownDatabases belong to the engine.
var ownDatabases = map[string]bool{"system": true, "information_schema": true}

// withNames returns the names that WITH name AS (SELECT …) gives.
func withNames(all []token) map[string]bool {
	names := map[string]bool{}
	for i := 0; i+3 < len(all); i++ {
		if (all[i].kind == wordToken || all[i].kind == quotedToken) && all[i+1].is("AS") && all[i+2].symbol("(") && (all[i+3].is("SELECT") || all[i+3].is("WITH")) {
			names[all[i].text] = true
		}
	}
	return names
}
