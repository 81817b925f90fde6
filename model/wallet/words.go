package wallet

import (
	"fmt"
	"strings"

	"fealty/features/frame"
)

// Language of words for people.
type Language int

// The languages.
const (
	English Language = iota
	Chinese
)

// word is a code and its words in every language. Templates name in braces what
// the caller fills in.
type word struct {
	code  string
	words [2]string
}

func (w word) in(l Language) string { return w.words[l] }

var states = [...]word{
	Unknown:   {"unknown", [2]string{"unknown", "未知"}},
	Estimated: {"estimated", [2]string{"estimated", "估计"}},
	Known:     {"known", [2]string{"known", "已知"}},
}

var whys = [...]word{
	None:           {"", [2]string{"", ""}},
	DeclaredAmount: {"declared_amount", [2]string{"declared by {author} for the year from {period}", "由{author}申报，自{period}起的一年"}},
	DeclaredRank:   {"declared_rank", [2]string{"from rank {rank} of {suppliers} suppliers, said by {author} (Wallet Allocation Rule)", "根据{author}给出的供应商排名第{rank}位（共{suppliers}家）按钱包分配法则推算"}},
	PastShare:      {"past_share", [2]string{"from today's spend and the share of the wallet declared by {author} for the year from {period}, taken nearer to the usual share the fewer its orders were", "根据当前消费以及{author}申报的、自{period}起一年的份额推算；当年订单越少，越靠近一般份额"}},
	ByQuantile:     {"peers", [2]string{"from what similar accounts spend in {category}", "根据相似客户在{category}上的消费估计"}},
	TooWide:        {"too_wide", [2]string{"unknown: anything from {low} to {high} is likely, too wide to act on", "未知：可能在{low}到{high}之间，范围太宽，无法据此行动"}},
	FewPeers:       {"few_peers", [2]string{"unknown: too few accounts buy {category}", "未知：购买{category}的客户太少"}},
	OneAccount:     {"one_account", [2]string{"unknown: one account buys {category}", "未知：只有一个客户购买{category}"}},
	NoPeers:        {"no_peers", [2]string{"unknown: no account buys {category}", "未知：没有客户购买{category}"}},
	Unseen:         {"unseen_category", [2]string{"unknown: {category} is newer than the model; fit it again", "未知：{category}是模型拟合之后新增的品类，请重新拟合"}},
	NotAsked:       {"not_asked", [2]string{"unknown: too many categories are sold to tell the wallet of each, and {category} is not among those that most accounts buy", "未知：品类过多，无法逐一估计钱包，{category}不在购买客户最多的品类之列"}},
	NoneKnown:      {"none_known", [2]string{"unknown: in none of the categories that it buys is its wallet known", "未知：其购买的品类中没有一个的钱包已知"}},
	MostUnknown:    {"most_unknown", [2]string{"unknown: most of what it spends here is in categories whose wallet is unknown", "未知：其在本公司的消费大部分属于钱包未知的品类"}},
	SumTooWide:     {"sum_too_wide", [2]string{"unknown: the intervals of its categories add up to one that is too wide to act on", "未知：各品类区间相加后范围太宽，无法据此行动"}},
	NoModel:        {"no_model", [2]string{"unknown: no model of wallets was learnt, and its card says why", "未知：没有钱包模型，原因见模型卡"}},
	NoPurchases:    {"no_purchases", [2]string{"unknown: it has never bought", "未知：从未购买"}},
	NoInterval:     {"no_interval", [2]string{"unknown: too few accounts to say how sure an estimate for {category} would be", "未知：客户太少，无法判断{category}估计的可靠程度"}},
}

var noTrends = [...]word{
	{string(FirstYear), [2]string{"no trend: it first bought here within the last year, so that there is no year before to compare with", "无趋势：客户在最近一年内首次购买，没有可比较的前一年"}},
	{string(ShortData), [2]string{"no trend: the data begin within the last two years, so that the year before is known only in part", "无趋势：数据始于最近两年之内，前一年仅部分已知"}},
	{string(NeverHere), [2]string{"no trend: nothing of {category} was bought here in the last two years", "无趋势：最近两年未在本公司购买{category}"}},
}

