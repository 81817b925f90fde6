//go:build !amd64 || purego

package tree

// forms are the kernels that this machine can run.
var forms = map[string]kernels{"portable": portable}
