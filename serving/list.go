package serving

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// List implements Answers. Filters compare the fields of ListFields: numbers
// with =, !=, <, <=, > and >=; texts with the same by bytes, where = and != take
// * for any text, and with : for a part of the text in whatever case; band, stage,
// tier, verdict and story with their names; FIELD:* asks for a value that is there. AND, OR
// (which binds first, as AIP-160 says), NOT and parentheses join them. A value
// that is missing passes neither a comparison nor its NOT, and comes last in
// every order. Rows alike in the order come by account. Accounts that asked to be
// erased since the run was made are not listed.
//
// A page token names its run: the pages of one walk are of one run, even when
// another is published meanwhile. A run that was replaced is held for
// keepReplaced, or until the next replaces it; then its tokens are ErrInvalid.
func (d *Desk) List(ctx context.Context, r ListRequest) (ListPage, error) {
	size := r.PageSize
	switch {
	case size < 0 || size > maxPage:
		return ListPage{}, fmt.Errorf("page_size %d, need 1 … %d: %w", size, maxPage, ErrInvalid)
	case size == 0:
		size = defaultPage
	}
	f, err := parseFilter(r.Filter)
	if err != nil {
		return ListPage{}, err
	}
	order, err := parseOrder(r.OrderBy)
	if err != nil {
		return ListPage{}, err
	}
	s, err := d.holding()
	if err != nil {
		return ListPage{}, err
	}
	e, offset := s.current, 0
	if r.PageToken != "" {
		if e, offset, err = s.page(r); err != nil {
			return ListPage{}, err
		}
	}
	passes, err := f.on(e)
	if err != nil {
		return ListPage{}, err
	}
	passes = s.listed(e, passes)
	rows, total, err := walk(ctx, e.order(order), passes, offset, size)
	if err != nil {
		return ListPage{}, err
	}
	page := ListPage{Answers: make([]Answer, len(rows)), Total: total}
	teller := d.teller(s, e)
	for k, row := range rows {
		page.Answers[k] = teller.answer(s.found(e, int(row)))
	}
	if offset+len(rows) < total {
		page.NextPageToken = pageToken{run: e.run.ID, offset: offset + len(rows)}.seal(r)
	}
	return page, nil
}

// listed is a test that lets nobody through who asked to be erased: what the run
// still holds of it is nobody's to filter and order by.
func (s *shelf) listed(e *edition, passes test) test {
	hidden := s.rolls[e].hidden
	if len(hidden) == 0 {
		return passes
	}
	return func(row int) truth {
		switch {
		case hidden[row]:
			return isFalse
		case passes == nil:
			return isTrue
		}
		return passes(row)
	}
}

// walk returns the rows of one page and the number of all that pass.
func walk(ctx context.Context, order []uint32, passes test, offset, size int) (rows []uint32, total int, err error) {
	if passes == nil {
		from := min(offset, len(order))
		return order[from:min(from+size, len(order))], len(order), nil
	}
	const breath = 1 << 14
	for k, row := range order {
		if k%breath == 0 && ctx.Err() != nil {
			return nil, 0, fmt.Errorf("list: %w", ctx.Err())
		}
		if passes(int(row)) != isTrue {
			continue
		}
		if total >= offset && total < offset+size {
			rows = append(rows, row)
		}
		total++
	}
	return rows, total, nil
}

// page finds the run of a page token among those held.
func (s *shelf) page(r ListRequest) (*edition, int, error) {
	token, err := openPageToken(r)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range []*edition{s.current, s.replaced} {
		if e != nil && e.run.ID == token.run {
			return e, token.offset, nil
		}
	}
	return nil, 0, fmt.Errorf("page_token: the run that it walks through has been replaced; begin again without a token: %w", ErrInvalid)
}

// pageToken says where a walk goes on. It is opaque to callers, bound to its
// filter and order by a checksum, and good for every replica that holds the
// run. The checksum is no secret: a forged token reaches nothing that the
// filter does not.
type pageToken struct {
	run    string
	offset int
}

// pageTokenVersion begins every token; another layout takes another.
const pageTokenVersion = 1

// pageTokenSum is how many bytes of the checksum a token carries.
const pageTokenSum = 8

var errPageToken = errors.New("page_token: it is damaged, or of a list with another filter or order")

func (t pageToken) sum(r ListRequest) []byte {
	// Lengths first, so that no two requests read alike.
	text := fmt.Sprintf("fealty page %d:%s%d:%s%d:%s%d", len(t.run), t.run, len(r.Filter), r.Filter, len(r.OrderBy), r.OrderBy, t.offset)
	sum := sha256.Sum256([]byte(text))
	return sum[:pageTokenSum]
}

// seal writes the token for the request's filter and order.
func (t pageToken) seal(r ListRequest) string {
	raw := append([]byte{pageTokenVersion}, t.sum(r)...)
	raw = binary.AppendUvarint(raw, uint64(t.offset)) //nolint:gosec // never negative
	return base64.RawURLEncoding.EncodeToString(append(raw, t.run...))
}

// openPageToken reads the request's token, which is exactly what seal wrote.
func openPageToken(r ListRequest) (pageToken, error) {
	refused := fmt.Errorf("%w: %w", errPageToken, ErrInvalid)
	const longest = 500
	if len(r.PageToken) > longest {
		return pageToken{}, refused
	}
	raw, err := base64.RawURLEncoding.DecodeString(r.PageToken)
	if err != nil || len(raw) < 1+pageTokenSum || raw[0] != pageTokenVersion {
		return pageToken{}, refused
	}
	offset, n := binary.Uvarint(raw[1+pageTokenSum:])
	if n <= 0 || offset > maxOffset {
		return pageToken{}, refused
	}
	t := pageToken{run: string(raw[1+pageTokenSum+n:]), offset: int(offset)}
	if t.seal(r) != r.PageToken { // the checksum, and no other spelling of the same
		return pageToken{}, refused
	}
	return t, nil
}

// maxOffset is more rows than an edition has.
const maxOffset = 1 << 31
