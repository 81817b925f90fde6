package features

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"fealty/features/frame"

	"gopkg.in/yaml.v3"
)

// ErrOwn means that a file of features that a team added is refused. The
// message names the file and says why.
var ErrOwn = errors.New("the team's feature is refused")

// Bounds of what a team adds: files, and bytes of a file's SQL or entry.
const (
	MaxOwnFiles = 100
	MaxOwnBytes = 64 << 10
)

// OwnFile is a file of features that a team adds: NAME.sql, and beside it its
// entry NAME.yaml, which says what its columns mean.
type OwnFile struct {
	// Name is NAME.
	Name string
	// SQL and Entry are the texts, at most MaxOwnBytes each.
	SQL, Entry string
	// Fault says why one of them could not be read, "" when both were.
	Fault string
}

// ownFolder stands before the name of a team's file, so that none clashes with a
// file of the catalogue.
const ownFolder = "own/"

// ID returns the name by which the file is spoken of: own/NAME.sql.
func (f *OwnFile) ID() string { return ownFolder + f.Name + ".sql" }

// Own tells whether a team added the file.
func (f File) Own() bool { return f.SQL != "" }

// Fingerprint names the texts of a team's file: 128 bits in hex.
func (f File) Fingerprint() string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(f.SQL)) + ":" + f.SQL + f.Entry))
	return hex.EncodeToString(sum[:16])
}

// OwnFingerprints returns the fingerprints of the teams' files of a catalogue by
// name; nil when there is none.
func OwnFingerprints(catalogue []Feature) map[string]string {
	var prints map[string]string
	for _, f := range Files(catalogue) {
		if !f.Own() {
			continue
		}
		if prints == nil {
			prints = map[string]string{}
		}
		prints[f.Name] = f.Fingerprint()
	}
	return prints
}

