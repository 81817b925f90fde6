package serving

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Provenance tells what mapped sources held, so that it can be told later whether they
// still do.
type Provenance interface {
	// Fingerprints returns the fingerprint of each source as of what was known at an
	// instant, in the order of the sources; each costs a scan of its source.
	Fingerprints(ctx context.Context, sources []features.MappedSource, known frame.KnownAt) ([]features.Fingerprint, error)
}

// The rules by which a run of scores keeps the features that it was made of.
const (
	// KeepAuto keeps them where a mapped source has no recording time, so that nobody
	// could tell later what it held.
	KeepAuto   = "auto"
	KeepAlways = "always"
	KeepNever  = "never"
)

// KeepRules returns the rules.
func KeepRules() []string { return []string{KeepAuto, KeepAlways, KeepNever} }

// keeps tells whether a run of scores keeps its features by a rule, KeepAuto when it is
// "".
func (s *Service) keeps(rule string) (bool, error) {
	switch rule {
	case "", KeepAuto:
		return len(unrecorded(s.Sources)) > 0, nil
	case KeepAlways, KeepNever:
		return rule == KeepAlways, nil
	}
	return false, fmt.Errorf("keep_features %q is none of %v: %w", rule, KeepRules(), ErrInvalid)
}

// unrecorded names the mapped sources whose rows don't say when they were known:
// what such a source held at an earlier instant nobody can tell from it.
func unrecorded(sources []features.MappedSource) []string {
	var names []string
	for i := range sources {
		if sources[i].Columns[features.RecordedAt] == "" {
			names = append(names, sources[i].Name)
		}
	}
	return names
}

// fingerprints are those of the mapped sources as of what was known at an instant.
func (s *Service) fingerprints(ctx context.Context, known frame.KnownAt) (features.Fingerprints, error) {
	if len(s.Sources) == 0 {
		return "", nil
	}
	all, err := s.Facts.Fingerprints(ctx, s.Sources, known)
	if err != nil {
		return "", err
	}
	return features.PackFingerprints(all)
}

// Changed returns a sentence for each mapped source that no longer holds what it held
// when a run was made, of what was known then: rows of such sources carry no load, so
// that no watermark tells. What came later is no change. None for a run without
// fingerprints, of which nobody can tell. It costs a scan of each source.
func Changed(ctx context.Context, facts Provenance, sources []features.MappedSource, run Run) ([]string, error) {
	if run.Fingerprints == "" {
		return nil, nil
	}
	then, err := run.Fingerprints.All()
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", run.ID, err)
	}
	now, err := facts.Fingerprints(ctx, sources, run.KnownAt)
	if err != nil {
		return nil, err
	}
	find := func(all []features.Fingerprint, f *features.Fingerprint) int {
		return slices.IndexFunc(all, func(o features.Fingerprint) bool { return o.Table == f.Table && o.Source == f.Source })
	}
	var changed []string
	for i := range then {
		was := &then[i]
		k := find(now, was)
		switch {
		case k < 0:
			changed = append(changed, fmt.Sprintf("source %s, which run %s read, is mapped no more", was.Source, run.ID))
		case now[k].Rows == was.Rows && now[k].Sum == was.Sum:
		case now[k].Mapping != was.Mapping:
			changed = append(changed, fmt.Sprintf("source %s is mapped otherwise than for run %s", was.Source, run.ID))
		default:
			changed = append(changed, fmt.Sprintf("source %s changed behind the watermark since run %s", was.Source, run.ID))
		}
	}
	for i := range now {
		if now[i].Rows > 0 && find(then, &now[i]) < 0 {
			changed = append(changed, fmt.Sprintf("source %s was not mapped for run %s", now[i].Source, run.ID))
		}
	}
	return changed, nil
}

// noTime says that sources have no recording time; "" when all have.
func noTime(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "source " + names[0] + " has no recording time"
	}
	return "sources " + strings.Join(names, ", ") + " have no recording time"
}
