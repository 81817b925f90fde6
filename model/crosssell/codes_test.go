package crosssell

import "testing"

func TestCodesHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range []Kind{New, Lapsed, Repeat} {
		en, zh, ok := KindText(k.String())
		if !ok || en == "" || zh == "" || seen[en] || seen[zh] {
			t.Errorf("%v says %q, %q, %v", k, en, zh, ok)
		}
		seen[en], seen[zh] = true, true
	}
	if _, _, ok := KindText("unknown"); ok {
		t.Error("an unknown kind has words")
	}
}
