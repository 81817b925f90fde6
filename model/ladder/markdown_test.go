package ladder

import (
	"math"
	"strings"
	"testing"

	"fealty/model"
)

// worthCard has another figure in every place, so that one which is told twice or in
// another's place shows.
func worthCard() *model.WorthCard {
	return &model.WorthCard{
		Accounts: 659,
		Lifetime: model.LifetimeCard{
			Model: "mbg-nbd", Accounts: 651, LogLikelihood: -56563.41, Correlation: .2083, Months: 12, Discount: .01, Interval: .875, Draws: 250,
			Purchases: []model.Parameter{{Name: "r", Value: 1.9488, StandardError: .1254}}, Spend: []model.Parameter{{Name: "q", Value: 1.0235, StandardError: .0564}},
			Segments: []model.SegmentFit{{Segment: "key|a", Accounts: 36, RepeatBuyers: 35, Purchases: "too-small", Spend: "own"}},
			Models:   []model.LifetimeTrial{{Model: "mbg-nbd", LogLikelihood: -56563.41, MAE: 2755.93, Used: true}, {Model: "bg-bb", LogLikelihood: -9061.5, MAE: 2801.25}},
			RunRate:  3249.18, Forecast: 2755.93, SpendBy: "lifetime",
		},
		Wallet: model.WalletCard{
			Accounts: 658, Declared: 899, Below: 58, Columns: &model.ColumnTrial{Why: "no", EN: "Of one category.", ZH: "一个品类。"},
			Categories: []model.WalletCategory{{Category: "paint", Peers: 133, Serves: "neighbours", Boosting: .3136, Neighbours: .2339, Constant: .2786, Suspect: "odd"}, {Category: "glue", Serves: "boosting", EN: "Without contracts.", ZH: "不用合同。"}},
			Coverage:   []model.WalletCoverage{{Basis: "declared", Accounts: 62, Target: .8, Inside: .7903, Width: 11.0757, Correlation: .8969, Acted: &model.WalletActed{Accounts: 27, Inside: .7407}}, {Basis: "peers", Accounts: 63}},
			Shares:     []model.WalletShares{{Accounts: 345, Usual: .4321, Concentration: 7.25}}, Unshared: []string{`category "paint": no`},
		},
		CrossSell: []model.CrossSellCard{
			{Key: "category", Items: 12, Dense: 11, Tail: 1, Wallet: walletTried(), Quality: []model.PropensityQuality{{
				Kind: "new", Rows: 5698, Bought: 20, AUC: .877, PopularAUC: .5958, LogLoss: .0189, PopularLogLoss: .0237, ECE: .0013, NDCG: .507, BaseNDCG: .4896,
			}}},
			{Key: "product", Why: "2 of its kind were bought"},
		},
		Loyalty: model.LoyaltyCard{
			Kept: model.Interval{Value: .3591, Low: .2625, High: .4485}, Spend: model.Interval{Value: .4686, Low: .3791, High: .5494},
			ChurnKept: model.Interval{Value: .5559, Low: .4742, High: .6281}, ChurnSpend: model.Interval{Value: .6358, Low: .5631, High: .6987},
			Agreement: model.Interval{Value: .6084, Low: .5324, High: .6747}, Stories: 4, Measured: map[string]int{"duration": 657},
			Tenths: []model.LoyaltyTenth{{
				OneTenth: model.OneTenth{Accounts: 65, Score: 17.0047, Kept: .6667, Spend: 23920.96}, Churn: &model.OneTenth{Accounts: 65, Score: .21, Kept: .4308, Spend: 9120.5},
			}},
			Point: model.Interval{Value: 139435.44, Low: 86461.28, High: 221231.66}, Five: model.Interval{Value: .2351, Low: .1945, High: .2972},
		},
		Decision: &model.DecisionCard{
			Accounts: 654, Churned: 211, ByRate: 653, MarginRate: .45,
			EMPC:   model.OfferProfit{Assumed: []string{"value"}, PerAccount: 3.217, Share: .418, Alpha: 6, Beta: 14, Value: 200, Incentive: 10, Contact: 1},
			EMPB:   model.OfferProfit{PerAccount: 12.34, Share: .229, Alpha: 7, Beta: 13, Value: model.Figure(math.NaN()), Incentive: .05, Contact: 15},
			Levels: []model.ProfitLevel{{PerManager: 25, Contacts: 101, Expected: 4321.5, Realised: 3987.25, Random: -77.5}, {Contacts: 102, Expected: 4322, Realised: 3988, Random: -78}},
		},
	}
}

func walletTried() *model.WalletTrial {
	nan := model.Figure(math.NaN())
	return &model.WalletTrial{
		Accounts: 174, With: .1288, Without: .1347, Kept: true, EN: "It is better.", ZH: "更准。", Later: []model.WalletGain{
			{Kind: model.AllKinds, Rows: 10320, Bought: 1373, LogLossWith: .1173, LogLossWithout: .1203, Gain: .003012, GainError: .00125, AUCWith: nan, AUCWithout: nan, NDCGWith: nan, NDCGWithout: nan},
			{Kind: "new", Rows: 7446, Bought: 38, LogLossWith: .0241, LogLossWithout: .0277, Gain: .0036, GainError: .0011, AUCWith: .9137, AUCWithout: .8545, NDCGWith: .5874, NDCGWithout: .4741},
		},
	}
}

