package features

import (
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
)

// Kind says where a feature's value comes from.
type Kind uint8

// The kinds of feature.
const (
	// Measured features are a column of their SQL file's answer.
	Measured Kind = iota + 1
	// Ratio features divide Of[0] by Of[1], two measured features whose facts
	// meet only in the frame; missing when either is or the divisor is not above 0.
	Ratio
	// Difference features are Of[0] − Of[1]; missing when either is.
	Difference
	// LeastCategoryShare is the smallest share of wallet over the categories that
	// the account declared a wallet for: spend of 365 days ÷ declaration.
	LeastCategoryShare
	// LargestCategoryGap is the largest declared amount not spent with us over
	// those categories, 0 when everything is.
	LargestCategoryGap
	// ReferralsBought counts the accounts that the account referred to us whose first
	// purchase lies before the cutoff, and not before the day of the referral.
	ReferralsBought
	// DeclaredSpend is what of Of[0], all spend of 365 days, went into what the declared
	// wallet Of[1] is of: all of it where the whole is declared, that of the declared
	// categories otherwise; never below 0. Missing where nothing is declared, and where
	// categories are while no order line names one.
	DeclaredSpend
	// DeclaredShare is DeclaredSpend ÷ the declared wallet, which is at least as large.
	DeclaredShare
	// DeclaredGap is what of the declared wallet is not spent with us, never below 0.
	DeclaredGap
)

// Source is a canonical view of facts that features are computed from, or a part
// of one: the rows that fill a column or are of a kind, named view.column or view.kind.
type Source string

// The sources of features.
const (
	OrderLines   Source = "order_lines"
	Interactions Source = "interactions"
	Contracts    Source = "contracts"
	Wallets      Source = "wallets"
	Invoices     Source = "invoices"
	Payments     Source = "payments"
	People       Source = "people"
	Touches      Source = "touches"
	Accounts     Source = "accounts"
	// Categories and the names below are the parts of them that features need.
	Categories    Source = "order_lines.category"
	Deliveries    Source = "order_lines.delivered_at"
	ReturnReasons Source = "order_lines.return_reason"
	Promotions    Source = "order_lines.promotion"
	ListPrices    Source = "order_lines.list_price"
	// Meetings are contacts in person or by a medium: visits, calls and e-mails.
	Meetings    Source = "interactions.contact"
	Visits      Source = "interactions.visit"
	Calls       Source = "interactions.call"
	Emails      Source = "interactions.email"
	Care        Source = "interactions.care"
	Purposes    Source = "interactions.purpose"
	Complaints  Source = "interactions.complaint"
	Resolutions Source = "interactions.complaint_resolved"
	Reopenings  Source = "interactions.complaint.ref"
	// Deadlines are rows with due_at, Responses those of them that were answered.
	Deadlines    Source = "interactions.due_at"
	Responses    Source = "interactions.responded_at"
	Promises     Source = "interactions.promise"
	PromisesKept Source = "interactions.promise_kept"
	// Ratings are surveys with a value, Surveys those with a scale, SurveyAnswers those
	// of them that were answered.
	Ratings       Source = "interactions.survey"
	Surveys       Source = "interactions.scale"
	SurveyAnswers Source = "interactions.perception"
	Offers        Source = "interactions.competitor_offer"
	PeopleNews    Source = "interactions.people_change"
	Events        Source = "interactions.event"
	PublicVoices  Source = "interactions.publicity"
	Mentions      Source = "interactions.referral"
	Referrals     Source = "interactions.referral.ref"
	Managers      Source = "accounts.account_manager"
	CreditLimits  Source = "accounts.credit_limit"
	Orientations  Source = "accounts.orientation"
	Cancellations Source = "contracts.cancelled_at"
	// KeyPeople are buyers and decision makers; KeyArrivals those of whom it is known
	// since when, KeyDepartures those who left.
	KeyPeople     Source = "people.role"
	KeyArrivals   Source = "people.since"
	KeyDepartures Source = "people.until"
	TouchAnswers  Source = "touches.answered_at"
)

