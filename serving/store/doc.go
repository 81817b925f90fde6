// Package store keeps what is not a fact about customers: keys of the API, the
// registry of models with their aliases, and the audit trail. It needs
// transactions and lives in SQLite in the state directory; the bundles of
// models are files beside it.
//
// Place in the flow: serving → [store]. It knows how to write so that a kill at
// any moment leaves the old state or the new one; it refuses to know what a
// model does, what a scope allows and how a key travels.
package store
