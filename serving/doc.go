// Package serving holds fealty's use cases in plain Go: import, build, train,
// evaluate, backtest, score, replay and the answers about published scores,
// one file each, over the interfaces that they declare, and the one table of
// error kinds.
//
// Place in the flow: features and model are below it, cmd above it; the rooms
// serving/rpc, serving/store and serving/web are adapters around it. It knows
// what is done in which order; it refuses to know SQL, protocols and flags.
package serving