// Sources returns the views that features read and the parts of them that
// features need, in the catalogue's order. What begins later than its view, such
// as delivery dates that are kept since last spring, is reported with windows of
// its own.
func Sources() []Source {
	return []Source{
		OrderLines, Contracts, Wallets, Interactions, Invoices, Payments, People, Touches,
		Categories, Deliveries, ReturnReasons, Promotions, ListPrices,
		Meetings, Visits, Calls, Emails, Care, Purposes, Complaints, Resolutions, Reopenings, Deadlines, Responses, Promises, PromisesKept,
		Ratings, Surveys, SurveyAnswers, Offers, PeopleNews, Events, PublicVoices, Mentions, Referrals,
		Managers, CreditLimits, Orientations, Cancellations, KeyPeople, KeyArrivals, KeyDepartures, TouchAnswers,
	}
}

// File is one SQL file of features; it reads one source once.
type File struct {
	Name   string
	Source Source
	// SQL and Entry are the texts of a file that a team added (ReadOwn); the files
	// of the catalogue lie with the queries and have neither.
	SQL, Entry string
}

// The SQL files of the catalogue, by chapter.
var (
	Orders       = File{Name: "orders.sql", Source: OrderLines}
	Breadth      = File{Name: "breadth.sql", Source: OrderLines}
	Bonds        = File{Name: "contracts.sql", Source: Contracts}
	Declarations = File{Name: "wallet.sql", Source: Wallets}
	Contact      = File{Name: "contact.sql", Source: Interactions}
	Delivery     = File{Name: "delivery.sql", Source: OrderLines}
	Answers      = File{Name: "service.sql", Source: Interactions}
	Prices       = File{Name: "price.sql", Source: OrderLines}
	Receivables  = File{Name: "payments.sql", Source: Invoices}
	Persons      = File{Name: "people.sql", Source: People}
	Members      = File{Name: "accounts.sql", Source: Accounts}
	Opinions     = File{Name: "satisfaction.sql", Source: Interactions}
	News         = File{Name: "reach.sql", Source: Interactions}
	Approaches   = File{Name: "touches.sql", Source: Touches}
)

// Feature is one entry of the catalogue: the words of frame.Meta and where the
// value comes from.
type Feature struct {
	frame.Meta
	// File is the SQL file whose answer has a column of the feature's name; for
	// kinds other than Measured it is empty.
	File File
	// Part is what the feature needs rows of as of the cutoff, wherever they are:
	// without any it is missing for every account, because nobody writes that down.
	// "" means any row of the file's source.
	Part Source
	// Else is a file whose column of the feature's name counts where File, or what the
	// feature is made of, says nothing; without a name there is none.
	Else File
	Kind Kind
	// Of names the features that a Ratio or Difference is made of.
	Of []string
	// Integer features are whole numbers (counts, days): compared exactly.
	Integer bool
	// Zero features read 0 for an account without a row in the source, provided
	// that what the feature needs has any row as of the cutoff; all others are
	// missing then.
	Zero bool
}

// Needs returns the source, or part of one, without whose rows the feature is
// missing for every account.
func (f *Feature) Needs() Source {
	if f.Part != "" {
		return f.Part
	}
	return f.File.Source
}

// Loyalty factors of the literature that a feature may speak to.
const (
	Frequency    = "frequency"
	Value        = "value"
	Variety      = "breadth"
	Duration     = "duration"
	Wallet       = "wallet"
	Satisfaction = "satisfaction"
	Relationship = "relationship"
	Advocacy     = "advocacy"
	Commitment   = "commitment"
	// Quality and the names below are the six reasons for which an account leaves.
	Quality   = "quality"
	Price     = "price"
	Switching = "switching cost"
	Risk      = "risk"
	Service   = "service"
	Publicity = "publicity"
)

