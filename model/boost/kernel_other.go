//go:build !amd64 || purego

package boost

// kernelsOfCPU is what this machine runs.
var kernelsOfCPU = portable
