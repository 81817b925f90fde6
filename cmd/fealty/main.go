// Command fealty predicts which accounts are about to leave, says why, and
// serves the answers.
//
// Place in the flow: people → [cmd/fealty] → serving. Flags and configuration
// live only here; what is plugged into the use cases is chosen only here. A
// verb parses what it is asked, calls one use case and shows its answer. It
// refuses to know how a use case does its work.
package main

import "os"

func main() { os.Exit(run(processEnv())) }
