package serving

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/derive"
)

// Admission tries the files of features that a team added.
type Admission interface {
	// AdmitOwn tells on what a file was tried and passed, or refuses it with an error
	// that wraps features.ErrOwn and names the file. The catalogue holds its features.
	AdmitOwn(ctx context.Context, catalogue []features.Feature, file features.File, r features.OwnTrial) (features.OwnProof, error)
}

// own is what a service knows of its team's files.
type own struct {
	read sync.Once
	// all is the catalogue with their features, refused what is wrong with those that
	// aren't in it.
	all     []features.Feature
	refused map[string]error
	// admitted is set when all passed the trial.
	sync.Mutex
	admitted bool
}

// Metas returns the words of all features by name, of those that the team added
// too.
func (s *Service) Metas() map[string]frame.Meta {
	metas := features.Metas(s.catalogue())
	for _, m := range slices.Concat(derive.Metas(), derive.WalletMetas()) {
		metas[m.Name] = m
	}
	return metas
}

// catalogue returns the features of the house, then those that the team added. It
// is read-only.
func (s *Service) catalogue() []features.Feature {
	s.own.read.Do(func() {
		s.own.all = s.Catalogue
		if s.own.all == nil {
			s.own.all = features.Catalogue()
		}
		s.own.all, s.own.refused = features.WithOwn(s.own.all, s.Own)
	})
	return s.own.all
}

// CheckOwnRequest asks for a trial of the team's files.
type CheckOwnRequest struct{}

// CheckOwnResult has a verdict for each of the team's files, in their order.
type CheckOwnResult struct {
	Files   []OwnVerdict `json:"files"`
	Refused int          `json:"refused"`
}

// OwnVerdict says whether a file of features that a team added is let in.
type OwnVerdict struct {
	File     string   `json:"file"`
	Features []string `json:"features"`
	Admitted bool     `json:"admitted"`
	// Reason is why it is refused, "" when it is admitted.
	Reason string `json:"reason,omitempty"`
	// OwnProof is on what it was tried.
	features.OwnProof
}

// CheckOwn tries each of the team's files. A refusal is no error of the call.
func (s *Service) CheckOwn(ctx context.Context, _ CheckOwnRequest) (CheckOwnResult, error) {
	result := CheckOwnResult{Files: []OwnVerdict{}}
	err := s.tryOwn(ctx, func(v OwnVerdict, refused error) error {
		if refused != nil {
			v.Reason = refused.Error()
			result.Refused++
		}
		result.Files = append(result.Files, v)
		return nil
	})
	return result, err
}

// tryOwn hands on a verdict on each of the team's files, with the error that a
// refused one is refused by; an error from each ends the trial.
func (s *Service) tryOwn(ctx context.Context, each func(v OwnVerdict, why error) error) error {
	if len(s.Own) == 0 {
		return nil
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return fmt.Errorf("ask for the newest load: %w", err)
	}
	catalogue := s.catalogue()
	for i := range s.Own {
		v := OwnVerdict{File: s.Own[i].ID(), Features: []string{}}
		refused := s.own.refused[v.File]
		var file features.File
		for k := range catalogue {
			if catalogue[k].File.Name == v.File {
				file = catalogue[k].File
				v.Features = append(v.Features, catalogue[k].Name)
			}
		}
		if refused == nil {
			v.OwnProof, refused = s.Admission.AdmitOwn(ctx, catalogue, file, features.OwnTrial{Watermark: watermark, Zone: s.Settings.Zone})
			if refused != nil && !errors.Is(refused, features.ErrOwn) {
				return fmt.Errorf("try %s: %w", v.File, refused)
			}
		}
		v.Admitted = refused == nil
		if err := each(v, refused); err != nil {
			return err
		}
	}
	return nil
}

// admit refuses to go on when one of the team's files is refused, as ErrInvalid
// with its reason. Files that passed once are not tried again.
func (s *Service) admit(ctx context.Context) error {
	s.own.Lock()
	defer s.own.Unlock()
	if s.own.admitted {
		return nil
	}
	err := s.tryOwn(ctx, func(_ OwnVerdict, refused error) error {
		if refused != nil {
			return fmt.Errorf("%w; fealty features check tells of all of them", refused)
		}
		return nil
	})
	if errors.Is(err, features.ErrOwn) {
		return refused{err}
	}
	s.own.admitted = err == nil
	return err
}

// withoutOwn are the operations that ask for no feature, and the one that says
// what is wrong with them.
var withoutOwn = []string{OpImport, OpRuns, OpModels, OpPromote, OpStatus, OpCheckOwn}

// admitting lets the operations that ask for features begin with the trial of the
// team's files.
func (s *Service) admitting(operations []Operation) []Operation {
	if len(s.Own) == 0 {
		return operations
	}
	for i := range operations {
		op := &operations[i]
		if slices.Contains(withoutOwn, op.Name) {
			continue
		}
		run := op.Run
		op.Run = func(ctx context.Context, call Call) (any, error) {
			if err := s.admit(ctx); err != nil {
				return nil, err
			}
			return run(ctx, call)
		}
	}
	return operations
}

// otherOwn says by name which of the team's files are not those that a model was
// trained with, "" when all are.
func (s *Service) otherOwn(card *model.Card) string {
	now := features.OwnFingerprints(s.catalogue())
	for _, name := range slices.Sorted(maps.Keys(card.OwnFeatures)) {
		switch now[name] {
		case card.OwnFeatures[name]:
		case "":
			return name + ", with which it was trained, is not among the team's features (features.folder); put it back"
		default:
			return name + " has changed since it was trained with it; put the old text back"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if card.OwnFeatures[name] == "" {
			return name + " is among the team's features (features.folder), and it was trained without; take it away"
		}
	}
	return ""
}
