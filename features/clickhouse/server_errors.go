package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// What an engine may answer beside the engine's own exceptions.
var (
	// ErrBusy means that every connection stayed in use for Limits.PoolWait.
	ErrBusy = errors.New("the warehouse is busy: every connection is in use")
	// ErrUnreachable means that no host of a server's URL answers.
	ErrUnreachable = errors.New("the warehouse does not answer")
	// ErrRefused means that the server does not let this user do it: wrong
	// password, unknown database, missing privilege.
	ErrRefused = errors.New("the warehouse refuses")
	// ErrUnsupported means that the server is too old or lacks what fealty needs.
	ErrUnsupported = errors.New("the warehouse is not supported")
	// ErrLimit means that a query met one of Limits: its memory or its time.
	ErrLimit = errors.New("the query met its limit")
	// ErrClosed means that the engine was closed.
	ErrClosed = errors.New("the warehouse is closed")
	// ErrBroken means that the connection broke off or fell silent, so that it is
	// unknown how far a statement came. Queries may be asked again.
	ErrBroken = errors.New("the connection to the warehouse broke off")
)

// errSilent is the cause of ErrBroken when a peer says nothing.
var errSilent = errors.New("no data came for too long")

// Exception is an answer of ClickHouse that is an error.
//
//nolint:errname // ClickHouse's own word for it
type Exception struct {
	// Code is ClickHouse's number of the error, such as 60 for an unknown table.
	Code int
	// Message is ClickHouse's sentence.
	Message string
}

// Error returns the message with its code.
func (e *Exception) Error() string {
	return fmt.Sprintf("ClickHouse says (code %d): %s", e.Code, e.Message)
}

// The codes that change what fealty answers.
const (
	codeUnknownDatabase      = 81
	codeTimeout              = 159
	codeReadOnly             = 164
	codeUnknownUser          = 192
	codeWrongPassword        = 193
	codeMemory               = 241
	codeCancelled            = 394
	codeNotEnoughPrivileges  = 497
	codeAuthenticationFailed = 516
)

// asException finds ClickHouse's exception in an error of either client.
func asException(err error) (*Exception, bool) {
	if own, ok := errors.AsType[*Exception](err); ok {
		return own, true
	}
	if theirs, ok := errors.AsType[*driver.Exception](err); ok {
		return newException(int(theirs.Code), theirs.Name, theirs.Message), true
	}
	return nil, false
}

func newException(code int, name, message string) *Exception {
	return &Exception{Code: code, Message: sentence(strings.TrimPrefix(strings.TrimSpace(message), name+":"))}
}

// sentence puts a message of the engine on one line.
func sentence(message string) string {
	return lineBreaks.ReplaceAllString(strings.TrimSpace(message), " ")
}

var lineBreaks = regexp.MustCompile(`\s*[\r\n]\s*`)

func fromWire(e *proto.Exception) *Exception { return newException(int(e.Code), e.Name, e.Message) }

// explainQuery turns what a query ended with into what the caller is told: the
// context first, then limits, then exceptions as they are, then a broken
// connection. What the caller's own function returned stays. deadline tells that the time limit sent along was the context's.
func explainQuery(ctx context.Context, err error, limits Limits, deadline bool) error {
	if caller := (*callerError)(nil); err == nil || errors.As(err, &caller) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	exception, ok := asException(err)
	if !ok {
		if errors.Is(err, ErrBusy) || errors.Is(err, ErrClosed) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrRefused) || errors.Is(err, ErrBroken) {
			return err
		}
		if broken(err) {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
		return err
	}
	switch exception.Code {
	case codeTimeout:
		if deadline {
			return context.DeadlineExceeded
		}
		return fmt.Errorf("%w of %s: %w", ErrLimit, limits.MaxTime, exception)
	case codeMemory:
		return fmt.Errorf("%w of %d MiB: %w", ErrLimit, limits.MaxMemory>>20, exception)
	case codeNotEnoughPrivileges, codeReadOnly:
		return fmt.Errorf("%w: %w", ErrRefused, exception)
	}
	return exception
}

// broken reports whether an error means that the connection can't be used any more.
func broken(err error) bool {
	var op net.Error
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errSilent) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, driver.ErrConnectionClosed)
}

// explainDial says in one line why a host could not be used. The line never
// holds a password: what the clients report is replaced or comes from the
// operating system.
func explainDial(o *serverOptions, address string, err error) error {
	if exception, ok := asException(err); ok {
		return explainHandshake(o, address, exception)
	}
	var (
		record   tls.RecordHeaderError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		alert    tls.AlertError
		noSuch   *net.DNSError
	)
	switch {
	case errors.As(err, &record):
		return fmt.Errorf("%w: %s does not speak TLS; leave secure=true out or use the server's secure port (9440)", ErrUnreachable, address)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the certificate of %s is signed by an unknown authority; name it with ca_file=", ErrUnreachable, address)
	case errors.As(err, &hostname):
		return fmt.Errorf("%w: the certificate of %s is for another name: %w", ErrUnreachable, address, hostname)
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: the certificate of %s is not valid: %w", ErrUnreachable, address, invalid)
	case errors.As(err, &alert):
		return fmt.Errorf("%w: %s ends the TLS handshake: %w", ErrUnreachable, address, alert)
	case errors.As(err, &noSuch):
		return fmt.Errorf("%w: the name of %s is not known", ErrUnreachable, address)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens at %s", ErrUnreachable, address)
	case errors.Is(err, errSpeaksTLS):
		return fmt.Errorf("%w: %s speaks TLS; add secure=true", ErrUnreachable, address)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, errSilent), timeout(err):
		return fmt.Errorf("%w: %s accepted no handshake within %s", ErrUnreachable, address, o.dialTimeout.Round(time.Millisecond))
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		hint := "does it want TLS (secure=true)?"
		if o.tls != nil {
			hint = "does it speak TLS there?"
		}
		return fmt.Errorf("%w: %s ends the connection during the handshake; %s", ErrUnreachable, address, hint)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, address, err)
}

func timeout(err error) bool {
	var op net.Error
	return errors.As(err, &op) && op.Timeout()
}

func explainHandshake(o *serverOptions, address string, e *Exception) error {
	switch e.Code {
	case codeUnknownUser, codeWrongPassword, codeAuthenticationFailed:
		return fmt.Errorf("%w: %s knows no user %q with this password", ErrRefused, address, o.user)
	case codeUnknownDatabase:
		return fmt.Errorf("%w: %s has no database %q that user %q may use; create it or name another in warehouse.url", ErrRefused, address, o.database, o.user)
	}
	return fmt.Errorf("%w: %s: %w", ErrRefused, address, e)
}
