package lifetime

import (
	"fmt"
	"math"
	"slices"

	"fealty/model/score"
)

// Purchase is what an account spent on one day. Amounts of one account and day
// are added, and count as one purchase.
type Purchase struct {
	Account string
	Day     int
	Amount  float64
}

// Split is what was known of each account at the end of a day, and what it did
// afterwards: one entry per account, ordered by its name.
type Split struct {
	Accounts []string
	Histories
	// MeanSpend is the mean amount of the repeat purchases, 0 where there is none.
	MeanSpend []float64
	// Spent is all that was spent to the end of the day, the first purchase included.
	Spent []float64
	// Purchases and Spend are those of the holdout.
	Purchases, Spend []float64
}

// SplitAt makes histories of the purchases to the end of the day last, in units
// of so many days, and counts the purchases of the next holdoutDays. Accounts whose
// first purchase is later are left out.
func SplitAt(purchases []Purchase, last, holdoutDays int, unitDays float64) (*Split, error) {
	if holdoutDays < 0 || !(unitDays > 0) || !finite(unitDays) {
		return nil, fmt.Errorf("%w: a holdout of %d days in units of %v days: want at least 0 and above 0", ErrParams, holdoutDays, unitDays)
	}
	sorted := slices.Clone(purchases)
	slices.SortStableFunc(sorted, func(a, b Purchase) int {
		if a.Account != b.Account {
			if a.Account < b.Account {
				return -1
			}
			return 1
		}
		return a.Day - b.Day
	})
	s := &Split{}
	for from := 0; from < len(sorted); {
		to := from
		for to < len(sorted) && sorted[to].Account == sorted[from].Account {
			to++
		}
		if sorted[from].Day <= last {
			s.add(sorted[from:to], last, holdoutDays, unitDays)
		}
		from = to
	}
	return s, nil
}

// add appends one account, whose purchases are in order and begin by last.
func (s *Split) add(days []Purchase, last, holdoutDays int, unitDays float64) {
	first, newest := days[0].Day, days[0].Day
	var repeats, repeatSpend, spent, purchases, spend float64
	for i, p := range days {
		fresh := i == 0 || p.Day != days[i-1].Day
		if p.Day <= last {
			spent += p.Amount
		}
		switch {
		case p.Day == first:
		case p.Day <= last:
			newest = p.Day
			repeatSpend += p.Amount
			if fresh {
				repeats++
			}
		case p.Day <= last+holdoutDays:
			spend += p.Amount
			if fresh {
				purchases++
			}
		}
	}
	s.Accounts = append(s.Accounts, days[0].Account)
	s.Frequency = append(s.Frequency, repeats)
	s.Recency = append(s.Recency, float64(newest-first)/unitDays)
	s.Age = append(s.Age, float64(last-first)/unitDays)
	s.MeanSpend = append(s.MeanSpend, repeatSpend/max(repeats, 1))
	s.Spent = append(s.Spent, spent)
	s.Purchases = append(s.Purchases, purchases)
	s.Spend = append(s.Spend, spend)
}

// Backtest says how well predictions met what happened in a holdout.
type Backtest struct {
	Accounts int
	// Actual and Expected are totals; RelativeError is Expected ÷ Actual − 1, NaN
	// if nothing happened.
	Actual, Expected, RelativeError float64
	// MAE is the mean absolute error per account.
	MAE float64
}

// Compare compares predictions with outcomes, one of each per account.
func Compare(predicted, actual []float64) (Backtest, error) {
	if len(predicted) != len(actual) || len(actual) == 0 {
		return Backtest{}, fmt.Errorf("%w: %d predictions for %d outcomes: want one for each, and at least one", ErrInput, len(predicted), len(actual))
	}
	b := Backtest{Accounts: len(actual)}
	for i, v := range actual {
		if !finite(v) || !finite(predicted[i]) {
			return Backtest{}, fmt.Errorf("%w: row %d: predicted %v, happened %v: leave out accounts without a prediction", ErrInput, i, predicted[i], v)
		}
		b.Actual += v
		b.Expected += predicted[i]
		b.MAE += math.Abs(predicted[i] - v)
	}
	b.MAE /= float64(b.Accounts)
	b.RelativeError = math.NaN()
	if b.Actual != 0 {
		b.RelativeError = b.Expected/b.Actual - 1
	}
	return b, nil
}

// SpendChoice says which forecast of spend is used, and why.
type SpendChoice struct {
	// Lifetime is true where the lifetime model's forecast is used, and false where
	// the run-rate's is.
	Lifetime bool
	// Model and RunRate are the backtests of the two on the same holdout.
	Model, RunRate Backtest
}

// ChooseSpend compares the lifetime model's expected spend with the run-rate's
// forecast on a holdout, one entry per account each: the lifetime model's ships
// only if its mean absolute error is smaller.
func ChooseSpend(lifetime, runRate, actual []float64) (SpendChoice, error) {
	model, err := Compare(lifetime, actual)
	if err != nil {
		return SpendChoice{}, fmt.Errorf("backtest the lifetime model's spend: %w", err)
	}
	rate, err := Compare(runRate, actual)
	if err != nil {
		return SpendChoice{}, fmt.Errorf("backtest the run-rate: %w", err)
	}
	return SpendChoice{model.MAE < rate.MAE, model, rate}, nil
}

// Sentence says the choice in plain words.
func (c SpendChoice) Sentence(language score.Language) string {
	used, other := c.Model.MAE, c.RunRate.MAE
	template := spendSentences[language][0]
	if !c.Lifetime {
		used, other, template = other, used, spendSentences[language][1]
	}
	return score.Counted(template, used, c.Model.Accounts, other)
}

// spendSentences take the error of what is used, the accounts and the other error.
var spendSentences = map[score.Language][2]string{
	score.English: {
		"spend is forecast by the lifetime model: on the last cutoff it was off by %.2f per account (%d accounts), the run-rate by %.2f",
		"spend is forecast by the run-rate: on the last cutoff it was off by %.2f per account (%d accounts), the lifetime model by %.2f",
	},
	score.Chinese: {
		"消费按生命周期模型预测：在最近一个截止日上每个客户平均偏差%.2f（%d个客户），按既往消费速度预测则为%.2f",
		"消费按既往消费速度预测：在最近一个截止日上每个客户平均偏差%.2f（%d个客户），按生命周期模型预测则为%.2f",
	},
}
