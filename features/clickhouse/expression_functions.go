package clickhouse

import (
	"fmt"
	"regexp"
	"strings"
)

// words makes a set of names.
func words(text string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(text) {
		set[strings.ToLower(name)] = true
	}
	return set
}

// tableFunctions may stand behind FROM.
var tableFunctions = map[string]bool{"numbers": true}

// membership are the functions whose right side may be a table.
var membership = words(`in notIn globalIn globalNotIn nullIn notNullIn globalNullIn globalNotNullIn inIgnoreSet notInIgnoreSet
	globalInIgnoreSet globalNotInIgnoreSet nullInIgnoreSet notNullInIgnoreSet`)

// operators are what the syntax tree calls operators and syntax of their own.
var operators = words(`plus minus multiply divide modulo negate intDiv equals notEquals less greater lessOrEquals greaterOrEquals and or not xor like
	notLike ilike notILike match in notIn globalIn globalNotIn nullIn notNullIn globalNullIn globalNotNullIn isNull isNotNull isDistinctFrom
	isNotDistinctFrom if multiIf caseWithExpression caseWithoutExpression concat tuple array arrayElement tupleElement lambda CAST _CAST exists
	coalesce toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth toIntervalQuarter toIntervalYear
	trimBoth trimLeft trimRight extract position substring dateDiff dateAdd dateSub toDate toDateTime toYear toMonth toDayOfMonth toHour toMinute
	toSecond toQuarter`)

// typeNames take arguments like calls do.
var typeNames = words(`Nullable LowCardinality Decimal Decimal32 Decimal64 Decimal128 Numeric DateTime DateTime32 DateTime64 FixedString Array Tuple
	Map Enum Enum8 Enum16 Varchar Char`)

// families of functions that compute a value from their arguments and nothing
// else. A name of a family that does more stands in changing.
var families = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`to(?:u?int(?:8|16|32|64|128|256)|float(?:32|64)|decimal(?:32|64|128|256)|date|date32|datetime|datetime32|datetime64|bool|uuid)(?:ornull|orzero|ordefault)?`,
	`to(?:year|quarter|month|week|dayof(?:year|month|week)|hour|minute|second|isoyear|isoweek|yyyymm|yyyymmdd|yyyymmddhhmmss|yearweek|lastdayofmonth|lastdayofweek|monday|time|string|stringcuttozero|fixedstring|nullable|lowcardinality|unixtimestamp|timezone|typename|valid(?:utf8))`,
	`to(?:startof(?:year|isoyear|quarter|month|week|day|hour|minute|second|interval))`,
	`to(?:relative(?:year|quarter|month|week|day|hour|minute|second)num)`,
	`tounixtimestamp64(?:second|milli|micro|nano)`, `fromunixtimestamp(?:64(?:second|milli|micro|nano))?`,
	`to(?:interval(?:second|minute|hour|day|week|month|quarter|year))`,
	`parsedatetime(?:32|64)?(?:besteffort(?:us)?|injodasyntax)?(?:ornull|orzero)?`,
	`(?:add|subtract)(?:years|quarters|months|weeks|days|hours|minutes|seconds)`,
	`array(?:map|filter|exists|all|count|sum|avg|min|max|product|first|last|firstornull|lastornull|firstindex|lastindex|element|concat|slice|sort|reversesort|reverse|distinct|uniq|compact|cumsum|difference|zip|flatten|pushback|pushfront|popback|popfront|resize|stringconcat|enumerate|intersect|join|shiftleft|shiftright|rotateleft|rotateright|fill|reversefill|partialsort|partialreversesort)`,
	`(?:left|right)(?:pad)?(?:utf8)?`, `(?:lower|upper|length|reverse|substring|position)(?:utf8|caseinsensitive|caseinsensitiveutf8)?`,
	`trim(?:left|right|both)?`, `[lr]trim`, `split(?:by(?:char|string|regexp|whitespace))`, `replace(?:all|one|regexpall|regexpone)?`,
	`(?:starts|ends)with`, `multisearchany(?:caseinsensitive)?`, `extract(?:all)?`,
	`jsonextract(?:string|int|uint|float|bool|raw|keys)?`, `jsonhas`, `jsonlength`, `simplejson(?:extract(?:string|int|uint|float|bool|raw)|has)`,
	`is(?:null|notnull|nan|finite|infinite|zeroornull)`, `bit(?:and|or|xor|not|shiftleft|shiftright|test)`,
	`(?:date|time)_?(?:diff|add|sub|trunc)`, `timestamp_?(?:diff|add|sub)`, `map(?:keys|values|contains|contains?key)?`,
}, "|") + `)$`)

