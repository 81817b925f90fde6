package serving

import (
	"context"
	"time"

	"fealty/features/frame"
	"fealty/model/score"
)

// Said is one reason as it is told: the numbers and the sentence.
type Said struct {
	score.Reason
	Label, LabelZH string
	Unit           string
	EN, ZH         string
}

// Answer is a published (or just computed) score with its sentences.
type Answer struct {
	Found
	// Up and Down shadow the score's own: the same reasons, with sentences.
	Up, Down []Said
	Run      string
	// HorizonDays of the model's label.
	HorizonDays int
	Currency    string
	// MarginRate is the share of revenue counted as margin in value at risk; 1
	// means that revenue itself is at risk because no cost is known.
	MarginRate float64
	// Live marks a score computed for this request, not read from a run.
	Live bool
	// Stale says why the score is old; "" when it is fresh.
	Stale string
}

// ListRequest asks for a page of the published run.
type ListRequest struct {
	// Filter and OrderBy are AIP-160 and AIP-132 texts over the fields of ListFields.
	Filter, OrderBy string
	// PageSize 1 … 1,000; 0 means 50.
	PageSize  int
	PageToken string
}

// ListPage is one page in order.
type ListPage struct {
	Answers       []Answer
	NextPageToken string
	// Total is the number of accounts that match the filter.
	Total int
}

// Status is what health and version tell.
type Status struct {
	Version string
	// Engine is the warehouse's kind and version; Ready is false until a run is held.
	Engine string
	Ready  bool
	Detail string
	Run    string
	// Groups is the run of groups that is held, "" when there is none.
	Groups string
	Model  string
	Grade  string
	Rung   string
	Cutoff frame.Cutoff
	Scored int
	Bytes  int64
	Stale  string
	// PublishedAt is when the run was committed.
	PublishedAt time.Time
}

// Answers is what people and programs ask of published scores. It is
// implemented by Desk.
type Answers interface {
	// Get returns one account's published score, or that of the account it goes on in,
	// which says so; ErrNotFound when the run doesn't know the account, ErrUnavailable
	// when nothing is published.
	Get(ctx context.Context, account frame.AccountID) (Answer, error)
	// BatchGet returns the known accounts' scores in the order asked, and the unknown ids.
	BatchGet(ctx context.Context, accounts []frame.AccountID) (found []Answer, unknown []frame.AccountID, err error)
	List(ctx context.Context, request ListRequest) (ListPage, error)
	// ScoreNow computes scores of up to 1,000 accounts from the facts as of this
	// instant, by the same SQL.
	ScoreNow(ctx context.Context, accounts []frame.AccountID) (found []Answer, unknown []frame.AccountID, err error)
	// Worth returns what one account of the published run is worth, or the account it
	// goes on in; ErrNotFound when the run doesn't know the account, that and ErrNoWorth
	// when it tells nothing of its worth, ErrUnavailable when nothing is published.
	Worth(ctx context.Context, account frame.AccountID) (WorthAnswer, error)
	// Growth computes how the base grew, from the facts; ErrInvalid says what of the
	// request can't be told, ErrExhausted that it has more than MaxGrowthRows rows.
	Growth(ctx context.Context, request GrowthRequest) (GrowthResult, error)
	Status(ctx context.Context) Status
	// Groups answers the same of groups in place of their branches, from the newest
	// run of groups; a branch is found by its own name too, and the answer says so.
	Groups() Answers
}
