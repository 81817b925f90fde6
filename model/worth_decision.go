package model

// DecisionCard sets what contacts would have earned after the test cutoff beside what
// was expected of them, by the terms of the offer that were set. What nobody can know is what
// those who left would have spent: theirs is the value that was expected; of those who
// stayed it is what they spent. Money is in base currency.
type DecisionCard struct {
	// Why is what was in the way, "" when it was measured.
	Why string `json:"why,omitempty"`
	// Currency is that of all money, "" on a card of before.
	Currency string `json:"currency,omitempty"`
	// Accounts are those with a probability, a value and an outcome; Churned of them
	// left. Of ByRate of them no cost is known: for margin stands revenue × MarginRate.
	Accounts   int    `json:"accounts"`
	Churned    int    `json:"churned"`
	ByRate     int    `json:"by_margin_rate"`
	MarginRate Figure `json:"margin_rate"`
	// EMPC is the best that an offer of the same terms to everybody earns, EMPB that of
	// an offer by the accounts' own values; both rank by the probability.
	EMPC OfferProfit `json:"empc"`
	EMPB OfferProfit `json:"empb"`
	// Levels are call lists by how many contacts an account manager can make, fewest
	// first; the last is without a limit.
	Levels []ProfitLevel `json:"levels,omitempty"`
}

// OfferProfit is the best that an offer could earn: the profit per account, contacted
// or not, and the share that one contacts to earn it, with the offer's terms.
type OfferProfit struct {
	PerAccount Figure `json:"profit_per_account"`
	Share      Figure `json:"share_contacted"`
	// Alpha and Beta shape the distribution of acceptance.
	Alpha Figure `json:"alpha"`
	Beta  Figure `json:"beta"`
	// Value is what an account that is kept is worth, null where each has its own;
	// Incentive the cost of the offer, of EMPB as a share of the value; Contact that of
	// a contact.
	Value     Figure `json:"value"`
	Incentive Figure `json:"incentive"`
	Contact   Figure `json:"contact"`
	// Assumed are the terms above, by these names, that nobody set and that are defaults;
	// null on a card of before, when nobody could set any.
	Assumed []string `json:"assumed"`
}

// ProfitLevel is a call list at one capacity, and what it would have earned.
type ProfitLevel struct {
	// PerManager is how many contacts each manager can make, 0 without a limit.
	PerManager int `json:"per_manager"`
	Contacts   int `json:"contacts"`
	// Expected is the list's total as it would have been told, Realised what the
	// outcomes make of it, Random what as many contacts at random would have earned.
	Expected Figure `json:"expected_profit"`
	Realised Figure `json:"realised_profit"`
	Random   Figure `json:"random_profit"`
}
