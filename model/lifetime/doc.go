// Package lifetime says what accounts that may leave without a word are still
// worth: the probability that an account is alive, the purchases expected of it,
// the spend per purchase and the discounted value of the months to come.
//
// Place in the flow: histories as of a cutoff → [lifetime] → columns of the churn
// model, the ladder's rung for short histories, the value of an account. It reads
// parallel columns of numbers and knows no frame, warehouse, clock or currency;
// whoever calls it decides what a purchase is and in which unit time is counted.
//
// The purchase models are BG/NBD (Fader, Hardie and Lee, Marketing Science 24,
// 2005), MBG/NBD (Batislam, Denizel and Filiztekin, International Journal of
// Research in Marketing 24, 2007) and Pareto/NBD (Schmittlein, Morrison and
// Colombo, Management Science 33, 1987), BG/BB for monthly or other discrete
// chances to buy (Fader, Hardie and Shang, Marketing Science 29, 2010), and
// Gamma–Gamma for spend per purchase (Fader and Hardie, 2013). All are fitted by
// maximum likelihood over the logarithms of their parameters; a fit that did not
// reach an optimum is an error that says what to do, never a number.
//
// P(alive) is a poor churn rank: rank by NoPurchase or by Expected. BG/NBD holds
// every one-time buyer for alive; prefer MBG/NBD or Pareto/NBD.
package lifetime
