// Package synthetic is an invented town of business accounts whose hidden
// truth is known: when each account truly left, why, what it truly buys of
// every category from everybody, and what a contact would truly change.
//
// Place in the flow: [synthetic] → file or rows → warehouse → features. The
// town enters through import like any file; it is the demo, and the planted
// truth of tests. It knows the canonical tables and nothing of engines,
// features or models.
//
// # What is planted
//
// Accounts buy by a rhythm of their own (gamma gaps), with a season by
// industry, personal preferences among the categories, returns, discounts and
// costs. Satisfaction, neglect and how little of its needs an account buys here
// set the hazard of leaving; all are hidden, and show in survey answers and
// referrals, in visits, and in declared wallets. Most who leave decline first:
// over weeks the rhythm slows, the basket and the range of categories shrink,
// complaints and low survey answers rise, contracts are cancelled. Some
// leave without a sign; some accounts have a slump that looks like a decline
// and recover; some who left come back. So a good model finds much, and not all.
//
// # Promises
//
// The same Params give the same rows, byte for byte, on one processor
// architecture (floating point may be fused on others). Every account is drawn from its own
// seed, so tables stream in bounded memory: one account and one batch at a
// time, whatever the scale. Rows come account by account, within an account by
// time. Nothing happens outside the town's days.
package synthetic
