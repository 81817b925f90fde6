package serving

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"

	"fealty/model/loyalty"
	"fealty/model/score"
)

// worthDefinitions fingerprints what worth is told of beside the features: what is asked
// of the warehouse, and the terms of the ten indicators, whatever the words of their definitions; 128 bits in hex.
func (s *Service) worthDefinitions() string {
	h := sha256.New()
	write := func(text string) { _, _ = h.Write(append([]byte(text), 0)) } // a hash never fails to take bytes
	write(s.Facts.WorthDefinitions())
	for _, d := range loyalty.Definitions() {
		write(d.Terse())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sealed gives a worth its hash.
func sealed(w *score.Worth) *score.Worth {
	w.Hash = w.Digest()
	return w
}

// unsealed is a worth without its hash, to be compared field by field.
func unsealed(w *score.Worth) reflect.Value {
	bare := *w
	bare.Hash = ""
	return reflect.ValueOf(bare)
}

// seal notes the hash of a worth of which its account was asked for by name.
func (of *WorthOf) seal(w *score.Worth) {
	if w.Hash == "" {
		return // a run from before
	}
	if of.Hashes == nil {
		of.Hashes = map[string]string{}
	}
	of.Hashes[string(w.Account)] = w.Hash
}

// worthReplay is a replay of worth, of which nothing is compared yet.
func (s *Service) worthReplay(run Run) *WorthReplay {
	return &WorthReplay{PublishedDefinitions: run.WorthDefinitions, ReplayedDefinitions: s.worthDefinitions()}
}

// otherWorth says that worth is told of otherwise now than for a run; "" when it is not,
// and of runs from before, which don't say.
func (s *Service) otherWorth(run Run) string {
	if now := s.worthDefinitions(); run.WorthDefinitions != "" && run.WorthDefinitions != now {
		return fmt.Sprintf("what worth is told of is defined otherwise now (%s) than then (%s): only the release that scored can tell it anew", now, run.WorthDefinitions)
	}
	return ""
}

// compareHashes sets the hash that was published beside those of what lies in the run and
// of what is told now, which on the same engine version is the same. A run from before
// has none.
func (r *WorthReplay) compareHashes(then, now *score.Worth, sameEngine bool) {
	r.Published, r.Replayed = then.Hash, now.Hash
	if then.Hash == "" {
		return
	}
	if lies := then.Digest(); lies != then.Hash {
		r.Differs = append(r.Differs, WorthDifference{"worth_hash of what lies in the run", then.Hash, lies})
	} else if sameEngine && now.Hash != then.Hash && len(r.Differs) == 0 {
		r.Differs = append(r.Differs, WorthDifference{"worth_hash", then.Hash, now.Hash})
	}
}
