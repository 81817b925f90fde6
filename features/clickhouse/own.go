package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// A file of features that a team added runs with fealty's rights, enters every
// model that is trained from then on, and nobody reviewed it. So it is read as
// mappings are (guardStatement), and tried: on accounts of the warehouse and on
// invented rows, as it is, with all that lies after the cutoff or was recorded
// later taken away, and with such rows added. The answers must be the same to the
// bit. What is refused is refused whole, with the feature, account, cutoff and
// values that show it.

// ownDimensions are the views that a team's file may read beside its source.
var ownDimensions = []string{"accounts", "products", "managers", "holidays", "pauses"}

// ownViews are all views that a team's file may name.
var ownViews = func() map[string]bool {
	views := map[string]bool{}
	for _, s := range features.OwnSources() {
		views[string(s)] = true
	}
	for _, d := range ownDimensions {
		views[d] = true
	}
	return views
}()

// knownSettings may end a file of features, as they end those of the catalogue:
// older engines run lambdas slowly otherwise. They change no number.
const knownSettings = "SETTINGS short_circuit_function_evaluation = 'disable'"

// guardFeatures refuses a file of features unless it is one SELECT from its
// source and dimensions that takes all parameters which bound what it sees.
func guardFeatures(ctx context.Context, e Engine, file features.File) error {
	text := strings.TrimRight(file.SQL, " \t\r\n")
	text = strings.TrimSuffix(text, knownSettings)
	all, err := tokens(text, featureForm)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%w: it is a comment", ErrExpression)
	}
	for _, p := range featureParameters {
		taken := slices.ContainsFunc(all, func(t token) bool { return t.kind == parameterToken && t.text == p })
		if !taken && !strings.HasPrefix(p, "{tz:") {
			return fmt.Errorf("%w: it doesn't take %s; begin with the WITH of a file that is there", ErrExpression, p)
		}
	}
	tables, err := guardStatement(ctx, e, withoutParameters(text, all), all, featureForm)
	if err != nil {
		return err
	}
	reads := false
	for _, t := range tables {
		reads = reads || t.table == string(file.Source)
		if t.table != string(file.Source) && !slices.Contains(ownDimensions, t.table) {
			return fmt.Errorf("%w: it reads %s, and its source is %s; facts of two views meet in two files", ErrExpression, t.table, file.Source)
		}
	}
	if !reads {
		return fmt.Errorf("%w: it doesn't read its source %s", ErrExpression, file.Source)
	}
	return guardViewNames(text, all, len(tables))
}

// withoutParameters returns the text with a literal for each parameter, so that
// the engine can be asked for its syntax tree; a literal can stand wherever a
// parameter can, and for no more.
func withoutParameters(text string, all []token) string {
	var b strings.Builder
	from := 0
	for _, t := range all {
		if t.kind == parameterToken {
			b.WriteString(text[from:t.at])
			b.WriteString("''")
			from = t.at + len(t.text)
		}
	}
	b.WriteString(text[from:])
	return b.String()
}

// guardViewNames refuses views that are read, so many times, but not where other
// rows can be put in their place, for shards, families and the trial: by their
// name without quotes behind FROM or JOIN, with nothing between but space
// (canonicalSource). A column can't be called a view's own then.
func guardViewNames(text string, all []token, read int) error {
	for name := range withNames(all) {
		if ownViews[strings.ToLower(name)] {
			return fmt.Errorf("%w: WITH gives the name %s, which is a view's", ErrExpression, name)
		}
	}
	for i, t := range all {
		if t.kind != wordToken || !ownViews[strings.ToLower(t.text)] {
			continue
		}
		switch {
		case i+1 < len(all) && all[i+1].symbol("."):
			return refuseAt(t.at, t.text+" before a dot; give the view an alias")
		case i > 0 && (all[i-1].is("FROM") || all[i-1].is("JOIN")) && strings.TrimSpace(text[all[i-1].at+len(all[i-1].text):t.at]) == "":
			read--
		}
	}
	if read != 0 {
		return fmt.Errorf("%w: the name of a view stands behind FROM or JOIN, without quotes or a comment between", ErrExpression)
	}
	return nil
}

// AdmitOwn tells on what a team's file was tried and passed, or refuses it with
// the reason; the error wraps features.ErrOwn and names the file, unless the
// engine itself failed.
func (w Warehouse) AdmitOwn(ctx context.Context, catalogue []features.Feature, file features.File, r features.OwnTrial) (features.OwnProof, error) {
	proof, err := admit(ctx, w.Engine, catalogue, file, r)
	if err != nil && ctx.Err() == nil && !outage(err) {
		err = fmt.Errorf("%s: %w: %w", file.Name, features.ErrOwn, err)
	}
	return proof, err
}

// outage tells whether the engine failed, whatever it was asked.
func outage(err error) bool {
	for _, o := range []error{ErrBusy, ErrUnreachable, ErrRefused, ErrClosed, ErrBroken} {
		if errors.Is(err, o) {
			return true
		}
	}
	return false
}

