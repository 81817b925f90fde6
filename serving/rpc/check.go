package rpc

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"
)

// The bounds that the proto's comments promise.
const (
	maxAccountBytes = 512
	maxAccounts     = 1000
	maxFilterBytes  = 2000
	maxOrderBytes   = 500
	maxPageSize     = 1000
	maxTokenBytes   = 4096
	maxGrowthBytes  = 100
)

// check refuses a request that is outside the bounds of the proto, before any
// use case sees it. Requests without bounds pass.
func check(request any) error {
	switch r := request.(type) {
	case interface{ GetAccount() string }: // every request of one account
		return checkAccount(r.GetAccount(), "account")
	case *fealtyv1.BatchGetScoresRequest:
		return checkAccounts(r.GetAccounts())
	case *fealtyv1.ScoreNowRequest:
		return checkAccounts(r.GetAccounts())
	case *fealtyv1.ListScoresRequest:
		return checkList(r)
	case *fealtyv1.GetGrowthRequest:
		return checkGrowth(r)
	}
	return nil
}

func checkAccount(id, field string) error {
	switch {
	case id == "":
		return refuse(serving.ErrInvalid, field+": is empty; want an account id of 1 to 512 bytes")
	case len(id) > maxAccountBytes:
		return refuse(serving.ErrInvalid, fmt.Sprintf("%s: has %d bytes; want 1 to %d", field, len(id), maxAccountBytes))
	case !utf8.ValidString(id):
		return refuse(serving.ErrInvalid, field+": is not UTF-8")
	case strings.ContainsRune(id, 0):
		return refuse(serving.ErrInvalid, field+": contains a NUL byte")
	}
	return nil
}

func checkAccounts(accounts []string) error {
	switch n := len(accounts); {
	case n == 0:
		return refuse(serving.ErrInvalid, "accounts: is empty; want 1 to 1,000 ids")
	case n > maxAccounts:
		return refuse(serving.ErrInvalid, fmt.Sprintf("accounts: has %d ids; want 1 to %d", n, maxAccounts))
	}
	for i, a := range accounts {
		if err := checkAccount(a, fmt.Sprintf("accounts[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func checkGrowth(r *fealtyv1.GetGrowthRequest) error {
	for field, value := range map[string]string{"from": r.GetFrom(), "to": r.GetTo(), "by": r.GetBy(), "every": r.GetEvery()} {
		if len(value) > maxGrowthBytes {
			return refuse(serving.ErrInvalid, fmt.Sprintf("%s: has %d bytes; want at most %d", field, len(value), maxGrowthBytes))
		}
		if !utf8.ValidString(value) {
			return refuse(serving.ErrInvalid, field+": is not UTF-8")
		}
	}
	return nil
}

func checkList(r *fealtyv1.ListScoresRequest) error {
	switch {
	case r.GetPageSize() < 0 || r.GetPageSize() > maxPageSize:
		return refuse(serving.ErrInvalid, fmt.Sprintf("page_size: is %d; want 1 to %d, or 0 for the default", r.GetPageSize(), maxPageSize))
	case len(r.GetFilter()) > maxFilterBytes:
		return refuse(serving.ErrInvalid, fmt.Sprintf("filter: has %d bytes; want at most %d", len(r.GetFilter()), maxFilterBytes))
	case len(r.GetOrderBy()) > maxOrderBytes:
		return refuse(serving.ErrInvalid, fmt.Sprintf("order_by: has %d bytes; want at most %d", len(r.GetOrderBy()), maxOrderBytes))
	case len(r.GetPageToken()) > maxTokenBytes:
		return refuse(serving.ErrInvalid, fmt.Sprintf("page_token: has %d bytes; want one that a page before gave", len(r.GetPageToken())))
	}
	for field, value := range map[string]string{"filter": r.GetFilter(), "order_by": r.GetOrderBy(), "page_token": r.GetPageToken()} {
		if !utf8.ValidString(value) {
			return refuse(serving.ErrInvalid, field+": is not UTF-8")
		}
	}
	return nil
}
