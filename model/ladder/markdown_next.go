package ladder

import "fealty/model"

// walletTrial writes what the columns of the wallet add to what is bought next; nothing
// where they were off.
func walletTrial(say func(string, ...any), w *model.WalletTrial) {
	switch {
	case w == nil:
		return
	case w.Why != "":
		say("\n%s %s\n", w.EN, w.ZH)
		return
	}
	kept := "left out"
	if w.Kept {
		kept = "kept"
	}
	say("\nShare, gap, width and trend of the estimated wallet by category, as the lesson's cutoff knew them: log-loss %s with and %s without on its %d accounts held out, so that they are %s.\n",
		number(w.With), number(w.Without), w.Accounts, kept)
	if len(w.Later) == 0 {
		return
	}
	say("\n%s %s\n", w.EN, w.ZH)
	say("\n| kind | offered | bought | log-loss with the wallet | without | saved | standard error | AUC with | without | NDCG@10 with | without |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, g := range w.Later {
		say("| %s | %d | %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", g.Kind, g.Rows, g.Bought, number(g.LogLossWith), number(g.LogLossWithout),
			figure(g.Gain), figure(g.GainError), number(g.AUCWith), number(g.AUCWithout), number(g.NDCGWith), number(g.NDCGWithout))
	}
}