// trial is a file on trial.
type trial struct {
	Engine
	file features.File
	// measured are the columns that it must answer.
	measured  []features.Feature
	watermark uint64
	params    Params
}

// trialLag is how many days after the cutoff what was known ends, so that what lies
// between the two is told from what was recorded later.
const trialLag = 30

func admit(ctx context.Context, e Engine, catalogue []features.Feature, file features.File, r features.OwnTrial) (features.OwnProof, error) {
	var proof features.OwnProof
	if err := guardFeatures(ctx, e, file); err != nil {
		return proof, err
	}
	t := &trial{Engine: e, file: file, watermark: r.Watermark}
	for i := range catalogue {
		if f := &catalogue[i]; f.Kind == features.Measured && f.File == file {
			t.measured = append(t.measured, *f)
		}
	}
	zone := r.Zone
	if zone == "" {
		zone = "UTC"
	}
	t.params = Params{"watermark": r.Watermark, "tz": zone, "from_account": "", "to_account": ""}
	var err error
	if proof.Invented, err = t.onInvented(ctx); err != nil {
		return proof, fmt.Errorf("on invented rows: %w", err)
	}
	if err := t.onWarehouse(ctx, &proof); err != nil {
		return features.OwnProof{}, err
	}
	return proof, nil
}

// onInvented tries the file on invented rows, whatever the warehouse holds.
func (t *trial) onInvented(ctx context.Context) (int, error) {
	cutoffs := []frame.Cutoff{inventedEnd.Add(-400), inventedEnd.Add(-150)}
	accounts := inventedAccounts()
	direct := func(sql string, params Params, each func(*frame.Table) error) error {
		return t.Query(ctx, sql, params, each)
	}
	answers, err := t.prove(direct, views{base: inventedRows}.text(t.file.SQL), inventedRows, cutoffs, accounts)
	return len(answers), err
}

