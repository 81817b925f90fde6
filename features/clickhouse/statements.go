package clickhouse

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"fealty/features"
)

//go:embed sql/*.sql sql/features/*.sql sql/labels/*.sql sql/loads/*.sql sql/parts/*.sql sql/portfolio/*.sql
var statements embed.FS

// statement returns one embedded query by its path below sql/. It panics when there
// is none: the names stand in this package.
func statement(name string) string {
	b, err := statements.ReadFile(path.Join("sql", name))
	if err != nil {
		panic("clickhouse: " + err.Error())
	}
	return withParts(string(b))
}

// withParts returns a text with the parts that it takes in, where its comments say so.
func withParts(sql string) string {
	for _, part := range []string{termsPart, "beats.sql", "windows.sql", "amounts.sql", "reasons.sql", "named.sql"} {
		if include := "-- Include: " + part; strings.Contains(sql, include) {
			sql = strings.ReplaceAll(sql, include, strings.TrimSpace(statement("parts/"+part)))
		}
	}
	return sql
}

// fileStatements returns the SQL texts of the files of the catalogue, in order.
func fileStatements(catalogue []features.Feature) ([]string, error) {
	var all []string
	for _, f := range features.Files(catalogue) {
		text, err := fileStatement(f)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// fileStatement returns the SQL of a file of features, the catalogue's or a
// team's: the one door through which it comes.
func fileStatement(f features.File) (string, error) {
	if f.Own() {
		return f.SQL, nil
	}
	b, err := statements.ReadFile(path.Join("sql/features", f.Name))
	if err != nil {
		return "", fmt.Errorf("read feature file %q: there is none", f.Name)
	}
	return withParts(string(b)), nil
}

// termsPart is what files take in that need to know when an account rests, or how often
// we mean to be in touch with it.
const termsPart = "terms.sql"

// withoutTerms returns a file's SQL for a warehouse in which nobody rests, without
// cadences: the same answers, planned in less time.
func withoutTerms(sql string) string {
	return strings.Replace(sql, strings.TrimSpace(statement("parts/"+termsPart)), strings.TrimSpace(statement("parts/no_terms.sql")), 1)
}

// BuildStatements returns the statements that Build asks of all accounts, in
// order, for those who compare it with the engine alone, in a warehouse in which accounts
// rest or don't. Where wallets are declared, one more asks for the spend of those accounts.
func BuildStatements(catalogue []features.Feature, rests bool) ([]string, error) {
	files, err := fileStatements(catalogue)
	for i := range files {
		if !rests {
			files[i] = withoutTerms(files[i])
		}
	}
	return append([]string{statement("coverage.sql"), statement("links.sql"), statement("calendar.sql"), statement("accounts.sql"), statement("known.sql")}, files...), err
}

// featureStatements returns the statements of all files that the catalogue's features
// come from, in order; those that only meet in the frame last.
func featureStatements(catalogue []features.Feature) ([]string, error) {
	all, err := fileStatements(catalogue)
	if err != nil {
		return nil, err
	}
	if needsCategories(catalogue) {
		all = append(all, statement(walletCategoriesFile), statement(categorySpendFile))
	}
	if needsReferrals(catalogue) {
		all = append(all, statement(referredFile), statement(populationFile))
	}
	return all, nil
}

// only keeps the parameters that the text takes, so that one set serves every
// query of a build.
func only(sql string, params Params) Params {
	kept := make(Params, len(params))
	for name, value := range params {
		if strings.Contains(sql, "{"+name+":") {
			kept[name] = value
		}
	}
	return kept
}
