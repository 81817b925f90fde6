//go:build !amd64 || purego

package crosssell

var kernel = subtractProduct