// Factors returns the loyalty factors, in the order above.
func Factors() []string {
	return []string{
		Frequency, Value, Variety, Duration, Wallet, Satisfaction, Relationship, Advocacy, Commitment,
		Quality, Price, Switching, Risk, Service, Publicity,
	}
}

// Catalogue returns all features in their order, which is the order of the
// frame's columns and of receipts. The result is the caller's own.
//
// What tells the rhythm of an account counts the days on which it doesn't rest: recency,
// gaps, silences and comebacks of orders, the time since and between contacts, and the
// windows of less than a year of orders, spend, categories and contacts, so that a feast
// or an agreed stop is no decline. All other days are of the calendar, on purpose: tenure
// and windows of a year, since a year holds its feasts; what one side owes the other
// (deliveries, answers, complaints, payments), since a promise runs on; prices; contracts,
// wallets and people, whose dates are agreed or told; and the age of a survey or an offer,
// since what was said grows old.
func Catalogue() []Feature {
	return slices.Concat(rhythm(), value(), breadth(), duration(), contracts(), wallet(), contact(),
		delivery(), price(), service(), payments(), people(), satisfaction(), reach(), cadence())
}

// Metas returns the words of the features by name.
func Metas(catalogue []Feature) map[string]frame.Meta {
	metas := make(map[string]frame.Meta, len(catalogue))
	for i := range catalogue {
		metas[catalogue[i].Name] = catalogue[i].Meta
	}
	return metas
}

// Names returns the features' names in order.
func Names(catalogue []Feature) []string {
	names := make([]string, len(catalogue))
	for i := range catalogue {
		names[i] = catalogue[i].Name
	}
	return names
}

// Files returns the SQL files that the catalogue's measured features come
// from, each once, in order of first use.
func Files(catalogue []Feature) []File {
	var files []File
	for i := range catalogue {
		if catalogue[i].Kind == Measured && !slices.Contains(files, catalogue[i].File) {
			files = append(files, catalogue[i].File)
		}
	}
	return files
}

// Check verifies a catalogue: unique names, words in both languages, a file for
// each measured feature, and parts that stand before what is made of them.
func Check(catalogue []Feature) error {
	at := make(map[string]int, len(catalogue))
	for i := range catalogue {
		f := &catalogue[i]
		if _, twice := at[f.Name]; twice || f.Name == "" {
			return fmt.Errorf("feature %d: name %q is empty or stands twice", i, f.Name)
		}
		at[f.Name] = i
		switch {
		case f.LabelEN == "" || f.LabelZH == "" || f.Unit == "" || f.Group == "":
			return fmt.Errorf("feature %q lacks a label, unit or group", f.Name)
		case len(f.ReasonEN) == 0 || len(f.ReasonEN) != len(f.ReasonZH):
			return fmt.Errorf("feature %q has %d English and %d Chinese reasons", f.Name, len(f.ReasonEN), len(f.ReasonZH))
		case f.Kind == Measured && f.File.Name == "":
			return fmt.Errorf("feature %q has no SQL file", f.Name)
		case (f.Kind == Ratio || f.Kind == Difference || f.Kind >= DeclaredSpend) && len(f.Of) != 2:
			return fmt.Errorf("feature %q is made of %d features, needs 2", f.Name, len(f.Of))
		case f.Part != "" && !slices.Contains(Sources(), f.Part):
			return fmt.Errorf("feature %q needs rows of %q, which is no source", f.Name, f.Part)
		case f.Kind < Measured || f.Kind > DeclaredGap:
			return fmt.Errorf("feature %q has no kind", f.Name)
		}
		for _, part := range f.Of {
			if j, ok := at[part]; !ok || catalogue[j].Kind != Measured {
				return fmt.Errorf("feature %q is made of %q, which is no measured feature before it", f.Name, part)
			}
		}
	}
	return nil
}

// Derive returns the value of a Ratio or Difference from its parts.
func (f *Feature) Derive(a, b float64) float64 {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return math.NaN()
	case f.Kind == Difference:
		return a - b
	case b > 0:
		return a / b
	}
	return math.NaN()
}
