package crosssell

// kindWords are the kinds in English and Simplified Chinese.
var kindWords = map[Kind][2]string{
	New: {"Never bought before", "从未购买"}, Lapsed: {"Bought before, not any more", "曾购买，现已停购"}, Repeat: {"Bought regularly", "重复购买"},
}

// KindText says a kind, by the code that Kind.String writes, in English and
// Simplified Chinese; false for an unknown code.
func KindText(code string) (en, zh string, ok bool) {
	for k, words := range kindWords {
		if k.String() == code {
			return words[0], words[1], true
		}
	}
	return "", "", false
}
