//go:build !amd64 || purego

package shap

var quadrature = eightPoints
