// Package decision chooses whom to contact for money: the call list with the
// largest expected profit under what each account manager can do, what that
// choice rests on, and how it changes where an assumption is wrong.
//
// Place in the flow: scores, values → [decision] → call list. It knows arithmetic
// and words; it refuses to know where a probability comes from, who the account
// managers are, and what a campaign did (that is uplift, measured on a holdout).
//
// The profit of a contact is that of metrics.EMPB (Janssens, Bogaert, Bagué and Van
// den Poel, Annals of Operations Research 2022) with the outcome not yet known:
//
//	p·γ·(v − i) − (1 − p)·i − c,   i = f·v
//
// p is the probability of churn, v the value kept when the account stays, γ the
// share of churners who accept, f the incentive as a share of the value, c the cost
// of a contact. The contact is always paid. The incentive is paid to churners who
// accept and to whoever would have stayed anyway. EMPB draws γ from a
// Beta(alpha, beta), of which only the mean matters: an acceptance of
// alpha ÷ (alpha + beta) is the same offer, and for known outcomes, p = 0 or 1, the
// total of a list is metrics.ProfitOfContacts.
//
// The assumptions carry where they come from, and every way of printing a list
// says which of them are defaults: a total that rests on a contact cost that nobody
// gave must not look like a calculation.
package decision
