// Package servingtest measures the use cases on public orders whose results
// are known: protocol T on Online Retail I, which must be reached, and a
// negative control, which must not be exceeded, because nobody can tell its
// churn beforehand.
//
// Place in the flow: beside it. `fealty protocol-t` and the tests call it. It
// knows the files, the cleaning, the cutoffs, the bars and where they come
// from; it refuses to know what is plugged in below the use cases.
package servingtest
