package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// replayWorth tells anew what an account is worth, by the model of the run that told
// it and as of the run's cutoff, known_at and load, and compares the two field by
// field: by bits on the same engine version, to 1e-9 of the larger value on another.
// An account's worth rests on all others (what goes together, tiers, parents), so that
// it takes what Score takes but for the explanations: a pass over all features and what
// is held of the accounts, see crowd and told.
//
// What mapped sources without a recording time hold may be read again if it is what
// they held then. Where the facts are in doubt the features that were kept replace them
// for the lifetime alone, which rests on nothing else: the purchases, profiles,
// declarations and assessments of all accounts, which the rest is told of, are not kept
// with a run.
func (s *Service) replayWorth(ctx context.Context, d *disclosure, published *score.Score, doubts *doubts, report func(Progress)) (*WorthReplay, error) {
	result := s.worthReplay(d.run)
	var then *score.Worth
	var accounts []frame.AccountID
	err := d.Runs.Briefs(ctx, d.run, func(part []Brief) error {
		for i := range part {
			accounts = append(accounts, part[i].Account)
		}
		return nil
	})
	if err == nil {
		then, err = d.worth(ctx, published.Account)
	}
	if err != nil {
		return nil, fmt.Errorf("read what account %q is worth in run %q: %w", published.Account, d.run.ID, err)
	}
	left := *doubts
	if d.run.Fingerprints != "" {
		left.unrecorded = "" // what the sources hold was compared
	}
	left.release = joined("; ", left.release, s.otherWorth(d.run))
	if left.all() != "" {
		return s.untoldWorth(ctx, d, published, then, &left)
	}
	m, err := s.model(ctx, published.Receipt.Model)
	if err != nil {
		return nil, err
	}
	if m.worth == nil {
		result.Same, result.Replayable = then == nil, true
		result.Why = fmt.Sprintf("model %q tells nothing of worth, and neither does the run", published.Receipt.Model)
		if !result.Same {
			result.Why = fmt.Sprintf("model %q tells nothing of worth, and the run does", published.Receipt.Model)
		}
		return result, nil
	}
	c, err := s.calendar(ctx)
	if err != nil {
		return nil, err
	}
	k := s.scorer(m, published.Receipt.Cutoff, published.Receipt.KnownAt, published.Receipt.Watermark)
	request := k.request(nil)
	request.Groups = d.run.Purpose == PurposeGroups
	// As they stood then, but for erasure, which counts whenever it was recorded: whoever
	// asked for it since is not in the crowd, and what rests on all accounts may differ.
	if err := k.stand(ctx, request); err != nil {
		return nil, err
	}
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return nil, err
	}
	defer leave()
	again, err := k.appraiseAll(ctx, request, c, true, report)
	if err != nil {
		return nil, err
	}
	result.Replayable = true
	row, now := again.crowd.row[published.Account]
	switch {
	case then == nil && !now:
		result.Same, result.Why = true, "nothing is told of the account's worth, then as now"
	case then == nil:
		result.Why = "the run tells nothing of the account's worth, and its model does now"
	case !now:
		result.Why = "the run tells the account's worth, and the facts up to its load don't know that it has bought"
	default:
		tolerance, sameEngine := 0.0, published.Receipt.Engine == k.receipt.Engine
		if !sameEngine {
			tolerance = otherEngineTolerance
		}
		is := again.of(row)
		result.Differs = comparison{tolerance, then.Hash == ""}.differences("", unsealed(then), unsealed(is))
		result.compareHashes(then, is, sameEngine)
		result.Same = len(result.Differs) == 0
		result.Why = "told anew from the facts: every field is the same"
		if !result.Same {
			result.Why = fmt.Sprintf("%d fields differ", len(result.Differs))
		}
	}
	if len(accounts) != again.crowd.rows() {
		result.Why += fmt.Sprintf("; the run told the worth of %d accounts, and %d can be told of now", len(accounts), again.crowd.rows())
	}
	since := 0
	for _, account := range accounts {
		if k.standings[account].Erased {
			since++
		}
	}
	if since > 0 {
		result.Why += fmt.Sprintf("; of those that the run told of %d asked to be erased since, and what rests on all accounts is told without them", since)
	}
	if s.otherSettings(published) {
		result.Why += otherSettingsWords.EN
	}
	return result, nil
}

