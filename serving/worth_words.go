package serving

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
)

// Why nothing is told of an account that was asked for, beside never_bought and erased.
const (
	notBought = "not_bought_by_then"
	noAccount = "no_account"
	goesOn    = "goes_on_in_another"
	inGroup   = "counted_in_group"
)

// whys are the words of why nothing is told of one account.
var whys = map[string]loyalty.Words{
	features.NeverBought.String(): {EN: "it has never bought", ZH: "从未购买"},
	features.Lapsed.String():      {EN: "its last purchase is longer ago than active_within", ZH: "最近一次购买早于有效期（active_within）"},
	erased:                        {EN: "it asked to be erased", ZH: "已要求删除其数据"},
}

// absentBecause says by a code why nothing is told of an account.
func absentBecause(account frame.AccountID, code string) Absent {
	t := termOf(code, func() (loyalty.Words, bool) { w, ok := whys[code]; return w, ok })
	return Absent{string(account), code, t.EN, t.ZH}
}

// absentBy says that an account had not bought by a cutoff.
func absentBy(account frame.AccountID, cutoff string) Absent {
	return Absent{string(account), notBought, "no account of this name had bought by " + cutoff, "截至" + cutoff + "没有此名称的客户有过购买"}
}

// absentOf says that a run has no account of that name, and in which it goes on, if it
// does and that may be told.
func (d *disclosure) absentOf(account frame.AccountID, moves map[frame.AccountID]features.Move) Absent {
	move, gone := d.goesOn(account, moves)
	switch {
	case !gone:
		return Absent{string(account), noAccount, fmt.Sprintf("run %q has no account %q", d.run.ID, account), fmt.Sprintf("评分批次%q中没有客户%q", d.run.ID, account)}
	case move.Kind == features.Group:
		return Absent{
			string(account), inGroup, fmt.Sprintf("run %q counts account %q in group %q; ask for that", d.run.ID, account, move.Into),
			fmt.Sprintf("评分批次%q将客户%q计入集团%q；请查询该集团", d.run.ID, account, move.Into),
		}
	}
	since := time.Unix(move.Since, 0).In(d.Settings.Location()).Format(time.DateOnly)
	return Absent{
		string(account), goesOn,
		fmt.Sprintf("run %q has no account %q of its own: it goes on in %q (%s since %s); ask for that", d.run.ID, account, move.Into, move.Kind, since),
		fmt.Sprintf("评分批次%q中客户%q已不再单列：自%s起并入%q；请查询后者", d.run.ID, account, since, move.Into),
	}
}

// leftOut are the words of why accounts are no candidates of a call list, with a place
// for their number.
var leftOut = map[string]loyalty.Words{
	features.NeverBought.String(): {EN: "never bought: %d", ZH: "%d个从未购买"},
	features.Lapsed.String():      {EN: "already gone: %d", ZH: "%d个已流失"},
	erased:                        {EN: "asked to be erased: %d", ZH: "%d个要求删除数据"},
	optedOut:                      {EN: "opted out: %d", ZH: "%d个拒绝被联系或分析"},
	paused:                        {EN: "at rest by agreement: %d", ZH: "%d个处于约定的暂停期"},
}

// sayLeftOut tells who is no candidate, and of which candidates the value is below 0;
// nothing where there are none.
func (r *DecideResult) sayLeftOut() {
	var en, zh []string
	for _, code := range slices.Sorted(maps.Keys(r.LeftOut)) {
		words, ok := leftOut[code]
		if !ok { // the reason of a later release
			words = loyalty.Words{EN: code + ": %d", ZH: "%d个" + code}
		}
		en, zh = append(en, fmt.Sprintf(words.EN, r.LeftOut[code])), append(zh, fmt.Sprintf(words.ZH, r.LeftOut[code]))
	}
	if len(en) > 0 {
		r.English = append(r.English, "Accounts that are no candidates: "+strings.Join(en, "; ")+".")
		r.Chinese = append(r.Chinese, "不作为候选的客户："+strings.Join(zh, "；")+"。")
	}
	if r.Losing > 0 {
		r.English = append(r.English, fmt.Sprintf("Candidates whose value is below 0, and is taken for 0 because to keep them earns nothing: %d.", r.Losing))
		r.Chinese = append(r.Chinese, fmt.Sprintf("有%d个候选客户的价值低于0，按0计算：留住它们不带来收益。", r.Losing))
	}
}

// unknownManagers refuses names that no account has, and tells those that come near.
func unknownManagers(asked map[string]int, known map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if name == "" || known[name] {
			continue
		}
		names := slices.Sorted(maps.Keys(known))
		names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
		hint := "no account has a manager"
		if near := Nearest(name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		} else if n := len(names); n > 0 {
			hint = fmt.Sprintf("there are %q", names[:min(n, shownManagers)])
			if n > shownManagers {
				hint += fmt.Sprintf(" and %d more", n-shownManagers)
			}
		}
		return fmt.Errorf("no account has the manager %q, so that a capacity for that name limits nobody; %s: %w", name, hint, ErrInvalid)
	}
	return nil
}

// shownManagers is how many names an error lists.
const shownManagers = 10
