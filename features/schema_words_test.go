package features_test

import (
	"strings"
	"testing"

	"fealty/features"
)

func TestReasonsOfReturnFallIntoClassesByTheirBeginning(t *testing.T) {
	for reason, want := range map[string]features.ReturnClass{
		"": features.ReturnUnsaid, "QUALITY: torn": features.ReturnQuality, "Damaged in transit": features.ReturnQuality, "质量不合格": features.ReturnQuality,
		"too late": features.ReturnService, " Wrong item": features.ReturnService, "迟到三天": features.ReturnService, "Faulty plug": features.ReturnQuality,
		"price too high": features.ReturnPrice, "太贵了": features.ReturnPrice, "no longer needed": features.ReturnUnneeded, "ordered too many": features.ReturnUnneeded,
		// Of the words that begin it the longest decides; what stands later in it says nothing.
		"delivered late": features.ReturnService, "delivery": features.ReturnService, "very late": features.ReturnUnknown, " ": features.ReturnUnknown, "other": features.ReturnUnknown,
	} {
		if got := features.ClassOfReturn(reason); got != want {
			t.Errorf("ClassOfReturn(%q) = %d, want %d", reason, got, want)
		}
	}
	words := features.ReturnWords()
	seen := map[string]bool{}
	for i, w := range words {
		if seen[w.Word] || w.Word != strings.ToLower(w.Word) || w.Word == "" {
			t.Errorf("word %q is empty, not in lower case, or of two classes", w.Word)
		}
		seen[w.Word] = true
		if i > 0 && len(w.Word) > len(words[i-1].Word) {
			t.Errorf("%q stands behind the shorter %q", w.Word, words[i-1].Word)
		}
	}
}

func TestVocabulariesAreOfCanonicalColumns(t *testing.T) {
	for _, v := range features.Vocabularies() {
		s, ok := features.Schema(v.Table)
		if !ok || s.Field(v.Column) == nil {
			t.Errorf("there is no column %s.%s", v.Table, v.Column)
		}
		for _, w := range v.Words {
			if got, known := v.Read(strings.ToUpper(w)); !known || got != w {
				t.Errorf("%s.%s: %q is read as %q, %v", v.Table, v.Column, strings.ToUpper(w), got, known)
			}
		}
	}
	kinds, _ := features.Words("interactions", "kind")
	roles, _ := features.Words("people", "role")
	for _, c := range []struct {
		of         features.Vocabulary
		text, want string
	}{
		{kinds, "Survey_NPS", "survey"}, {kinds, "surveyed", ""}, {kinds, "visits", ""}, {kinds, "", ""}, {roles, "Decision_Maker", features.RoleDecisionMaker},
	} {
		if got, known := c.of.Read(c.text); got != c.want || known != (c.want != "") {
			t.Errorf("%s %q is read as %q, %v, want %q", c.of.Column, c.text, got, known, c.want)
		}
	}
	if _, ok := features.Words("people", "name"); ok {
		t.Error("names have no vocabulary")
	}
}