// otherSettingsWords follow a verdict that the settings may be the cause of.
var otherSettingsWords = loyalty.Words{EN: "; the settings that change numbers are others than then", ZH: "；影响数值的设置与当时不同"}

// otherSettings tells whether the settings that change numbers are others than those of
// a score.
func (s *Service) otherSettings(published *score.Score) bool {
	return published.Receipt.ConfigHash != s.Settings.Hash()
}

// untoldWorth says why worth can't be told anew, and the way out. Its lifetime is told
// from the features that were kept, if they are the receipt's: but for its value where
// they know of no cost in the last year, since the margin of the whole history, which
// stands for it there, is no feature.
func (s *Service) untoldWorth(ctx context.Context, d *disclosure, published *score.Score, then *score.Worth, doubts *doubts) (*WorthReplay, error) {
	result := s.worthReplay(d.run)
	result.Why = "not replayable: " + doubts.all() + "; worth rests on the purchases, profiles, declarations and assessments of all accounts, and a run keeps features alone"
	result.WhyZH = "无法重放：" + doubts.chinese() + "；价值取决于全体客户的购买、资料、申报与评价，而评分批次只保存特征"
	result.EN = "Import the facts (fealty import), or map sources with a recorded_at whose rows are never changed: then worth is told anew from them. runs.keep_features keeps what a score and a lifetime are told anew from."
	result.ZH = "请导入事实数据（fealty import），或映射带有recorded_at且从不改动的数据源，此后价值即可据其重放。runs.keep_features保存的特征可用于重放评分与生命周期。"
	if doubts.recorded() { // what is in the way is this release, or this warehouse
		result.EN = "Ask the release that scored, with the warehouse that it read: the facts are still what they were."
		result.ZH = "请使用评分时的版本及其读取的数据仓库重放：事实数据未变。"
	}
	slice, from, err := s.stored(ctx, d.run, published)
	if err != nil || slice == nil || then == nil {
		return result, err
	}
	m, err := s.model(ctx, published.Receipt.Model)
	if err != nil || m.worth == nil {
		return result, err
	}
	t := &told{crowd: &crowd{frame: slice.Frame, profiles: []features.Profile{{Account: published.Account, Segment: published.Segment}}}, horizon: m.card.HorizonDays}
	if err := m.worth.tellLifetime(ctx, t, s.Settings, m.worth.asked(s.Settings, true)); err != nil {
		return nil, err
	}
	result.Kept, result.Lifetime = from, LifetimeSame
	is, was := t.lifetime(0), &then.Lifetime
	valueless := math.IsNaN(values(slice.Frame, marginColumn)[0]) && !math.IsNaN(is.Value) && !math.IsNaN(was.Value)
	if valueless {
		is.Value, is.Low, is.High = was.Value, was.Low, was.High
	}
	if result.Differs = (comparison{}).differences("lifetime", reflect.ValueOf(*was), reflect.ValueOf(is)); len(result.Differs) > 0 {
		result.Lifetime = LifetimeDiffers
	}
	verdict := map[string][2]string{LifetimeSame: {"is the same", "一致"}, LifetimeDiffers: {"differs", "不一致"}}[result.Lifetime]
	result.Why += fmt.Sprintf("; its lifetime alone, told anew from the features kept in run %s, %s", from, verdict[0])
	result.WhyZH += fmt.Sprintf("；仅其生命周期可由批次%s保存的特征重放，结果%s", from, verdict[1])
	if valueless {
		result.Why += ", without its value and interval: the margin of the whole history that they may rest on is not kept"
		result.WhyZH += "，其价值及区间除外：其所依据的毛利率可能取自全部历史，未予保存"
	}
	if s.otherSettings(published) {
		result.Why, result.WhyZH = result.Why+otherSettingsWords.EN, result.WhyZH+otherSettingsWords.ZH
	}
	return result, nil
}

