package wallet_test

import (
	"fmt"

	"fealty/model/wallet"
)

func ExampleShareOfRank() {
	// An account buys for 300 here and ranks us second of three suppliers.
	share := wallet.ShareOfRank(2, 3)
	fmt.Printf("share of wallet %.3f, wallet %.0f\n", share, 300/share)
	// Output: share of wallet 0.333, wallet 900
}

func ExampleDirichlet_Shares() {
	// Accounts usually give us a third; this one gave us 3 of its 3 orders.
	usual := wallet.Dirichlet{Alpha: []float64{1, 2}}
	shares := make([]float64, 2)
	usual.Shares([]float64{3, 0}, shares)
	fmt.Printf("not all of its orders: %.2f of them\n", shares[0])
	// Output: not all of its orders: 0.67 of them
}
