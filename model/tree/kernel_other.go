//go:build !amd64 || purego

package tree

// kernelsOfCPU is what this machine runs.
var kernelsOfCPU = portable