// worth reads what an account of the run is worth; nil when nothing is told of it.
func (d *disclosure) worth(ctx context.Context, account frame.AccountID) (found *score.Worth, err error) {
	err = d.worths(ctx, []frame.AccountID{account}, func(part []score.Worth) error {
		for i := range part {
			if part[i].Account == account {
				found = &part[i]
			}
		}
		return nil
	})
	return found, err
}

// comparison says how two values are compared. Numbers may lie apart by a tolerance
// relative to the larger one. A run from before its worth had a hash told no maps: there
// an empty one is the same as any.
type comparison struct {
	tolerance float64
	before    bool
}

// differences names the fields in which two values of one type differ: structures,
// slices, maps by text, pointers, texts, numbers and truths. NaN is NaN, and an empty
// slice is none. It panics on functions. What is no UTF-8 in a text is U+FFFD, as where
// texts were kept as JSON.
func (c comparison) differences(field string, then, now reflect.Value) []WorthDifference {
	differ := func(a, b string) []WorthDifference { return []WorthDifference{{field, a, b}} }
	switch then.Kind() {
	case reflect.Struct:
		var all []WorthDifference
		for i := range then.NumField() {
			name := fieldName(then.Type().Field(i))
			if field != "" {
				name = field + "." + name
			}
			all = append(all, c.differences(name, then.Field(i), now.Field(i))...)
		}
		return all
	case reflect.Slice:
		if then.Len() != now.Len() {
			return differ(strconv.Itoa(then.Len())+" entries", strconv.Itoa(now.Len())+" entries")
		}
		var all []WorthDifference
		for i := range then.Len() {
			all = append(all, c.differences(fmt.Sprintf("%s[%d]", field, i), then.Index(i), now.Index(i))...)
		}
		return all
	case reflect.Map:
		if then.Len() == 0 && c.before {
			return nil
		}
		var all []WorthDifference
		names := map[string]bool{}
		for _, key := range append(then.MapKeys(), now.MapKeys()...) {
			names[key.String()] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			key := reflect.ValueOf(name).Convert(then.Type().Key())
			a, b := then.MapIndex(key), now.MapIndex(key)
			at := fmt.Sprintf("%s[%s]", field, name)
			if !a.IsValid() || !b.IsValid() {
				all = append(all, WorthDifference{at, thereOrNot(a), thereOrNot(b)})
				continue
			}
			all = append(all, c.differences(at, a, b)...)
		}
		return all
	case reflect.Float64:
		a, b := then.Float(), now.Float()
		if math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= c.tolerance*max(math.Abs(a), math.Abs(b)) && c.tolerance > 0 {
			return nil
		}
		return differ(strconv.FormatFloat(a, 'g', -1, 64), strconv.FormatFloat(b, 'g', -1, 64))
	case reflect.String:
		if a, b := string([]rune(then.String())), string([]rune(now.String())); a != b {
			return differ(a, b)
		}
		return nil
	case reflect.Pointer:
		if then.IsNil() || now.IsNil() {
			if then.IsNil() != now.IsNil() {
				return differ(fmt.Sprint(!then.IsNil()), fmt.Sprint(!now.IsNil()))
			}
			return nil
		}
		return c.differences(field, then.Elem(), now.Elem())
	default: // whole numbers, and what is true or not
		if a, b := then.Interface(), now.Interface(); a != b {
			return differ(fmt.Sprint(a), fmt.Sprint(b))
		}
		return nil
	}
}

// thereOrNot says what an entry of a map is, or that there is none.
func thereOrNot(v reflect.Value) string {
	if !v.IsValid() {
		return "none"
	}
	return fmt.Sprint(v.Interface())
}

// fieldName is a field's name as JSON writes it, or in small letters with _ between
// words.
func fieldName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	var b strings.Builder
	for i, r := range f.Name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
