package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Act is one row of the audit trail.
type Act struct {
	// Seq counts from 1 without gaps.
	Seq int64
	// At is UTC and never before the act before it, whatever the clock did.
	At time.Time
	// Who did What to Object: "token.create", "alias.set" … Detail is JSON without
	// personal data.
	Who, What, Object string
	Detail            json.RawMessage
}

// record appends an act in the transaction of what it records: there is no act
// without its effect and no effect without its act.
func (s *State) record(ctx context.Context, tx *sql.Tx, act, object string, detail any) error {
	words, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("record %s: %w", act, err)
	}
	var seq, last int64
	var before []byte
	// The end is believed, not the rows: a trail that was emptied goes on with a gap,
	// which VerifyAudit finds, rather than from 1 as if nothing had been there.
	err = tx.QueryRowContext(ctx, `SELECT e.seq, e.hash, coalesce(a.at, 0) FROM audit_end e LEFT JOIN audit a ON a.seq = e.seq`).Scan(&seq, &before, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("record %s: %w", act, err)
	}
	seq++
	at := max(s.now().UnixNano(), last)
	hash := link(before, seq, at, s.who, act, object, string(words))
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit (seq, at, who, act, object, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		seq, at, s.who, act, object, string(words), hash); err != nil {
		return fmt.Errorf("record %s: %w", act, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit_end (one, seq, hash) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`, seq, hash); err != nil {
		return fmt.Errorf("record %s: %w", act, err)
	}
	return nil
}

// link hashes one row and the hash before it. Lengths stand before texts, so
// that no text can run into its neighbour.
func link(before []byte, seq, at int64, texts ...string) []byte {
	h := sha256.New()
	var number [8]byte
	write := func(n int64) {
		binary.BigEndian.PutUint64(number[:], uint64(n)) //nolint:gosec // the bits, whatever the sign
		h.Write(number[:])
	}
	h.Write(before)
	write(seq)
	write(at)
	for _, t := range texts {
		write(int64(len(t)))
		h.Write([]byte(t))
	}
	return h.Sum(nil)
}

// Audit returns up to limit acts from seq on, in order.
func (s *State) Audit(ctx context.Context, seq int64, limit int) ([]Act, error) {
	acts := []Act{}
	err := walk(ctx, s.db, seq, limit, func(a Act, _ []byte) error {
		acts = append(acts, a)
		return nil
	})
	return acts, err
}

// asker is what a query needs: the database or a transaction of it.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func walk(ctx context.Context, from asker, seq int64, limit int, visit func(Act, []byte) error) (err error) {
	rows, err := from.QueryContext(ctx, `SELECT seq, at, who, act, object, detail, hash FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?`, seq, limit)
	if err != nil {
		return fmt.Errorf("read the audit trail: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Act
		var at int64
		var detail string
		var hash []byte
		if err := rows.Scan(&a.Seq, &at, &a.Who, &a.What, &a.Object, &detail, &hash); err != nil {
			return fmt.Errorf("read the audit trail: %w", err)
		}
		a.At, a.Detail = time.Unix(0, at).UTC(), json.RawMessage(detail)
		if err := visit(a, hash); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the audit trail: %w", err)
	}
	return nil
}

// VerifyAudit walks the whole trail and returns an error that wraps ErrCorrupt
// and names the first act that was changed, is missing, stands out of time, or
// was cut off the end. It can't find a trail that was rewritten as a whole by
// who owns the file.
func (s *State) VerifyAudit(ctx context.Context) (err error) {
	// One transaction, so that an act recorded meanwhile is in neither the rows nor the end.
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("verify the audit trail: %w", err)
	}
	defer func() {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("verify the audit trail: %w", rerr))
		}
	}()
	var before []byte
	var last Act
	err = walk(ctx, tx, math.MinInt64, -1, func(a Act, hash []byte) error {
		switch {
		case a.Seq != last.Seq+1:
			return fmt.Errorf("act %d is missing: %w", last.Seq+1, ErrCorrupt)
		case a.At.Before(last.At):
			return fmt.Errorf("act %d stands before act %d in time: %w", a.Seq, last.Seq, ErrCorrupt)
		case !bytes.Equal(hash, link(before, a.Seq, a.At.UnixNano(), a.Who, a.What, a.Object, string(a.Detail))):
			return fmt.Errorf("act %d was changed: %w", a.Seq, ErrCorrupt)
		}
		before, last = hash, a
		return nil
	})
	if err != nil {
		return fmt.Errorf("verify the audit trail: %w", err)
	}
	var end int64
	var hash []byte
	err = tx.QueryRowContext(ctx, `SELECT seq, hash FROM audit_end`).Scan(&end, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		// A state in which nothing was done yet has no end.
		err = nil
	case err != nil:
		return fmt.Errorf("verify the audit trail: %w", err)
	}
	if end != last.Seq || !bytes.Equal(hash, before) {
		return fmt.Errorf("verify the audit trail: it ends with act %d, recorded was act %d: %w", last.Seq, end, ErrCorrupt)
	}
	return nil
}
