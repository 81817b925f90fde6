// Command fealty predicts which accounts are about to leave, says why, and
// serves the answers.
//
// Place in the flow: people → [cmd/fealty] → serving. Flags and configuration
// live only here; what is plugged into the use cases is chosen only here. A
// verb parses what it is asked, calls one use case and shows its answer. It
// refuses to know how a use case does its work.
package main

import (
	"os"
	"runtime/debug"
)

func main() {
	collectOften()
	os.Exit(run(processEnv()))
}

// collectOften keeps the memory of Go within 1.75 times what is in use, not
// twice: nearly all of it is a few large columns, which cost little to look
// through. GOGC overrules it.
func collectOften() {
	const percent = 75
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