func TestCardTellsWorth(t *testing.T) {
	card := &model.Card{Worth: worthCard(), Empty: []string{"of the lifetime model: 3 accounts"}}
	text := CardMarkdown(card)
	for _, want := range []string{
		"| columns without values | of the lifetime model: 3 accounts |",
		"Learnt of 659 accounts", "mbg-nbd of 651 accounts, log-likelihood -56563.41; frequency and mean spend correlate 0.208", "12 months at a discount of 1.0 % a month; its 87.5 % interval is of 250 drawn futures",
		"| purchases |  | r | 1.949 | 0.1254 |", "| spend |  | q | 1.024 | 0.0564 |", "| key\\|a | 36 | 35 | too-small | own |", "run-rate 3249.18, lifetime model 2755.93; spend is forecast by lifetime",
		"899 declared wallets among 658 accounts; 58 of them", "| paint | 133 | neighbours | 0.314 | 0.234 | 0.279 | odd |", "| all | declared | 62 | 80.0 % | 79.0 % | 11.08 | 0.897 | 27 | 74.1 % |", "| peers | 63 | 0.0 % | 0.0 % | 0 | 0.000 |  |  |",
		"| mbg-nbd | -56563.41 | 2755.93 | yes |", "| bg-bb | – | 2801.25 | no |",
		"Without contracts.; 不用合同。", "were not tried for the churn model: no.\n\nOf one category. 一个品类。\n", "Shares of wallet, all: the usual one of 345 declared years is 43.2 %, and weighs as much as 7.25 purchases", `No model of shares: category "paint": no.`,
		"By category: 12, of which 11 in the closed form and 1", "| new | 5698 | 20 | 0.877 | 0.596 | 0.019 | 0.024 | 0.001 | 0.507 | 0.490 |",
		"log-loss 0.129 with and 0.135 without on its 174 accounts held out, so that they are kept", "It is better. 更准。",
		"| all | 10320 | 1373 | 0.117 | 0.120 | 0.003012 | 0.00125 | – | – | – | – |", "| new | 7446 | 38 | 0.024 | 0.028 | 0.0036 | 0.0011 | 0.914 | 0.855 | 0.587 | 0.474 |",
		"Nothing is recommended by product: 2 of its kind were bought",
		"| loyalty | 0.359 (0.263 … 0.449) | 0.469 (0.379 … 0.549) |", "0.556 (0.474 … 0.628) | 0.636 (0.563 … 0.699)", "agree by 0.608 (0.532 … 0.675); of 4 accounts",
		"| 1 | 65 | 17 | 66.7 % | 23920.96 |", "| duration | 657 |", "139435.44 (86461.28 … 221231.66)", "23.5 % (19.4 % … 29.7 %)",
		"Of 654 accounts with a probability and a value 211 left. Of 653 no cost is known: their value is revenue × the margin rate of 0.45",
		"| 3.217 | 41.8 % | Beta(6, 14) | 200.00 | 10 | 1 |", "| 12.34 | 22.9 % | Beta(7, 13) | own | 5.0 % of it | 15 |",
		"EMPC assumes by default, because nobody set it (offer in fealty.yaml): worth of a kept account 200.00. EMPC的以下条件为默认假设", "EMPB assumes by default, because nobody set it (offer in fealty.yaml): parameter alpha of the acceptance 7;",
		"| 25 | 101 | 4321.50 | 3987.25 | -77.5 |", "| no limit | 102 | 4322.00 | 3988.00 | -78 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the card lacks %q", want)
		}
	}
	if strings.Contains(text, "%!") || strings.Contains(text, "NaN") {
		t.Errorf("the card is malformed:\n%s", text)
	}
}

// What could not be learnt is said in its place, and a card without worth has no such
// section.
func TestCardTellsWhatLacks(t *testing.T) {
	nan := model.Figure(math.NaN())
	w := &model.WorthCard{
		Lifetime: model.LifetimeCard{Why: "3 accounts", RunRate: nan, Forecast: nan, SpendBy: "run_rate"}, Wallet: model.WalletCard{Why: "nobody has bought"},
		Loyalty: model.LoyaltyCard{WhyNot: "everybody was kept"},
	}
	text := CardMarkdown(&model.Card{Worth: w})
	for _, want := range []string{"No lifetime model: 3 accounts.", "run-rate –, lifetime model –; spend is forecast by run_rate", "No wallets: nobody has bought.", "not told: everybody was kept."} {
		if !strings.Contains(text, want) {
			t.Errorf("the card lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Contacts") {
		t.Error("contacts are told of a card from before they were")
	}
	w.Decision = &model.DecisionCard{Why: "nobody has a value"}
	if text := CardMarkdown(&model.Card{Worth: w}); !strings.Contains(text, "Not judged: nobody has a value.") || strings.Contains(text, "EMPC") {
		t.Errorf("contacts that were not judged:\n%s", text)
	}
	w.Loyalty.Why = "no outcome"
	if text := CardMarkdown(&model.Card{Worth: w}); !strings.Contains(text, "Not validated: no outcome.") || strings.Contains(text, "Tenth") {
		t.Error("a loyalty that was not validated is shown as if it were")
	}
	if text := CardMarkdown(&model.Card{}); strings.Contains(text, "worth") {
		t.Error("a card without worth tells it")
	}
}
