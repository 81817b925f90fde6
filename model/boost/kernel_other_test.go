//go:build !amd64 || purego

package boost

// kernelsHere are all kernels that this machine runs.
func kernelsHere() map[string]kernels { return map[string]kernels{"portable": portable} }
