package ladder

import (
	"strconv"

	"fealty/model"
	"fealty/model/decision"
	"fealty/model/score"
)

// decisionTables writes what contacts would have earned; nothing without a card.
func decisionTables(say func(string, ...any), d *model.DecisionCard) {
	if d == nil {
		return
	}
	say("\n## Contacts\n\n")
	if d.Why != "" {
		say("Not judged: %s.\n", d.Why)
		return
	}
	say("Of %d accounts with a probability and a value %d left. Of %d no cost is known: their value is revenue × the margin rate of %s.\n",
		d.Accounts, d.Churned, d.ByRate, figure(d.MarginRate))
	say("\n| measure | profit per account | share contacted | acceptance | value | incentive | contact |\n|---|---|---|---|---|---|---|\n")
	say("| EMPC, everybody worth the same | %s | %s | Beta(%s, %s) | %s | %s | %s |\n", figure(d.EMPC.PerAccount), percent(d.EMPC.Share),
		figure(d.EMPC.Alpha), figure(d.EMPC.Beta), figure(d.EMPC.Value), figure(d.EMPC.Incentive), figure(d.EMPC.Contact))
	say("| EMPB, everybody worth their own | %s | %s | Beta(%s, %s) | own | %s of it | %s |\n", figure(d.EMPB.PerAccount), percent(d.EMPB.Share),
		figure(d.EMPB.Alpha), figure(d.EMPB.Beta), percent(d.EMPB.Incentive), figure(d.EMPB.Contact))
	chinese := decision.OfferSentences(d, score.Chinese)
	for i, assumed := range decision.OfferSentences(d, score.English) {
		say("\n%s %s\n", assumed, chinese[i])
	}
	say("\nCall lists by those terms of EMPB, and what they would have earned: those who left are worth what was expected of them, those who stayed what they spent.\n")
	say("\n| contacts of each manager | contacts | expected profit | realised profit | as many at random |\n|---|---|---|---|---|\n")
	for _, l := range d.Levels {
		say("| %s | %d | %s | %s | %s |\n", limit(l.PerManager), l.Contacts, figure(l.Expected), figure(l.Realised), figure(l.Random))
	}
}

// limit is a number of contacts, of which 0 is without one.
func limit(n int) string {
	if n == 0 {
		return "no limit"
	}
	return strconv.Itoa(n)
}
