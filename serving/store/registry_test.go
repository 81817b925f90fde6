package store

import "fealty/serving"

// A state is what the use cases ask of a registry.
var _ serving.Registry = (*State)(nil)
