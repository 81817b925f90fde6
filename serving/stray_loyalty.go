package serving

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fealty/features"
	"fealty/model/loyalty"
)

// strayColumns says which exceptions of loyalty read a column that there is not, in a
// catalogue or handed in: they never hold.
func strayColumns(settings *loyalty.Settings, catalogue []features.Feature) []Note {
	known := loyalty.Extras()
	for i := range catalogue {
		known = append(known, catalogue[i].Name)
	}
	var notes []Note
	for _, c := range settings.Caps {
		if slices.Contains(known, c.Column) {
			continue
		}
		en, zh := "", ""
		if near := Nearest(c.Column, known); near != "" {
			en, zh = fmt.Sprintf("; did you mean %s?", near), fmt.Sprintf("；是否应为%s？", near)
		}
		notes = append(notes, Note{
			EN: fmt.Sprintf("The exception %s reads the column %s, which there is not, so that it never holds%s", c.Name, c.Column, en),
			ZH: fmt.Sprintf("例外%s引用的列%s不存在，因此永不生效%s", c.Name, c.Column, zh),
		})
	}
	return notes
}

// straySegments says which segments have weights and no account.
func straySegments(settings *loyalty.Settings, segments []string) []Note {
	there := map[string]bool{}
	for _, name := range segments {
		there[name] = true
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(there)), func(name string) bool { return name == "" })
	var notes []Note
	for _, name := range slices.Sorted(maps.Keys(settings.Segments)) {
		if there[name] {
			continue
		}
		en, zh := "accounts have no segments here", "此处客户没有细分"
		if near := Nearest(name, names); near != "" {
			en, zh = fmt.Sprintf("did you mean %s?", near), fmt.Sprintf("是否应为%s？", near)
		} else if len(names) > 0 {
			en, zh = "there are "+strings.Join(names[:min(len(names), shownManagers)], ", "), "现有"+strings.Join(names[:min(len(names), shownManagers)], "、")
		}
		notes = append(notes, Note{
			EN: fmt.Sprintf("Segment %s has weights of its own and no account is of it; %s", name, en),
			ZH: fmt.Sprintf("细分%s设有单独权重，但没有客户属于该细分；%s", name, zh),
		})
	}
	return notes
}

// StrayLoyalty says which settings of loyalty read what no catalogue has and nothing
// hands in, as far as that shows without the accounts. own are the team's features.
func (s Settings) StrayLoyalty(own []features.OwnFile) []Note {
	catalogue, _ := features.WithOwn(features.Catalogue(), own)
	return strayColumns(&s.Worth.Loyalty, catalogue)
}

// strayLoyalty says which settings of loyalty name what is not there.
func (s *Service) strayLoyalty(settings *loyalty.Settings, c *crowd) []Note {
	return append(strayColumns(settings, s.catalogue()), straySegments(settings, c.segments())...)
}
