package serving

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"unsafe"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// edition is a run in memory: immutable columns in bytewise order of account,
// so that a row's number is its account's rank.
type edition struct {
	run Run
	// account and rowHash differ from row to row; the other texts repeat.
	account, rowHash                           texts
	name, segment, region, manager, unscorable dictionary
	band, stage                                dictionary
	margin, base, probability, percentile      []float64
	valueAtRisk, runRate                       []float64
	change                                     []float64
	previous                                   []frame.Cutoff
	changed                                    []changeState
	reasons                                    reasonColumns
	byRisk                                     []uint32
	rank                                       score.Distribution
	scored                                     int
	bytes                                      int64
	worthColumns
	// moves are the accounts that have no row because they go on in another.
	moves  map[frame.AccountID]features.Move
	mu     sync.Mutex
	orders map[string][]uint32
}

// changeState says whether a row has a change and whether its model did.
type changeState uint8

const (
	noChange changeState = iota
	sameModel
	otherModel
)

// texts are many texts in one: text i ends at ends[i].
type texts struct {
	all  string
	ends []uint32
}

func (t *texts) at(i int) string {
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.all[from:t.ends[i]]
}

func (t *texts) len() int { return len(t.ends) }

// find returns where the text stands or would stand in sorted texts.
func (t *texts) find(text string) (int, bool) {
	return sort.Find(len(t.ends), func(i int) int { return strings.Compare(text, t.at(i)) })
}

// dictionary is a column of texts that repeat: sorted words, and for each row
// the number of its word, so that numbers compare as texts do. Without codes
// row i has word i.
type dictionary struct {
	words texts
	codes []uint32
}

func (d *dictionary) code(i int) int {
	if d.codes == nil {
		return i
	}
	return int(d.codes[i])
}

func (d *dictionary) at(i int) string { return d.words.at(d.code(i)) }

// reasonColumns hold the reasons of all rows one after the other: row i's up to
// upEnds[i], then its down to downEnds[i]. Values that are missing are NaN.
type reasonColumns struct {
	names            []string
	upEnds, downEnds []uint32
	feature          []uint16
	value            []float64
	contribution     []float64
	// The other columns' values that sentences name: reason k's end at withEnds[k].
	withEnds  []uint32
	withName  []uint16
	withValue []float64
}

func (r *reasonColumns) slice(from, to uint32) []score.Reason {
	if from == to {
		return nil
	}
	all := make([]score.Reason, 0, to-from)
	for k := from; k < to; k++ {
		reason := score.Reason{Feature: r.names[r.feature[k]], Contribution: r.contribution[k]}
		if v := r.value[k]; !math.IsNaN(v) {
			reason.Value = &v
		}
		first := uint32(0)
		if k > 0 {
			first = r.withEnds[k-1]
		}
		for w := first; w < r.withEnds[k]; w++ {
			if reason.With == nil {
				reason.With = make(map[string]float64, r.withEnds[k]-first)
			}
			reason.With[r.names[r.withName[w]]] = r.withValue[w]
		}
		all = append(all, reason)
	}
	return all
}

func (r *reasonColumns) of(i int) (up, down []score.Reason) {
	first := uint32(0)
	if i > 0 {
		first = r.downEnds[i-1]
	}
	return r.slice(first, r.upEnds[i]), r.slice(r.upEnds[i], r.downEnds[i])
}

// score puts row i together; it shares texts with the edition and nothing else.
func (e *edition) score(i int) score.Score {
	s := score.Score{
		Account: frame.AccountID(e.account.at(i)), Name: e.name.at(i), Segment: e.segment.at(i), Region: e.region.at(i),
		Manager: e.manager.at(i), Unscorable: e.unscorable.at(i), Margin: e.margin[i], Base: e.base[i],
		Probability: e.probability[i], Percentile: e.percentile[i], Band: score.Band(e.band.at(i)), Stage: score.Stage(e.stage.at(i)),
		ValueAtRisk: e.valueAtRisk[i], RunRate: e.runRate[i],
		Receipt: e.run.Receipt(),
	}
	s.Receipt.RowHash = e.rowHash.at(i)
	if c := e.changed[i]; c != noChange {
		s.Change = &score.Change{Probability: e.change[i], Previous: e.previous[i], ModelChanged: c == otherModel}
	}
	s.Up, s.Down = e.reasons.of(i)
	return s
}

