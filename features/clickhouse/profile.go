package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// namedProfiles is how many accounts one query names.
const namedProfiles = 10_000

// profileBlock is how many profiles are handed on at a time, at most.
const profileBlock = 65_536

// Profiles calls each with who the accounts were, as known at the cutoff, in
// bytewise order of account: those that stand in the accounts table or have an
// order line as of the cutoff. Named accounts of which nothing was known are
// left out; no names means all. A block is the receiver's own. An error from
// each ends the reading and is returned as it is. On a cluster with mapped
// facts all profiles are held in memory, since each host answers in its own order.
func (w Warehouse) Profiles(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, accounts []frame.AccountID, each func([]features.Profile) error) error {
	params := Params{
		"cutoffs": []frame.Cutoff{cutoff}, "known_at": []frame.KnownAt{known}, "watermark": watermark,
		"accounts": []string{}, "from_account": "", "to_account": "",
	}
	if len(accounts) == 0 {
		return w.profiles(ctx, cutoff, params, each)
	}
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = string(a)
	}
	slices.Sort(names)
	for part := range slices.Chunk(slices.Compact(names), namedProfiles) {
		params["accounts"] = part
		if err := w.profiles(ctx, cutoff, params, each); err != nil {
			return err
		}
	}
	return nil
}

func (w Warehouse) profiles(ctx context.Context, cutoff frame.Cutoff, params Params, each func([]features.Profile) error) error {
	var refused error
	hand := func(block []features.Profile) error {
		if len(block) > 0 {
			refused = each(block)
		}
		return refused
	}
	var gathered []features.Profile
	err := ask(ctx, w.Engine, statement("profiles.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "account", "name", "segment", "region", "manager", "department", "industry", "channel", "currency", "parent", "type")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if len(gathered) == profileBlock && w.Info().Cluster == "" {
				if err := hand(gathered); err != nil {
					return err
				}
				gathered = nil
			}
			gathered = append(gathered, features.Profile{
				Account: frame.AccountID(c[0].Texts[i]),
				Name:    c[1].Texts[i], Segment: c[2].Texts[i], Region: c[3].Texts[i], Manager: c[4].Texts[i], Department: c[5].Texts[i],
				Industry: c[6].Texts[i], Channel: c[7].Texts[i], Currency: c[8].Texts[i], Parent: c[9].Texts[i], Type: c[10].Texts[i],
			})
		}
		return nil
	})
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("read the accounts as of %s: %w", cutoff, err)
	}
	if w.Info().Cluster == "" {
		return hand(gathered)
	}
	for block := range slices.Chunk(merged(gathered), profileBlock) {
		if err := hand(slices.Clone(block)); err != nil {
			return err
		}
	}
	return nil
}

// merged sorts what several hosts answered. An account may stand in the facts
// of one and in the accounts table of another; the one that knows more counts.
func merged(all []features.Profile) []features.Profile {
	slices.SortStableFunc(all, func(a, b features.Profile) int {
		if c := strings.Compare(string(a.Account), string(b.Account)); c != 0 {
			return c
		}
		return filled(b) - filled(a)
	})
	return slices.CompactFunc(all, func(a, b features.Profile) bool { return a.Account == b.Account })
}

// filled counts the attributes that are there.
func filled(p features.Profile) int {
	n := 0
	for _, text := range []string{p.Name, p.Segment, p.Region, p.Manager, p.Department, p.Industry, p.Channel, p.Currency, p.Parent, p.Type} {
		if text != "" {
			n++
		}
	}
	return n
}
