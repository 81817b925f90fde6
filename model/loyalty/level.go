package loyalty

import (
	"fmt"
	"math"

	"fealty/model/score"
)

// Level is how close an account is.
type Level string

// The levels, farthest first. NoLevel is that of an account whose contacts or
// tenure are not known.
const (
	NoLevel      Level = ""
	PasserBy     Level = "passer_by"
	Acquaintance Level = "acquaintance"
	Friend       Level = "friend"
	Confidant    Level = "confidant"
)

// Levels returns the levels, farthest first.
func Levels() []Level { return []Level{PasserBy, Acquaintance, Friend, Confidant} }

var levelWords = map[Level]Words{
	NoLevel:  {"Relationship not known", "关系未知"},
	PasserBy: {"Passer-by", "路人"}, Acquaintance: {"Acquaintance", "熟人"}, Friend: {"Friend", "朋友"}, Confidant: {"Confidant", "知己"},
}

// Label names the level.
func (l Level) Label(lang score.Language) string { return label(levelWords, l, lang) }

// Closeness is what a level needs at least: both bounds.
type Closeness struct {
	TenureDays   float64 `yaml:"tenure_days"`
	Contacts365d float64 `yaml:"contacts_365d"`
}

// LevelSettings are the bounds of the levels; below Acquaintance is a passer-by.
type LevelSettings struct {
	Acquaintance Closeness `yaml:"acquaintance"`
	Friend       Closeness `yaml:"friend"`
	Confidant    Closeness `yaml:"confidant"`
}

func defaultLevels() LevelSettings {
	return LevelSettings{Acquaintance: Closeness{90, 1}, Friend: Closeness{365, 6}, Confidant: Closeness{1095, 12}}
}

func (l LevelSettings) validate() error {
	a, f, c := l.Acquaintance, l.Friend, l.Confidant
	if !(atLeast0(a.TenureDays) && atLeast0(a.Contacts365d) && a.TenureDays <= f.TenureDays && f.TenureDays <= c.TenureDays &&
		a.Contacts365d <= f.Contacts365d && f.Contacts365d <= c.Contacts365d) {
		return fmt.Errorf("levels: need 0 ≤ acquaintance ≤ friend ≤ confidant in tenure_days and contacts_365d, have %v, %v, %v", a, f, c)
	}
	return nil
}

// Of returns the level of an account with that tenure in days and that many
// contacts in the last 365 days; NoLevel when either is NaN.
func (l LevelSettings) Of(tenureDays, contacts float64) Level {
	reaches := func(c Closeness) bool { return tenureDays >= c.TenureDays && contacts >= c.Contacts365d }
	switch {
	case math.IsNaN(tenureDays) || math.IsNaN(contacts):
		return NoLevel
	case reaches(l.Confidant):
		return Confidant
	case reaches(l.Friend):
		return Friend
	case reaches(l.Acquaintance):
		return Acquaintance
	}
	return PasserBy
}

// LevelsOf returns the level of every row from tenure_days and contacts_365d.
func LevelsOf(in Input, settings LevelSettings) ([]Level, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	tenure, contacts := in.columns().of("tenure_days"), in.columns().of("contacts_365d")
	levels := make([]Level, in.rows())
	for i := range levels {
		levels[i] = settings.Of(at(tenure, i), at(contacts, i))
	}
	return levels, nil
}

// Mix is how many of a hundred accounts whose level is known stand at a level,
// beside what the literature says of a person's relations: of a hundred people one
// knows, some 50 are acquaintances, 10 friends and 3 to 5 confidants.
type Mix struct {
	Level Level
	Count int
	// PerHundred is NaN when no level is known.
	PerHundred float64
	// LiteratureLow and LiteratureHigh are the literature's range; for passers-by
	// what it leaves.
	LiteratureLow, LiteratureHigh float64
}

// MixOf counts the levels, farthest first.
func MixOf(levels []Level) []Mix {
	counts := map[Level]int{}
	for _, l := range levels {
		counts[l]++
	}
	literature := map[Level][2]float64{PasserBy: {35, 37}, Acquaintance: {50, 50}, Friend: {10, 10}, Confidant: {3, 5}}
	mix := make([]Mix, 0, len(Levels()))
	for _, l := range Levels() {
		mix = append(mix, Mix{
			l, counts[l], ratio(100*float64(counts[l]), float64(len(levels)-counts[NoLevel])), literature[l][0], literature[l][1],
		})
	}
	return mix
}
