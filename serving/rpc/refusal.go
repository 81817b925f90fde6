package rpc

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fealty/serving"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// refusal is an error whose words were written for the caller.
type refusal struct {
	// because is the sentinel that gives the kind.
	because error
	words   string
	// retry is how long to wait before asking again; 0 when waiting won't help.
	retry time.Duration
}

func (r *refusal) Error() string { return r.words }
func (r *refusal) Unwrap() error { return r.because }

func refuse(because error, words string) error { return &refusal{because: because, words: words} }

// codeOf is how a kind reads in gRPC; the gateway derives the HTTP status from
// the code (Aborted, not FailedPrecondition, because the former is 409).
var codeOf = map[serving.Kind]codes.Code{
	serving.Internal:        codes.Internal,
	serving.Invalid:         codes.InvalidArgument,
	serving.NotFound:        codes.NotFound,
	serving.Conflict:        codes.Aborted,
	serving.Unavailable:     codes.Unavailable,
	serving.Exhausted:       codes.ResourceExhausted,
	serving.Unauthenticated: codes.Unauthenticated,
	serving.Denied:          codes.PermissionDenied,
	serving.Canceled:        codes.Canceled,
	serving.Deadline:        codes.DeadlineExceeded,
}

// sentences are told for kinds whose own words may hold what is inside: a
// query, a host, a path. Kinds that are missing here say what the caller did,
// and their own words are passed on as far as plain lets them.
var sentences = map[serving.Kind]string{
	serving.NotFound:        "no such account is known",
	serving.Unavailable:     "not available now: nothing is published yet, or the warehouse does not answer or has not told yet who wants to be erased",
	serving.Unauthenticated: "a valid key is needed: Authorization: Bearer fealty_…",
	serving.Denied:          "the key does not allow this",
	serving.Canceled:        "canceled by the caller",
	serving.Deadline:        "the deadline passed",
}

// told is an error turned into what the caller reads, with what the log needs.
type told struct {
	status   *status.Status
	kind     serving.Kind
	incident string
}

// tell turns err into words for the caller. Nothing of an internal error gets
// out but an incident number, under which the log has the rest.
func tell(err error) told {
	// The health and reflection servers of gRPC answer in codes of their own, with
	// words about services that the caller named.
	if st, ok := status.FromError(err); ok && serving.KindOf(err) == serving.Internal && st.Code() != codes.Unknown && st.Code() != codes.Internal {
		return told{status: status.New(st.Code(), plainOr(st.Message(), st.Code().String())), kind: serving.Invalid}
	}
	kind := serving.KindOf(err)
	var own *refusal
	switch {
	case errors.As(err, &own):
		st := status.New(codeOf[kind], own.words)
		if own.retry > 0 {
			// The detail can't fail to be attached: it is a well-formed message on a status that is no OK.
			if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(own.retry)}); err == nil {
				st = with
			}
		}
		return told{status: st, kind: kind}
	case sentences[kind] != "":
		return told{status: status.New(codeOf[kind], sentences[kind]), kind: kind}
	case kind != serving.Internal:
		if words, ok := plain(err.Error()); ok {
			return told{status: status.New(codeOf[kind], words), kind: kind}
		}
		id := incident()
		return told{status: status.New(codeOf[kind], "the request can't be carried out as it stands (incident "+id+")"), kind: kind, incident: id}
	}
	id := incident()
	return told{status: status.New(codes.Internal, "internal error (incident "+id+")"), kind: kind, incident: id}
}

// inside finds what must not get out even when an error of a use case was
// wrapped around it by mistake: queries, paths, sources, addresses, stacks.
var inside = regexp.MustCompile(`\b(SELECT|INSERT INTO|ALTER TABLE|CREATE TABLE|DROP TABLE|UPDATE|FROM|WHERE)\s` +
	`|(^|[\s"'(=:])/[\w.-]+/[\w./-]+` +
	`|[A-Za-z]:\\` +
	`|\.go:\d+|goroutine \d+|0x[0-9a-f]{6,}` +
	`|\b\d{1,3}(\.\d{1,3}){3}\b|\b[\w.-]+:\d{4,5}\b|\b\w+://`)

// maxWords bounds what is told, in runes.
const maxWords = 500

// plain makes words fit to be told: one line, bounded, without the sentinel's
// own word at the end. It returns false when they hold something of the inside.
func plain(words string) (string, bool) {
	if inside.MatchString(words) {
		return "", false
	}
	for _, end := range []error{serving.ErrInvalid, serving.ErrConflict, serving.ErrExhausted} {
		words = strings.TrimSuffix(words, ": "+end.Error())
	}
	words = strings.ToValidUTF8(words, "\uFFFD")
	words = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, words)
	if utf8.RuneCountInString(words) > maxWords {
		words = string([]rune(words)[:maxWords]) + "…"
	}
	return words, true
}

func plainOr(words, otherwise string) string {
	if said, ok := plain(words); ok {
		return said
	}
	return otherwise
}

// incident returns a number that ties an answer to its line in the log.
func incident() string {
	var b [6]byte
	// crypto/rand never fails: it ends the process instead.
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
