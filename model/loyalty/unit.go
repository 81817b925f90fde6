package loyalty

// unitsZH are the units of terms and figures in Chinese; in English the unit is its word.
var unitsZH = map[string]string{
	"1":                     "无量纲",
	"accounts":              "客户数",
	"accounts per day":      "客户数/天",
	"base currency":         "本位币",
	"base currency per day": "本位币/天",
	"categories":            "品类数",
	"days":                  "天",
	"nats":                  "奈特",
	"referrals":             "推荐次数",
	"share":                 "占比",
	"times":                 "倍",
}

// WordsOfUnit returns the words of a unit; those of one that is not known here are the
// unit itself, and false.
func WordsOfUnit(unit string) (Words, bool) {
	zh, ok := unitsZH[unit]
	if !ok {
		zh = unit
	}
	return Words{unit, zh}, ok
}
