package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the linker for releases.
var release = "0.1.0-dev"

// programVersion is the release with the commit that it was built from, as far
// as Go knows it.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	if revision == "" {
		return release
	}
	const short = 12
	return release + " (" + revision[:min(short, len(revision))] + changed + ")"
}

// toldVersion is the answer of version.
type toldVersion struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Tell the version", Args: none,
		Example: "  fealty version -o json",
		RunE: func(*cobra.Command, []string) error {
			v := toldVersion{Version: programVersion(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			return e.show(answer{data: v, sections: []section{facts("version", v.Version, "go", v.Go, "platform", v.Platform)}})
		},
	}
}
