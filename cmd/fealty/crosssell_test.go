package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"fealty/model"
	"fealty/serving"
)

// What the wallet adds to what is bought next is told of trials with and without figures
// of what came later, and of what was not tried; of a model without any there is no table.
func TestWalletTrialsAreTold(t *testing.T) {
	nan := model.Figure(math.NaN())
	tried := &model.WalletTrial{Accounts: 174, With: .1288, Without: .1347, Kept: true}
	fit := &serving.WorthFitResult{Worth: model.WorthCard{CrossSell: []model.CrossSellCard{{Key: "category", Wallet: tried}, {Key: "product"}}}}
	show := func() string {
		var out bytes.Buffer
		writeTables(&out, crossSellFit(fit).sections)
		return strings.Join(strings.Fields(out.String()), " ")
	}
	before := show()
	if want := "category 174 accounts held out 174个留出客户 - - 0.1288 0.1347 - - - - - - kept 采用"; !strings.Contains(before, want) || strings.Contains(before, "In words") {
		t.Errorf("of a card from before: %s", before)
	}
	tried.Kept, tried.EN, tried.ZH = false, "It is better.", "更准。"
	tried.Later = []model.WalletGain{{Kind: model.AllKinds, Rows: 90, Bought: 7, LogLossWith: .1, LogLossWithout: .2, Gain: .1, GainError: .01, AUCWith: nan, AUCWithout: nan, NDCGWith: .5, NDCGWithout: .4}}
	after := show()
	for _, want := range []string{"0.1347 - - - - - - not kept 未采用", "category test 检验, all 90 7 0.1000 0.2000 0.1000 0.0100 - - 0.5000 0.4000 -", "In words 说明 by English 中文 category It is better. 更准。"} {
		if !strings.Contains(after, want) {
			t.Errorf("no %q in %s", want, after)
		}
	}
	*tried = model.WalletTrial{Why: "none", With: nan, Without: nan, EN: "It was not tried: none.", ZH: "未检验。"}
	if none := show(); !strings.Contains(none, "category - - - - - - - - - - - not tried 未试用 In words 说明 by English 中文 category It was not tried: none. 未检验。") {
		t.Errorf("of what was not tried: %s", none)
	}
	fit.Worth.CrossSell[0].Wallet = nil
	if none := show(); strings.Contains(none, "What the columns of the wallet add") {
		t.Errorf("of no trial: %s", none)
	}
}
