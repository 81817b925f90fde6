package clickhouse

// maxCountedOrders bounds the memory of ordinals. It is a variable so that tests
// can make it small.
var maxCountedOrders = 64_000_000

// ordinals counts the rows of each order of a load. The rows of an order mostly
// follow each other: a run of them is counted on its own, and runs are added up
// by order only once somebody asks, because most files have line numbers, and
// looking orders up at random costs more than all other work on a row. Memory:
// 16 bytes a run, then about 24 an order.
type ordinals struct {
	account, order string // of the open run
	open           run
	runs           []run            // closed and not added up yet
	counts         map[uint64]int64 // rows of the runs that were added up
	full           bool             // there are more orders than can be counted
}

type run struct {
	key  uint64
	rows int64
}

// add counts a row.
func (o *ordinals) add(account, order string) {
	if o.open.rows == 0 || order != o.order || account != o.account {
		if o.open.rows > 0 && !o.full {
			o.runs = append(o.runs, o.open)
		}
		if len(o.runs) >= maxCountedOrders {
			o.sum()
		}
		o.account, o.order, o.open = account, order, run{key: orderKey(account, order)}
	}
	o.open.rows++
}

// last returns the ordinal, from 1, of the row that was added last; ok is false
// when there are too many orders to count.
func (o *ordinals) last() (ordinal int64, ok bool) {
	o.sum()
	return o.counts[o.open.key] + o.open.rows, !o.full
}

// sum adds the closed runs up.
func (o *ordinals) sum() {
	if o.counts == nil {
		o.counts = map[uint64]int64{}
	}
	for _, r := range o.runs {
		o.counts[r.key] += r.rows
	}
	o.runs = o.runs[:0]
	if len(o.counts) >= maxCountedOrders {
		o.full, o.counts, o.runs = true, nil, nil
	}
}

// orderKey is FNV-1a over account and order id. Two orders in 64 million share
// a key with a chance of 1 in 10,000; their ordinals would then run through.
func orderKey(account, order string) uint64 {
	const offset, prime = 14_695_981_039_346_656_037, 1_099_511_628_211
	h := uint64(offset)
	for i := range len(account) {
		h = (h ^ uint64(account[i])) * prime
	}
	h = (h ^ 0xff) * prime // no byte of UTF-8, so that the two don't run into each other
	for i := range len(order) {
		h = (h ^ uint64(order[i])) * prime
	}
	return h
}