func (e *edition) rows() int { return e.account.len() }

// find returns the row of an account.
func (e *edition) find(a frame.AccountID) (int, bool) { return e.account.find(string(a)) }

// readEdition reads a run into memory: its scores in one pass, then what lists show
// of worth in another.
func readEdition(ctx context.Context, runs Runs, r Run) (*edition, error) {
	b := editionBuilder{edition: &edition{run: r, orders: map[string][]uint32{}}, features: map[string]uint16{}}
	err := runs.Scores(ctx, r, nil, func(part []score.Score) error {
		for i := range part {
			if err := b.add(&part[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("hold run %q: %w", r.ID, err)
	}
	e, err := b.finish()
	if err != nil {
		return nil, err
	}
	if err := e.readWorths(ctx, runs); err != nil {
		return nil, err
	}
	return e, nil
}

// editionBuilder is an edition under construction.
type editionBuilder struct {
	*edition
	accounts, hashes                               textsBuilder
	names, segments, regions, managers, unscorable dictionaryBuilder
	bands, stages                                  dictionaryBuilder
	features                                       map[string]uint16
	last                                           frame.AccountID
}

type textsBuilder struct {
	all  strings.Builder
	ends []uint32
}

// add appends a text; false when the texts grow beyond what their ends count.
func (b *textsBuilder) add(s string) bool {
	if b.all.Len()+len(s) > math.MaxUint32 {
		return false
	}
	b.all.WriteString(s)
	b.ends = append(b.ends, uint32(b.all.Len())) //nolint:gosec // bounded above
	return true
}

func (b *textsBuilder) finish() texts { return texts{b.all.String(), slices.Clip(b.ends)} }

type dictionaryBuilder struct {
	codes []uint32
	known map[string]uint32
}

func (b *dictionaryBuilder) add(s string) {
	code, ok := b.known[s]
	if !ok {
		if b.known == nil {
			b.known = map[string]uint32{}
		}
		code = uint32(len(b.known)) //nolint:gosec // one word per row at most, and rows fit an uint32
		b.known[strings.Clone(s)] = code
	}
	b.codes = append(b.codes, code)
}

// finish sorts the words and numbers them anew.
func (b *dictionaryBuilder) finish() (dictionary, bool) {
	words := make([]string, 0, len(b.known))
	for w := range b.known {
		words = append(words, w)
	}
	slices.Sort(words)
	renamed := make([]uint32, len(words))
	var all textsBuilder
	for i, w := range words {
		renamed[b.known[w]] = uint32(i)
		if !all.add(w) {
			return dictionary{}, false
		}
	}
	for i, code := range b.codes {
		b.codes[i] = renamed[code]
	}
	return dictionary{all.finish(), slices.Clip(b.codes)}, true
}

// add appends a score. Accounts ascend, as Runs.Scores promises: the desk finds
// them by that.
func (b *editionBuilder) add(s *score.Score) error {
	if len(b.margin) > 0 && s.Account <= b.last {
		return fmt.Errorf("account %q comes after %q", s.Account, b.last)
	}
	if len(b.margin) == math.MaxInt32 || !b.accounts.add(string(s.Account)) || !b.hashes.add(s.Receipt.RowHash) {
		return fmt.Errorf("the run is larger than a desk holds: %w", ErrExhausted)
	}
	b.last = s.Account
	b.names.add(s.Name)
	b.segments.add(s.Segment)
	b.regions.add(s.Region)
	b.managers.add(s.Manager)
	b.unscorable.add(s.Unscorable)
	b.bands.add(string(s.Band))
	b.stages.add(string(s.Stage))
	b.margin, b.base = append(b.margin, s.Margin), append(b.base, s.Base)
	b.probability, b.percentile = append(b.probability, s.Probability), append(b.percentile, s.Percentile)
	b.valueAtRisk, b.runRate = append(b.valueAtRisk, s.ValueAtRisk), append(b.runRate, s.RunRate)
	change, previous, state := math.NaN(), frame.Cutoff(0), noChange
	if s.Change != nil {
		change, previous, state = s.Change.Probability, s.Change.Previous, sameModel
		if s.Change.ModelChanged {
			state = otherModel
		}
	}
	b.change, b.previous, b.changed = append(b.change, change), append(b.previous, previous), append(b.changed, state)
	if !math.IsNaN(s.Probability) {
		b.scored++
	}
	if err := b.addReasons(s.Up); err != nil {
		return err
	}
	b.reasons.upEnds = append(b.reasons.upEnds, uint32(len(b.reasons.feature))) //nolint:gosec // addReasons bounds it
	if err := b.addReasons(s.Down); err != nil {
		return err
	}
	b.reasons.downEnds = append(b.reasons.downEnds, uint32(len(b.reasons.feature))) //nolint:gosec // addReasons bounds it
	return nil
}

func (b *editionBuilder) addReasons(all []score.Reason) error {
	r := &b.reasons
	for k := range all {
		value := math.NaN()
		if all[k].Value != nil {
			value = *all[k].Value
		}
		feature, ok := b.feature(all[k].Feature)
		for _, name := range sortedNames(all[k].With) {
			with, known := b.feature(name)
			ok = ok && known
			r.withName, r.withValue = append(r.withName, with), append(r.withValue, all[k].With[name])
		}
		if !ok || len(r.withName) > math.MaxUint32 || len(r.feature) >= math.MaxUint32 {
			return fmt.Errorf("the run's reasons are more than a desk holds: %w", ErrExhausted)
		}
		r.feature, r.value, r.contribution = append(r.feature, feature), append(r.value, value), append(r.contribution, all[k].Contribution)
		r.withEnds = append(r.withEnds, uint32(len(r.withName))) //nolint:gosec // bounded above
	}
	return nil
}

func sortedNames(with map[string]float64) []string {
	if len(with) == 0 {
		return nil
	}
	names := make([]string, 0, len(with))
	for name := range with {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// feature numbers the name of a column; false when there are too many.
func (b *editionBuilder) feature(name string) (uint16, bool) {
	if code, ok := b.features[name]; ok {
		return code, true
	}
	if len(b.features) > math.MaxUint16 {
		return 0, false
	}
	code := uint16(len(b.features)) //nolint:gosec // bounded above
	name = strings.Clone(name)
	b.features[name] = code
	b.reasons.names = append(b.reasons.names, name)
	return code, true
}

// textColumn is a column of texts and what it is built from.
type textColumn struct {
	to   *dictionary
	from *dictionaryBuilder
}

// finishTexts builds columns of texts and counts their bytes.
func (e *edition) finishTexts(columns []textColumn) error {
	for _, c := range columns {
		var ok bool
		if *c.to, ok = c.from.finish(); !ok {
			return fmt.Errorf("the texts of run %q are more than a desk holds: %w", e.run.ID, ErrExhausted)
		}
		e.bytes += c.to.words.size() + sizeOf(c.to.codes)
	}
	return nil
}

// finish sorts what is sorted once and counts the bytes.
func (b *editionBuilder) finish() (*edition, error) {
	e := b.edition
	e.account, e.rowHash = b.accounts.finish(), b.hashes.finish()
	err := e.finishTexts([]textColumn{
		{&e.name, &b.names}, {&e.segment, &b.segments}, {&e.region, &b.regions}, {&e.manager, &b.managers},
		{&e.unscorable, &b.unscorable}, {&e.band, &b.bands}, {&e.stage, &b.stages},
	})
	if err != nil {
		return nil, err
	}
	for _, column := range []*[]float64{&e.margin, &e.base, &e.probability, &e.percentile, &e.valueAtRisk, &e.runRate, &e.change} {
		*column = slices.Clip(*column)
		e.bytes += sizeOf(*column)
	}
	r := &e.reasons
	e.byRisk = e.sorted(riskiestFirst)
	e.rank = score.NewDistribution(e.probability)
	e.bytes += sizeOf(e.probability) // what the ranks take at most
	e.bytes += e.account.size() + e.rowHash.size() + sizeOf(e.previous) + sizeOf(e.changed) + sizeOf(e.byRisk) +
		sizeOf(r.upEnds) + sizeOf(r.downEnds) + sizeOf(r.feature) + sizeOf(r.value) + sizeOf(r.contribution) +
		sizeOf(r.withEnds) + sizeOf(r.withName) + sizeOf(r.withValue)
	return e, nil
}

func (t *texts) size() int64 { return int64(len(t.all)) + sizeOf(t.ends) }

// sizeOf is what a slice's elements take, spare room included.
func sizeOf[T any](s []T) int64 {
	var one T
	return int64(cap(s)) * int64(unsafe.Sizeof(one)) //nolint:gosec // a size, of no pointer
}