var flags = [...]word{
	{"raised", [2]string{"the declared wallet {declared} is below the account's own spend {spend}, which is taken instead", "申报的钱包{declared}低于客户自身消费{spend}，改用后者"}},
	{"above_peers", [2]string{"spends more than similar accounts do; its spend is taken for its wallet", "消费高于相似客户，以其消费作为钱包"}},
	{"stale", [2]string{"the declaration of {period} is old", "{period}的申报已过时"}},
	{"by_peers_only", [2]string{"too few wallets are declared to check the estimate against", "申报的钱包太少，无法据以核对估计"}},
	{"rank_unused", [2]string{"rank {rank} of {suppliers} suppliers was given, but without own spend it tells no wallet", "已给出供应商排名第{rank}位（共{suppliers}家），但没有自身消费，无法推算钱包"}},
	{"not_bought", [2]string{"buys no {category} here; this is what it would spend if it did", "未在本公司购买{category}；此为若购买时的估计消费"}},
	{"below_parts", [2]string{"the wallet declared for all categories is below what is known of single ones, whose sum is taken instead", "为全部品类申报的钱包低于各品类已知钱包之和，改用后者"}},
	{"as_said", [2]string{"taken as it was said: what the account bought here in that year is not known, or its share says less surely what the wallet is today", "按申报原值采用：该客户当年在本公司的购买情况未知，或按当年份额推算不如申报金额可靠"}},
}

// String returns the state's code.
func (s State) String() string {
	if int(s) < len(states) {
		return states[s].code
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Words returns the state for people.
func (s State) Words(l Language) string { return states[s].in(l) }

// String returns the reason's code; None's is empty.
func (w Why) String() string {
	if int(w) < len(whys) {
		return whys[w].code
	}
	return fmt.Sprintf("why(%d)", uint8(w))
}

// Words returns the reason for people, a template that may name {author}, {period},
// {rank}, {suppliers}, {category}, {low} and {high}.
func (w Why) Words(l Language) string { return whys[w].in(l) }

// Each returns the flags one by one.
func (f Flags) Each() []Flags {
	var all []Flags
	for k := range flags {
		if one := Flags(1 << k); f&one != 0 {
			all = append(all, one)
		}
	}
	return all
}

// at is the number of a single flag, −1 for none or several.
func (f Flags) at() int {
	for k := range flags {
		if f == 1<<k {
			return k
		}
	}
	return -1
}

// String returns the code of a single flag, otherwise the number.
func (f Flags) String() string {
	if k := f.at(); k >= 0 {
		return flags[k].code
	}
	return fmt.Sprintf("flags(%d)", uint8(f))
}

// Words returns a single flag for people, a template that may name {declared},
// {spend}, {period}, {rank}, {suppliers} and {category}. It panics for none or several.
func (f Flags) Words(l Language) string {
	k := f.at()
	if k < 0 {
		panic(fmt.Sprintf("wallet: words of %d flags", len(f.Each())))
	}
	return flags[k].in(l)
}

// WithoutText says that wallets are learnt without some columns, by their labels or,
// lacking those, their names; "" of none.
func WithoutText(columns []frame.Meta) (en, zh string) {
	if len(columns) == 0 {
		return "", ""
	}
	var english, chinese []string
	for k := range columns {
		name, label := columns[k].Name, columns[k].LabelZH
		if label == "" {
			label = name
		}
		chinese = append(chinese, label)
		if columns[k].LabelEN != "" {
			name = columns[k].LabelEN
		}
		english = append(english, name)
	}
	return "learnt without " + strings.Join(english, ", ") + ", which ranks the accounts as their own spend does and would make the spend the wallet",
		"学习时不使用" + strings.Join(chinese, "、") + "：其对客户的排序几乎与自身消费相同，会把消费当作钱包"
}
