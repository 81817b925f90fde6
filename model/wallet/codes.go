package wallet

import (
	"strings"

	"fealty/model/score"
)

// Stored is what a record keeps of an estimate, and all that its words can name. An
// empty category is all of them.
type Stored struct {
	Category         string
	Low, High, Spend float64
	// Author declared what the wallet rests on, for the year from Period, a day; "" in
	// records that don't tell.
	Author, Period string
}

// fill puts the values into a template; whole is the word for all categories.
func (s *Stored) fill(template, whole string) string {
	money := func(v float64) string { return score.Format(v, "base currency") }
	category := s.Category
	if category == "" {
		category = whole
	}
	return strings.NewReplacer("{category}", category, "{low}", money(s.Low), "{high}", money(s.High), "{spend}", money(s.Spend),
		"{author}", s.Author, "{period}", s.Period).Replace(template)
}

// named are the words of those codes whose own words name more than a record keeps
// that tells author and period; briefs of one that doesn't.
var named = map[string][2]string{
	"declared_amount": whys[DeclaredAmount].words,
	"declared_rank":   {"from a rank among its suppliers, said by {author} for the year from {period} (Wallet Allocation Rule)", "根据{author}给出的、自{period}起一年的供应商排名按钱包分配法则推算"},
	"past_share":      whys[PastShare].words,
	"stale":           {"the declaration of {period} is old", "{period}的申报已过时"},
}

var briefs = map[string][2]string{
	"declared_amount": {"declared", "已申报"},
	"declared_rank":   {"from a rank among its suppliers (Wallet Allocation Rule)", "根据供应商排名按钱包分配法则推算"},
	"past_share":      {"from today's spend and the share of an earlier declaration, taken nearer to the usual share the fewer its orders were", "根据当前消费以及较早申报的份额推算；当年订单越少，越靠近一般份额"},
	"raised":          {"the declared wallet is below the account's own spend {spend}, which is taken instead", "申报的钱包低于客户自身消费{spend}，改用后者"},
	"stale":           {"the declaration is old", "申报已过时"},
	"rank_unused":     {"a rank among suppliers was given, but without own spend it tells no wallet", "已给出供应商排名，但没有自身消费，无法推算钱包"},
}

// say looks a code up in a table of words.
func say(table []word, code string, s Stored) (en, zh string, ok bool) {
	for _, w := range table {
		if w.code == code {
			words, ok := named[code]
			if !ok || s.Author == "" || s.Period == "" {
				if words, ok = briefs[code]; !ok {
					words = w.words
				}
			}
			return s.fill(words[English], "all categories"), s.fill(words[Chinese], "全部品类"), true
		}
	}
	return "", "", false
}

// StateText says a stored state; false for an unknown code.
func StateText(code string) (en, zh string, ok bool) { return say(states[:], code, Stored{}) }

// WhyText says what a stored wallet rests on, or why there is none; false for an
// unknown code.
func WhyText(code string, s Stored) (en, zh string, ok bool) { return say(whys[:], code, s) }

// NoTrendText says why a stored wallet has no trend; false for an unknown code.
func NoTrendText(code string, s Stored) (en, zh string, ok bool) { return say(noTrends[:], code, s) }

// FlagText says a stored flag; false for an unknown code.
func FlagText(code string, s Stored) (en, zh string, ok bool) { return say(flags[:], code, s) }
