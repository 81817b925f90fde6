//go:build !purego

package boost

// kernelsHere are all kernels that this machine runs.
func kernelsHere() map[string]kernels {
	all := map[string]kernels{"portable": portable, "any amd64": anyAMD64}
	for _, v := range vectors {
		if v.runs {
			all[v.name] = v.kernels
		}
	}
	return all
}