// values are further functions of their arguments alone.
var values = words(`abs accurateCast accurateCastOrNull accurateCastOrDefault age array assumeNotNull base64Decode bar caseWithExpression cast ceil
	ceiling char_length character_length cityHash64 coalesce concat concatWithSeparator countEqual countSubstrings crc32 cutURLParameter
	date dateName day dayofmonth dayofweek dayofyear divide domain empty equals exp exp10 exp2 extractTextFromHTML farmHash64 floor
	formatDateTime greater greaterOrEquals greatest halfMD5 has hasAll hasAny hasToken hex hour if ifNull indexOf initcap intDiv intDivOrZero intExp10
	leadingZeros least length less lessOrEquals like ln log log10 log2 lcase makeDate makeDate32 makeDateTime makeDateTime64 match max2 md5 min2
	minus minute mod modulo moduloOrZero month monthName multiIf multiply murmurHash3_64 negate normalizeUTF8NFC not notEmpty
	notEquals notLike nullIf octet_length plus positiveModulo pow power printf quarter radians regexpExtract repeat reinterpretAsInt64 round
	roundBankers roundDown second sha256 sign sipHash64 sipHash128 sqrt str_to_date substr substringIndex timeSlot timeSlots transform trunc
	truncate tuple tupleElement ucase unhex visibleWidth week xxHash64 year yearweek and or xor`)

// aggregates may stand in a query, with the usual suffixes; windows too.
var (
	aggregates = words(`any anyLast argMax argMin avg count groupArray groupUniqArray max median medianExact min quantile quantileExact stddevPop
		stddevSamp sum uniq uniqExact varPop varSamp any_value first_value last_value array_agg`)
	windows  = words(`row_number rank dense_rank ntile lag lead lagInFrame leadInFrame nth_value first_value last_value`)
	suffixes = []string{"ornull", "ordefault", "distinct", "if"}
)

// changing are functions that somebody will want, and why they can't be had.
var changing = words(`now now64 today yesterday nowInBlock nowInBlock64 current_timestamp current_date curdate utc_timestamp utcTimestamp rand rand32
	rand64 randCanonical randConstant randUniform randNormal generateUUIDv4 generateUUIDv7 generateULID generateSnowflakeID rowNumberInBlock
	rowNumberInAllBlocks blockNumber runningDifference runningAccumulate neighbor`)

// guardCall refuses a function that is not known to compute a value from its
// arguments alone.
func guardCall(name string, where form) error {
	lower := strings.ToLower(name)
	switch {
	case changing[lower]:
		return fmt.Errorf("%w: %s answers something else each time, so that no score could be computed again", ErrExpression, name)
	case lower == "arrayjoin" && where == columnForm:
		return fmt.Errorf("%w: %s makes several rows of one; write a query", ErrExpression, name)
	case typeNames[lower], values[lower], families.MatchString(lower), operators[lower] && !membership[lower] && lower != "lambda":
		return nil
	}
	aggregate := windows[lower]
	for rest, again := lower, true; again; {
		aggregate = aggregate || aggregates[rest]
		again = false
		for _, suffix := range suffixes {
			if cut, ok := strings.CutSuffix(rest, suffix); ok {
				rest, again = cut, true
				break
			}
		}
	}
	switch {
	case aggregate && where == columnForm:
		return fmt.Errorf("%w: %s looks at several rows; write a query", ErrExpression, name)
	case aggregate, where == queryForm && tableFunctions[lower]:
		return nil
	}
	return fmt.Errorf("%w: the function %s is not one of those that fealty lets in", ErrExpression, name)
}
