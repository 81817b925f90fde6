package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

func discount(rank int) float64 { return 1 / math.Log2(float64(rank)+2) }

func checkRanking(relevance, score []float64, k int) error {
	if len(relevance) == 0 {
		return fmt.Errorf("%w: no items", ErrInput)
	}
	if k < 1 {
		return fmt.Errorf("%w: k is %d, want at least 1", ErrInput, k)
	}
	if err := checkSized("relevance", len(relevance), relevance); err != nil {
		return err
	}
	for i, v := range relevance {
		if v < 0 {
			return fmt.Errorf("%w: relevance of row %d is %v, want 0 or more", ErrInput, i, v)
		}
	}
	return checkFinite("score", len(relevance), score)
}

// NDCG returns the normalised discounted cumulative gain of the first k items by
// score, with linear gain and discount 1/log2(rank + 1), averaged over the
// orders of tied items (Järvelin and Kekäläinen, ACM TOIS 20 (2002) 422–446;
// McSherry and Najork, ECIR 2008, for ties). Relevance is ≥ 0; without any
// relevant item it is 0. k beyond the list means the whole list.
func NDCG(relevance, score []float64, k int) (float64, error) {
	if err := checkRanking(relevance, score, k); err != nil {
		return 0, err
	}
	var gained float64
	rank := 0
	for group := range groups(score) {
		var sum, discounts float64
		for _, i := range group {
			sum += relevance[i]
			if rank < k {
				discounts += discount(rank)
			}
			rank++
		}
		gained += sum / float64(len(group)) * discounts
	}
	ideal := idealGain(relevance, k)
	if ideal == 0 {
		return 0, nil
	}
	return gained / ideal, nil
}

func idealGain(relevance []float64, k int) float64 {
	best := slices.Clone(relevance)
	slices.SortFunc(best, func(a, b float64) int { return cmp.Compare(b, a) })
	var sum float64
	for rank, v := range best[:min(k, len(best))] {
		sum += v * discount(rank)
	}
	return sum
}

// relevantAt returns the expected number of relevant items (relevance above 0)
// among the first k, and how many there are.
func relevantAt(relevance, score []float64, k int) (found float64, all int) {
	left := k
	for group := range groups(score) {
		relevant := 0
		for _, i := range group {
			if relevance[i] > 0 {
				relevant++
			}
		}
		all += relevant
		if left > 0 {
			found += float64(relevant) * float64(min(left, len(group))) / float64(len(group))
			left -= len(group)
		}
	}
	return found, all
}

// PrecisionAt returns the number of relevant items (relevance above 0) among
// the first k by score, ÷ k, also where the list is shorter than k.
func PrecisionAt(relevance, score []float64, k int) (float64, error) {
	if err := checkRanking(relevance, score, k); err != nil {
		return 0, err
	}
	found, _ := relevantAt(relevance, score, k)
	return found / float64(k), nil
}

// RecallAt returns the share of the relevant items (relevance above 0) that
// stand among the first k by score. ErrUndefined without a relevant item.
func RecallAt(relevance, score []float64, k int) (float64, error) {
	if err := checkRanking(relevance, score, k); err != nil {
		return 0, err
	}
	found, all := relevantAt(relevance, score, k)
	if all == 0 {
		return 0, fmt.Errorf("%w: no relevant items", ErrUndefined)
	}
	return found / float64(all), nil
}

// RankedList is a list that stands in its order already, such as a basket
// proposed to one account, against what the account bought.
type RankedList struct {
	// Hits tells of each proposed item, best first, whether it was bought.
	Hits []bool
	// Bought is how many items were bought in all, proposed or not; at least the
	// number of hits.
	Bought int
}

func (l RankedList) hits(k int) (n int) {
	for _, hit := range l.Hits[:max(0, min(k, len(l.Hits)))] {
		if hit {
			n++
		}
	}
	return n
}

// Precision returns the hits among the first k ÷ k; 0 for k below 1.
func (l RankedList) Precision(k int) float64 {
	if k < 1 {
		return 0
	}
	return float64(l.hits(k)) / float64(k)
}

// Recall returns the hits among the first k ÷ Bought; 0 if nothing was bought.
func (l RankedList) Recall(k int) float64 {
	if l.Bought < 1 {
		return 0
	}
	return float64(l.hits(k)) / float64(l.Bought)
}

// Hit reports whether the first k hold a hit.
func (l RankedList) Hit(k int) bool { return l.hits(k) > 0 }

// NDCG returns the discounted gain of the first k ÷ that of min(k, Bought) hits
// in a row; 0 if nothing was bought.
func (l RankedList) NDCG(k int) float64 {
	var gained, ideal float64
	for rank, hit := range l.Hits[:max(0, min(k, len(l.Hits)))] {
		if hit {
			gained += discount(rank)
		}
	}
	for rank := range max(0, min(k, l.Bought)) {
		ideal += discount(rank)
	}
	if ideal == 0 {
		return 0
	}
	return gained / ideal
}
