package features

import (
	"cmp"
	"slices"
	"strings"
)

// Vocabulary is the words that features read in a text column of a canonical table.
// Upper and lower case are alike. Whatever else stands there is kept as it is, and no
// feature reads it.
type Vocabulary struct {
	Table, Column string
	// Words are the words, each in one spelling.
	Words []string
	// Also are further spellings, by what they are read as.
	Also map[string]string
	// Families are words that more may follow: survey_nps is of the family survey.
	Families []string
}

// The purposes of a contact.
const (
	PurposeCare         = "care"
	PurposeInformation  = "information"
	PurposeTransaction  = "transaction"
	PurposeService      = "service"
	PurposeIntelligence = "intelligence"
)

// The roles of people at an account.
const (
	RoleBuyer         = "buyer"
	RoleDecisionMaker = "decision maker"
	RoleUser          = "user"
	RolePayer         = "payer"
)

// The orientations of an account.
const (
	OrientationPrice = "price"
	OrientationValue = "value"
)

// Vocabularies returns the words of all text columns that features read word by word,
// in the order of Schemas. The feature SQL compares with the same words. The result
// is the caller's own.
func Vocabularies() []Vocabulary {
	return []Vocabulary{
		{Table: "accounts", Column: "orientation", Words: []string{OrientationPrice, OrientationValue}},
		{Table: "interactions", Column: "kind", Families: []string{"survey"}, Words: []string{
			"visit", "call", "email", "care", "complaint", "complaint_resolved", "referral", "survey",
			"competitor_offer", "people_change", "promise", "promise_kept", "event",
		}},
		{Table: "interactions", Column: "purpose", Words: []string{PurposeCare, PurposeInformation, PurposeTransaction, PurposeService, PurposeIntelligence}},
		{Table: "interactions", Column: "factor", Words: []string{Quality, Price, Switching, Risk, Service, Publicity}, Also: map[string]string{"switching_cost": Switching}},
		{Table: "people", Column: "role", Words: []string{RoleBuyer, RoleDecisionMaker, RoleUser, RolePayer}, Also: map[string]string{"decision_maker": RoleDecisionMaker}},
	}
}

// Words returns the vocabulary of a column and whether it has one.
func Words(table, column string) (Vocabulary, bool) {
	for _, v := range Vocabularies() {
		if v.Table == table && v.Column == column {
			return v, true
		}
	}
	return Vocabulary{}, false
}

// Read returns the word that a text is read as, and whether it is one.
func (v Vocabulary) Read(text string) (word string, known bool) {
	text = strings.ToLower(text)
	if word, ok := v.Also[text]; ok {
		return word, true
	}
	if slices.Contains(v.Words, text) {
		return text, true
	}
	for _, family := range v.Families {
		if strings.HasPrefix(text, family+"_") {
			return family, true
		}
	}
	return "", false
}

// ReturnClass is a class of reasons for which goods come back.
type ReturnClass uint8

// The classes of reasons.
const (
	// ReturnUnsaid: no reason is given.
	ReturnUnsaid ReturnClass = iota
	// ReturnQuality: the goods.
	ReturnQuality
	// ReturnService: when and how they came, or what came instead.
	ReturnService
	// ReturnPrice: what they cost.
	ReturnPrice
	// ReturnUnneeded: the buyer ordered too much or otherwise than was meant.
	ReturnUnneeded
	// ReturnUnknown: a reason of no known beginning; features count it, like
	// ReturnUnneeded, among the other reasons.
	ReturnUnknown
)

// ReturnWord says of what class a reason is that begins so, in lower case.
type ReturnWord struct {
	Word  string
	Class ReturnClass
}

// returnWords are the beginnings of reasons by class, in English and Chinese.
var returnWords = map[ReturnClass][]string{
	ReturnQuality: {
		"quality", "poor quality", "bad quality", "damage", "defect", "broken", "fault", "torn", "leak", "rotten", "spoil", "expired", "stale", "not as described",
		"does not work", "doesn't work", "not working",
		"质量", "品质", "产品质量", "商品质量", "质量问题", "破损", "产品破损", "商品破损", "包装破损", "损坏", "瑕疵", "缺陷", "故障", "次品", "过期", "变质", "与描述不符",
	},
	ReturnService: {
		"service", "bad service", "late", "too late", "delay", "delivered late", "delivery", "wrong", "missing", "incomplete", "short delivery", "not delivered", "never arrived", "not ordered",
		"服务", "迟", "太迟", "晚到", "太晚", "延迟", "延误", "送货", "配送", "物流", "发错", "错发", "送错", "漏发", "少发", "未送达", "未收到",
	},
	ReturnPrice: {
		"price", "too expensive", "expensive", "cheaper", "found cheaper", "too dear",
		"价格", "价钱", "太贵", "贵", "更便宜", "降价",
	},
	ReturnUnneeded: {
		"no longer", "not needed", "unneeded", "changed mind", "change of mind", "changed my mind", "ordered too m", "ordered by mistake", "ordered twice", "over-ordered", "surplus",
		"不需要", "不再需要", "不想要", "多订", "订多", "订错", "误下单", "重复下单", "无理由", "七天无理由",
	},
}

// longestFirst are the beginnings of reasons in the order in which they decide.
var longestFirst = func() []ReturnWord {
	var all []ReturnWord
	for class, words := range returnWords {
		for _, w := range words {
			all = append(all, ReturnWord{w, class})
		}
	}
	slices.SortFunc(all, func(a, b ReturnWord) int {
		return cmp.Or(len(b.Word)-len(a.Word), strings.Compare(a.Word, b.Word))
	})
	return all
}()

// ReturnWords returns the beginnings of reasons of return that features know, the longest
// first: of several the longest decides.
func ReturnWords() []ReturnWord { return slices.Clone(longestFirst) }

// ClassOfReturn returns the class of a reason as it was written: by its beginning, without
// the space before it, upper and lower case alike.
func ClassOfReturn(reason string) ReturnClass {
	if reason == "" {
		return ReturnUnsaid
	}
	told := strings.ToLower(strings.TrimLeft(reason, " "))
	for _, w := range longestFirst {
		if strings.HasPrefix(told, w.Word) {
			return w.Class
		}
	}
	return ReturnUnknown
}
