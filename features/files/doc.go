// Package files reads files of a business into canonical rows and writes
// features to files: CSV, TSV, JSON lines and Parquet, plain, gzip or zstd.
//
// Place in the flow: [files] → warehouse → features; and features → [files].
// It knows the tables' schemas and the formats. It knows no warehouse, opens
// no path that a request names, and guesses no value: what it cannot read
// exactly is refused by file, line and column, or put into quarantine.
//
// # Maps
//
// An entry "field=expression" says what fills a field of the table:
//
//	amount=UnitPrice*Quantity*-1      columns and numbers, multiplied exactly
//	account=integer(CustomerID)       17850.0 becomes 17850; any size; not 17850.5
//	order_id=concat(Shop,'-',Number)  texts joined
//	currency='GBP'                    a constant
//	account="Kunden-Nr. (neu)"        a column in double quotes or backticks, for names with other characters
//	product=first(SKU,EAN)            the first that is not empty
//	segment=trim(Segment)             without spaces around it
//	line=row()                        the record's number over all files, from 1
//	ordered_at=time(Date,'%d/%m/%Y')  an instant by its layout
//	ordered_at=time(concat(Day,' ',Hour),'%Y%m%d %H')
//
// A field without an entry takes the column of its own name, if there is one;
// a required field without either is an error that lists the columns. A
// product or a concat with an empty part is empty. Quotes inside a constant or
// a quoted name are written twice.
//
// # Conditions
//
// A record is taken if it satisfies every condition, joined by and:
//
//	match(StockCode,'^[0-9]{5}') and not prefix(InvoiceNo,'C') and Quantity > 0
//
// There are = != < <= > >=, prefix(x,'text'), match(x,'pattern') with Go's
// regular expressions, empty(x) and not. Two sides are compared as numbers if
// one of them is a number, as instants if one is an instant (time(Sold) >=
// '2024-01-01'), and as texts otherwise: Code = '007'. As in SQL, a comparison
// with an empty value is neither true nor false, and the record is left out;
// the report counts those apart. There is no or: a pattern gives alternatives.
//
// # Empty values
//
// A value is empty if it has no characters, is null by its format, or is one
// of the declared null tokens; NaN, NULL and - are ordinary texts unless they
// are declared. For each field "field=skip" leaves the record out and counts
// it, "field=refuse" makes it a bad record, and "field=keep" takes the empty
// value. Required fields refuse, the others keep. Skipping comes before the
// conditions, so that its count does not depend on them.
//
// # Numbers
//
// Numbers pass through no floating point. 1234.50, -0.5, .5, +7 and 1e3 are
// numbers; 1,234.50, $5, 0x10, NaN and Infinity are not. With a decimal comma
// 1234,50 is one and 1234.50 is not; marks of thousands are never read, because
// 1.234 would mean two things. Amounts have 14 digits before the mark and 4
// behind it; more behind it are refused, unless rounding is declared: half
// away from zero, so that −0.00005 is −0.0001. Products are rounded by that
// rule without being asked.
//
// # Instants
//
// Without a layout 2026-06-30, 2026-06-30 08:15, 2026-06-30T08:15:59.999Z and
// 2026/06/30 08:15:59 +02:00 are instants; fractions of a second are cut off.
// See [Layout] for others. What has no offset is read in the declared zone,
// UTC by default: the earlier of two where clocks were set back, and refused
// where they were set forward and skipped it. Instants lie in 1970 … 2105,
// which is what the warehouse stores without wrapping around.
//
// # Formats
//
// CSV is RFC 4180 in UTF-8, with a header; the delimiter may be another, the
// lines may end in CRLF, a byte order mark is passed over. A record has as many
// fields as the header. What is quoted is kept byte for byte. Bytes that are no
// UTF-8 and NUL are refused: nothing is replaced silently.
//
// JSON lines is one object per line. Keys are columns; one that an object lacks
// is empty, one that no object has is an error if it is named. Numbers are kept
// as they are written. A value that is asked for must not be nested, and no key
// may stand twice.
//
// Parquet is read by row group and page, and only in the columns that are
// asked for. Those may not be nested. Of physical types all are read, with the
// meanings text, decimal, date, time, timestamp, unsigned, UUID and INT96;
// packed with snappy, gzip, zstd or LZ4_RAW. A timestamp that is not adjusted
// to UTC is read in the declared zone. Parquet that comes as a stream, or
// packed once more, waits in a temporary file until it is whole.
//
// # Bad records
//
// The first bad record is an error, unless there is a quarantine: then it is
// written there as a line of JSON with its place, its reason and itself, and
// counted, and the others go on. What makes everything behind it doubtful ends
// the reading in any case: a quote that is never closed, a record or a column
// beyond the limits, a damaged file.
//
// A Reader takes memory for one record and one batch; see [Limits].
package files
