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
// # The shared record
//
// With [Params.Record] the town also has what stands around the orders:
// deliveries, promotions, people, managers, invoices, payments, targets,
// campaigns, consents, links between accounts, pauses, holidays and assessments. Four causes
// of leaving come by chance, to accounts of any kind, and multiply the hazard
// while they are felt; TruthCauses has each with its times and size. At their
// worst they add to the logarithm of the hazard:
//
//	late deliveries    3.4   nine in ten deliveries are late, not one in twenty
//	an open complaint  3.2   nobody answers it for months
//	a changed buyer    3.0   another person buys, for half a year
//	overdue invoices   3.2   most bills are paid weeks late, not one in ten
//
// Each shows in the facts before the account breaks with us, which is when its
// decline begins or, without a decline, its last day; most of those in whom one
// shows stay. Promises that are broken, offers of competitors and silence when
// asked go along with them and cause nothing, and campaigns change nothing. A few accounts
// are renamed, merged, split or sisters of another, some renamed though nobody
// says so: TruthMoves has those that end; whoever moves has not left. In a pause, and on
// the holidays of China and Germany, accounts there order nothing.
//
// # Promises
//
// The same Params give the same rows, byte for byte, on one processor
// architecture (floating point may be fused on others). Every account is drawn from its own
// seed, so tables stream in bounded memory: one account and one batch at a
// time, whatever the scale. Rows come account by account, within an account by
// time. Nothing happens outside the town's days.
package synthetic
