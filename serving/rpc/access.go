package rpc

import (
	"fmt"
	"slices"

	internalv1 "fealty/serving/gen/fealty/internalv1"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
)

// The scopes that a key may have.
const (
	// ScopeRead allows published scores to be read, and what accounts are worth.
	ScopeRead = "scores.read"
	// ScopeNow allows scores and the growth of the base to be computed now, which
	// costs the warehouse.
	ScopeNow = "scores.now"
	// ScopeDeclare allows wallets to be declared in the name of the key, and nothing to
	// be read.
	ScopeDeclare = "wallets.declare"
)

// Scopes returns every scope that a key may have, for whoever makes keys.
func Scopes() []string { return []string{ScopeRead, ScopeNow, ScopeDeclare} }

// CheckScopes refuses a scope that no call asks for: it is a slip, and a key
// that silently allows nothing is found out too late.
func CheckScopes(scopes []string) error {
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return fmt.Errorf("scope %q is none of %v", s, Scopes())
		}
	}
	return nil
}

// access is the decision about one method.
type access struct {
	// open methods need no key.
	open bool
	// scope that the key must have; "" when any valid key will do.
	scope string
	// endless streams have no deadline of ours.
	endless bool
	// local methods are served on the unix socket only, to its owner.
	local bool
}

// decisions holds one explicit decision for every method that is served
// anywhere. A method without one is refused, and a test compares the table
// with the descriptors of all servers in both directions.
var decisions = map[string]access{
	fealtyv1.Scores_GetScore_FullMethodName:       {scope: ScopeRead},
	fealtyv1.Scores_BatchGetScores_FullMethodName: {scope: ScopeRead},
	fealtyv1.Scores_ListScores_FullMethodName:     {scope: ScopeRead},
	fealtyv1.Scores_ScoreNow_FullMethodName:       {scope: ScopeNow},

	fealtyv1.Worths_GetValue_FullMethodName:           {scope: ScopeRead},
	fealtyv1.Worths_GetWallet_FullMethodName:          {scope: ScopeRead},
	fealtyv1.Worths_DeclareWallet_FullMethodName:      {scope: ScopeDeclare},
	fealtyv1.Worths_GetRecommendations_FullMethodName: {scope: ScopeRead},
	fealtyv1.Worths_GetLoyalty_FullMethodName:         {scope: ScopeRead},
	fealtyv1.Worths_GetGrowth_FullMethodName:          {scope: ScopeNow},

	fealtyv1.System_GetHealth_FullMethodName:  {open: true},
	fealtyv1.System_GetVersion_FullMethodName: {},

	// A prober has no key; it learns no more than whether to send work here.
	healthv1.Health_Check_FullMethodName: {open: true},
	// A watch holds a stream for as long as it likes: only for who has a key.
	healthv1.Health_Watch_FullMethodName: {endless: true},
	healthv1.Health_List_FullMethodName:  {},

	reflectv1.ServerReflection_ServerReflectionInfo_FullMethodName:      {},
	reflectv1alpha.ServerReflection_ServerReflectionInfo_FullMethodName: {},

	internalv1.Operations_Run_FullMethodName: {local: true, endless: true},
}