// onWarehouse tries the file on accounts of the warehouse, when it holds any with
// a history.
func (t *trial) onWarehouse(ctx context.Context, proof *features.OwnProof) error {
	var accounts []string
	// The name is one of features.OwnSources.
	err := ask(ctx, t.Engine, strings.ReplaceAll(statement("own.sql"), "order_lines", string(t.file.Source)), Params{"watermark": t.watermark}, func(b *frame.Table) error {
		columns, err := pick(b, "account")
		if err == nil {
			accounts = append(accounts, columns[0].Texts...)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("choose accounts: %w", err)
	}
	slices.Sort(accounts)
	accounts = slices.Compact(accounts)
	span, err := Extent(ctx, t.Engine, t.watermark)
	if err != nil {
		return err
	}
	if len(accounts) == 0 || span.Last-span.First < 16*secondsPerDay {
		return nil
	}
	for _, eighths := range []int64{4, 6, 7} {
		proof.Cutoffs = append(proof.Cutoffs, frame.Cutoff((span.First+(span.Last-span.First)*eighths/8)/secondsPerDay*secondsPerDay))
	}
	answers, err := t.prove(asking(ctx, t.Engine), t.file.SQL, storedRows, proof.Cutoffs, accounts)
	proof.Accounts, proof.Rows = len(accounts), len(answers)
	return err
}

// prove asks a statement, which reads the rows of base, for the accounts as of the
// cutoffs, and returns its answers if they stand the trial.
func (t *trial) prove(run asker, sql string, base rows, cutoffs []frame.Cutoff, accounts []string) (map[answerKey]answer, error) {
	answers, err := t.ask(run, sql, cutoffs, accounts, "", "")
	if err != nil {
		return nil, err
	}
	if err := t.alone(run, sql, answers, cutoffs, accounts); err != nil {
		return nil, err
	}
	return answers, t.leaks(run, base, answers, cutoffs, accounts)
}

// answer is what the file answers for one account and cutoff, by measured.
type answer []float64

type answerKey struct {
	account string
	cutoff  frame.Cutoff
}

// ask runs the file and keeps its answers. It refuses two rows for an account and
// cutoff, an account or cutoff that nobody asked for, and columns that are not
// the entry's.
func (t *trial) ask(run asker, sql string, cutoffs []frame.Cutoff, accounts []string, from, to string) (map[answerKey]answer, error) {
	params := maps.Clone(t.params)
	known := make([]frame.KnownAt, len(cutoffs))
	for i, c := range cutoffs {
		known[i] = frame.KnownAt(c.Add(trialLag))
	}
	params["cutoffs"], params["known_at"], params["accounts"], params["from_account"], params["to_account"] = cutoffs, known, accounts, from, to
	all := map[answerKey]answer{}
	err := run(sql, only(sql, params), func(b *frame.Table) error { return t.take(b, all, cutoffs, accounts, from, to) })
	return all, err
}

// take adds a block of an answer.
func (t *trial) take(b *frame.Table, all map[answerKey]answer, cutoffs []frame.Cutoff, accounts []string, from, to string) error {
	measured := features.Names(t.measured)
	for _, name := range b.Names() {
		if name != "account" && name != "cutoff" && !slices.Contains(measured, name) {
			return fmt.Errorf("it answers a column %q, which has no entry", name)
		}
	}
	keys, err := pick(b, "account", "cutoff")
	if err != nil {
		return err
	}
	if keys[0].Kind != frame.Text || keys[1].Kind != frame.Time {
		return fmt.Errorf("its account is a %s and its cutoff a %s, need a text and an instant", keys[0].Kind, keys[1].Kind)
	}
	columns, err := pick(b, measured...)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if c.Kind == frame.Text || c.Kind == frame.Time {
			return fmt.Errorf("column %q is a %s, need a number", c.Name, c.Kind)
		}
	}
	for i := range b.Rows() {
		key := answerKey{keys[0].Texts[i], frame.Cutoff(keys[1].Integers[i])}
		_, asked := slices.BinarySearch(accounts, key.account)
		switch {
		case len(accounts) > 0 && !asked || key.account < from || to != "" && key.account > to:
			return fmt.Errorf("it answers for account %q, which was not asked for", key.account)
		case !slices.Contains(cutoffs, key.cutoff):
			return fmt.Errorf("it answers for account %q as of %s, which was not asked for", key.account, key.cutoff)
		case all[key] != nil:
			return twiceError(key.account, key.cutoff)
		}
		row := make(answer, len(columns))
		for c, column := range columns {
			if row[c] = column.Float(i); t.measured[c].Integer && row[c] != math.Trunc(row[c]) && !math.IsNaN(row[c]) {
				return fmt.Errorf("feature %q of account %q as of %s is %v, and a count is whole", column.Name, key.account, key.cutoff, row[c])
			}
		}
		all[key] = row
	}
	return nil
}

// twiceError refuses an answer that is not one row per account and cutoff.
func twiceError(account string, cutoff frame.Cutoff) error {
	return fmt.Errorf("it answers two rows for account %q as of %s; the grain is one row per account × cutoff", account, cutoff)
}

// alone sees to it that an account's answers don't depend on who else is asked
// for, nor on the other cutoffs.
func (t *trial) alone(run asker, sql string, whole map[answerKey]answer, cutoffs []frame.Cutoff, accounts []string) error {
	for _, part := range []struct {
		cutoffs  []frame.Cutoff
		accounts []string
		from, to string
	}{
		{cutoffs[1:2], accounts[len(accounts)/2:], "", ""},
		{cutoffs, nil, accounts[0], accounts[0]},
	} {
		answers, err := t.ask(run, sql, part.cutoffs, part.accounts, part.from, part.to)
		if err != nil {
			return err
		}
		expected := map[answerKey]answer{}
		for key, row := range whole {
			_, named := slices.BinarySearch(part.accounts, key.account)
			if slices.Contains(part.cutoffs, key.cutoff) && (named || part.from == key.account) {
				expected[key] = row
			}
		}
		if err := t.differ(expected, answers, "when fewer accounts or cutoffs are asked for"); err != nil {
			return err
		}
	}
	return nil
}

// leaks sees to it that what lies after a cutoff, or was recorded after what was
// known, changes nothing: the answers are the same when all of it is taken away
// and something else put in its place.
func (t *trial) leaks(run asker, base rows, whole map[answerKey]answer, cutoffs []frame.Cutoff, accounts []string) error {
	for _, c := range cutoffs {
		seen := map[answerKey]answer{}
		for key, row := range whole {
			if key.cutoff == c {
				seen[key] = row
			}
		}
		answers, err := t.ask(run, views{base: base, later: true}.text(t.file.SQL), []frame.Cutoff{c}, accounts, "", "")
		if err != nil {
			return err
		}
		if err := t.differ(seen, answers, "when other facts lie after the cutoff, or are recorded after what was known: it reads the future"); err != nil {
			return err
		}
	}
	return nil
}

// differ returns an error that shows the first difference, in the order of
// accounts, cutoffs and features; nil when there is none.
func (t *trial) differ(whole, other map[answerKey]answer, when string) error {
	keys := slices.Collect(maps.Keys(whole))
	for key := range other {
		if whole[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b answerKey) int {
		if c := strings.Compare(a.account, b.account); c != 0 {
			return c
		}
		return int(a.cutoff - b.cutoff)
	})
	for _, key := range keys {
		for i := range t.measured {
			a, b := t.value(whole[key], i), t.value(other[key], i)
			if math.Float64bits(a) != math.Float64bits(b) && !(math.IsNaN(a) && math.IsNaN(b)) {
				return fmt.Errorf("feature %q of account %q as of %s is %s, and %s %s", t.measured[i].Name, key.account, key.cutoff, number(a), number(b), when)
			}
		}
	}
	return nil
}

// value is what the frame holds for an answer: no row reads as nothing.
func (t *trial) value(a answer, measured int) float64 {
	switch {
	case a != nil:
		return a[measured]
	case t.measured[measured].Zero:
		return 0
	}
	return math.NaN()
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "missing"
	}
	return fmt.Sprint(v)
}
