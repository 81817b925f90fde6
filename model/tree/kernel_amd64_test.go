//go:build !purego

package tree

// forms are the kernels that this machine can run.
var forms = func() map[string]kernels {
	all := map[string]kernels{"portable": portable}
	if hasAVX512 {
		all["avx512"] = avx512
	}
	if hasAVX2 {
		all["avx2"] = avx2
	}
	return all
}()
