// Package rpc puts the use cases on the wire: gRPC, REST through a gateway in
// the same process, and a unix socket on which the command line runs its verbs
// in the process that holds the warehouse.
//
// Place in the flow: serving → [rpc] → people and programs. It knows who may
// ask what, how much and how long, and how an error is told without telling
// what is inside. It refuses to know how scores come about, where keys are
// stored and any other adapter.
//
// One chain (chain.go) stands before every answer on every path: a call over
// REST reaches the same functions as a call over gRPC, with the same decision
// about keys, scopes, rates, deadlines and words of errors.
package rpc