// CanonicalOwn returns a text that is the same exactly when the teams' files are,
// "" when there are none.
func CanonicalOwn(files []OwnFile) string {
	if len(files) == 0 {
		return ""
	}
	h := sha256.New()
	for i := range files {
		f := &files[i]
		for _, text := range []string{f.Name, f.SQL, f.Entry, f.Fault} {
			// Lengths first, so that no two lists read alike. A hash never fails to take bytes.
			_, _ = h.Write([]byte(strconv.Itoa(len(text)) + ":" + text))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ownEntry is NAME.yaml as it is written.
type ownEntry struct {
	// Source is the view of facts that the SQL reads.
	Source   string       `yaml:"source"`
	Features []ownFeature `yaml:"features"`
}

type ownFeature struct {
	Name   string `yaml:"name"`
	Unit   string `yaml:"unit"`
	Group  string `yaml:"group"`
	Factor string `yaml:"factor"`
	// RiskWhenHigher is higher, lower or either.
	RiskWhenHigher string `yaml:"risk_when_higher"`
	Actionable     bool   `yaml:"actionable"`
	// Kind is a key of ownKinds.
	Kind string   `yaml:"kind"`
	Of   []string `yaml:"of"`
	// Needs is the part of the source without whose rows nothing can be told.
	Needs   string `yaml:"needs"`
	Label   words  `yaml:"label"`
	Reasons struct {
		EN []string `yaml:"en"`
		ZH []string `yaml:"zh"`
	} `yaml:"reasons"`
}

type words struct {
	EN string `yaml:"en"`
	ZH string `yaml:"zh"`
}

// ownKinds are the kinds of feature by the word of an entry. A count or a sum is 0
// for an account without a row, a value is missing.
var ownKinds = map[string]Feature{
	"count":      {Kind: Measured, Integer: true, Zero: true},
	"sum":        {Kind: Measured, Zero: true},
	"value":      {Kind: Measured},
	"ratio":      {Kind: Ratio},
	"difference": {Kind: Difference},
}

// risks are the directions by the word of an entry: what a higher value does to
// the risk.
var risks = map[string]frame.Direction{"higher": frame.Raises, "lower": frame.Lowers, "either": frame.Unknown}

var (
	ownName      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	ownTemplates = regexp.MustCompile(`\{([^{}]*)\}`)
)

// WithOwn returns the catalogue with the features of the team's files behind its
// own, and what is wrong with the files whose entries can't be admitted, by ID.
// Files are read in the order given; of two that clash the later is refused.
// Whether the SQL may run is for the warehouse to say.
func WithOwn(catalogue []Feature, files []OwnFile) (all []Feature, refused map[string]error) {
	all, refused = slices.Clip(catalogue), map[string]error{}
	for i := range files {
		own, err := ReadOwn(&files[i], all)
		if err != nil {
			refused[files[i].ID()] = err
			continue
		}
		all = append(all, own...)
	}
	return all, refused
}

// ReadOwn returns the features of a team's file, in its entry's order; before is
// the catalogue that they follow. Errors wrap ErrOwn and name the file.
func ReadOwn(f *OwnFile, before []Feature) ([]Feature, error) {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w: %w", f.ID(), ErrOwn, fmt.Errorf(format, args...))
	}
	switch {
	case !ownName.MatchString(f.Name):
		return nil, refuse("the file's name %q is not a small letter followed by at most 59 small letters, digits and _", f.Name)
	case f.Fault != "":
		return nil, refuse("%s", f.Fault)
	case len(f.SQL) > MaxOwnBytes || len(f.Entry) > MaxOwnBytes:
		return nil, refuse("the SQL or the entry has more than %d bytes", MaxOwnBytes)
	case strings.TrimSpace(f.SQL) == "":
		return nil, refuse("the SQL is empty")
	}
	var entry ownEntry
	d := yaml.NewDecoder(bytes.NewReader([]byte(f.Entry)))
	d.KnownFields(true)
	if err := d.Decode(&entry); err != nil {
		return nil, refuse("%s.yaml: %s", f.Name, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, refuse("%s.yaml: something stands behind the entry", f.Name)
	}
	file := File{Name: f.ID(), Source: Source(entry.Source), SQL: f.SQL, Entry: f.Entry}
	if !slices.Contains(OwnSources(), file.Source) {
		return nil, refuse("source %q is none of %s", entry.Source, joined(OwnSources()))
	}
	if len(entry.Features) == 0 {
		return nil, refuse("%s.yaml lists no features", f.Name)
	}
	own := make([]Feature, 0, len(entry.Features))
	measured := false
	for i := range entry.Features {
		feature, err := entry.Features[i].feature(file)
		if err != nil {
			return nil, refuse("%w", err)
		}
		if slices.ContainsFunc(before, func(b Feature) bool { return b.Name == feature.Name }) {
			return nil, refuse("feature %q: there is one of that name already; choose another", feature.Name)
		}
		measured = measured || feature.Kind == Measured
		own = append(own, feature)
	}
	if !measured {
		return nil, refuse("no feature is a column of the SQL's answer; what is made of other features alone needs one beside it")
	}
	whole := slices.Concat(before, own)
	if err := Check(whole); err != nil {
		return nil, refuse("%w", err)
	}
	if err := checkTemplates(own, Names(whole)); err != nil {
		return nil, refuse("%w", err)
	}
	return own, nil
}

// OwnSources are the views that a team's file may be about.
func OwnSources() []Source {
	whole := slices.DeleteFunc(Sources(), func(s Source) bool { return strings.Contains(string(s), ".") })
	return append(whole, Accounts)
}

// feature returns the entry as a feature, or what is wrong with it.
func (o *ownFeature) feature(file File) (Feature, error) {
	refuse := func(format string, args ...any) (Feature, error) {
		return Feature{}, fmt.Errorf("feature %q: %w", o.Name, fmt.Errorf(format, args...))
	}
	if !ownName.MatchString(o.Name) || o.Name == "account" || o.Name == "cutoff" {
		return refuse("its name is not a small letter followed by at most 59 small letters, digits and _, or it is account or cutoff")
	}
	f, known := ownKinds[o.Kind]
	direction, said := risks[o.RiskWhenHigher]
	switch {
	case !known:
		return refuse("kind %q is none of count, sum, value, ratio, difference", o.Kind)
	case !said:
		return refuse("risk_when_higher %q is none of higher, lower, either", o.RiskWhenHigher)
	case !slices.Contains(Factors(), o.Factor):
		return refuse("factor %q is none of %s", o.Factor, strings.Join(Factors(), ", "))
	case f.Kind == Measured && len(o.Of) > 0:
		return refuse("of belongs to a ratio or difference, not to a %s", o.Kind)
	case f.Kind != Measured && o.Needs != "":
		return refuse("needs belongs to a column of the SQL's answer, not to a %s", o.Kind)
	}
	for _, text := range slices.Concat([]string{o.Unit, o.Group, o.Label.EN, o.Label.ZH}, o.Reasons.EN, o.Reasons.ZH) {
		if strings.TrimSpace(text) == "" || !utf8.ValidString(text) || len(text) > 400 || strings.ContainsFunc(text, unicode.IsControl) {
			return refuse("unit, group, label or reasons: %.40q is empty, has more than 400 bytes or a control character", text)
		}
	}
	if f.Kind == Measured {
		f.File, f.Part = file, Source(o.Needs)
		if !slices.Contains(Sources(), f.Needs()) {
			return refuse("needs %q, which is none of %s", f.Needs(), joined(Sources()))
		}
	}
	f.Of = o.Of
	f.Meta = frame.Meta{
		Name: o.Name, Unit: o.Unit, Group: o.Group, Factor: o.Factor, Direction: direction, Actionable: o.Actionable,
		LabelEN: o.Label.EN, LabelZH: o.Label.ZH, ReasonEN: o.Reasons.EN, ReasonZH: o.Reasons.ZH,
	}
	return f, nil
}

// checkTemplates refuses sentences that name no feature in their braces.
func checkTemplates(own []Feature, names []string) error {
	for i := range own {
		for _, template := range slices.Concat(own[i].ReasonEN, own[i].ReasonZH) {
			rest := ownTemplates.ReplaceAllString(template, "")
			if strings.ContainsAny(rest, "{}") {
				return fmt.Errorf("feature %q: the braces of %q don't match", own[i].Name, template)
			}
			for _, m := range ownTemplates.FindAllStringSubmatch(template, -1) {
				if !slices.Contains(names, m[1]) {
					return fmt.Errorf("feature %q: the sentence %q names %q, which is no feature", own[i].Name, template, m[1])
				}
			}
		}
	}
	return nil
}

func joined(sources []Source) string {
	texts := make([]string, len(sources))
	for i, s := range sources {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// OwnTrial says as of what the files that a team added are tried on the warehouse.
type OwnTrial struct {
	// Watermark is the greatest load that is read.
	Watermark uint64
	// Zone is the business time zone by its IANA name; "" means UTC.
	Zone string
}

// OwnProof is on what a team's file was tried, and passed.
type OwnProof struct {
	// Accounts and Rows of the warehouse that it answered for at Cutoffs; 0 when
	// the warehouse holds too little to tell.
	Accounts int            `json:"accounts"`
	Rows     int            `json:"rows"`
	Cutoffs  []frame.Cutoff `json:"cutoffs,omitempty"`
	// Invented rows that it answered for beside.
	Invented int `json:"invented_rows"`
}
