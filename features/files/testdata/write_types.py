"""Writes types-*.parquet and types.jsonl: one table of every kind of column
that fealty reads, in each page format, encoding and compression of pyarrow.
types.jsonl holds the texts that the values stand for."""

import datetime as dt
import decimal
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 160
chance = random.Random(7)
epoch = dt.datetime(1970, 1, 1)


def some(one):
    return [None if chance.random() < 0.2 else one(i) for i in range(ROWS)]


def instant(unit):
    def one(_):
        whole = chance.randrange(0, 4_000_000_000)
        return whole * unit + (chance.randrange(unit) if chance.random() < 0.7 else 0)
    return one


def text(i):
    return chance.choice(["", "bolt", "Schraube M8", "螺丝", "a,b\n\"c\"", "x" * 70 + str(i), "prefix-%05d" % (i // 3)])


def show(unit, zone):
    def one(v):
        whole, rest = divmod(v, unit)
        digits = len(str(unit)) - 1
        fraction = ("." + str(rest).zfill(digits)).rstrip("0") if rest else ""
        return (epoch + dt.timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S") + fraction + zone
    return one


def plain(v):
    return format(v.normalize(), "f") if v else "0"


columns = {  # name: (type, values, text of a value)
    "row": (pa.int32(), list(range(ROWS)), str),
    "flag": (pa.bool_(), some(lambda _: chance.random() < 0.5), lambda v: str(v).lower()),
    "i8": (pa.int8(), some(lambda _: chance.randrange(-128, 128)), str),
    "i16": (pa.int16(), some(lambda _: chance.randrange(-2**15, 2**15)), str),
    "i32": (pa.int32(), some(lambda _: chance.randrange(-2**31, 2**31)), str),
    "i64": (pa.int64(), some(lambda _: chance.choice([2**53 + 1, -2**63, 2**63 - 1, chance.randrange(1000)])), str),
    "u8": (pa.uint8(), some(lambda _: chance.randrange(256)), str),
    "u32": (pa.uint32(), some(lambda _: chance.randrange(2**32)), str),
    "u64": (pa.uint64(), some(lambda _: chance.choice([2**64 - 1, 2**63, 5])), str),
    "f32": (pa.float32(), some(lambda _: chance.choice([0.5, -1.25, 2.0**-20, chance.uniform(-1e6, 1e6)])), repr),
    "f64": (pa.float64(), some(lambda _: chance.choice([0.1, -0.0, 1e300, 5e-324, 17850.0, chance.uniform(-1e6, 1e6)])), repr),
    "text": (pa.string(), some(text), str),
    "product": (pa.dictionary(pa.int32(), pa.string()), some(lambda _: chance.choice(["bolt", "nut", "Mutter"])), str),
    "day": (pa.date32(), some(lambda _: chance.randrange(-30000, 60000)), lambda v: (epoch + dt.timedelta(days=v)).strftime("%Y-%m-%d")),
    "clock_ms": (pa.timestamp("ms"), some(instant(10**3)), show(10**3, "")),
    "clock_us": (pa.timestamp("us"), some(instant(10**6)), show(10**6, "")),
    "utc_ms": (pa.timestamp("ms", "UTC"), some(instant(10**3)), show(10**3, "Z")),
    "utc_us": (pa.timestamp("us", "Asia/Shanghai"), some(instant(10**6)), show(10**6, "Z")),
    "utc_ns": (pa.timestamp("ns", "UTC"), some(instant(10**9)), show(10**9, "Z")),
    "time_us": (pa.time64("us"), some(lambda _: chance.randrange(86_400) * 10**6 + 250_000), lambda v: show(10**6, "")(v)[11:]),
    "d9_2": (pa.decimal128(9, 2), some(lambda _: decimal.Decimal(chance.randrange(-10**9 + 1, 10**9)).scaleb(-2)), plain),
    "d18_4": (pa.decimal128(18, 4), some(lambda _: decimal.Decimal(chance.choice([1, -1, 5, 10**18 - 1, chance.randrange(10**9)])).scaleb(-4)), plain),
    "d38_10": (pa.decimal128(38, 10), some(lambda _: decimal.Decimal(chance.randrange(-10**30, 10**30)).scaleb(-10)), plain),
    "none": (pa.null(), [None] * ROWS, str),
}

decimal.getcontext().prec = 60
table = pa.table({name: pa.array(values, type=kind) for name, (kind, values, _) in columns.items()})
with open("types.jsonl", "w", encoding="utf-8") as out:
    for i in range(ROWS):
        row = {name: None if values[i] is None else shown(values[i]) for name, (_, values, shown) in columns.items()}
        out.write(json.dumps(row, ensure_ascii=False) + "\n")

few = dict(row_group_size=70, data_page_size=300, write_batch_size=16)
ints = ["row", "i8", "i16", "i32", "i64", "u8", "u32", "u64", "day", "clock_ms", "utc_us"]
delta = {name: "DELTA_BINARY_PACKED" for name in ints}
delta.update(text="DELTA_BYTE_ARRAY", f32="BYTE_STREAM_SPLIT", f64="BYTE_STREAM_SPLIT", d38_10="BYTE_STREAM_SPLIT", flag="RLE", product="DELTA_LENGTH_BYTE_ARRAY")
pq.write_table(table, "types-v1-plain.parquet", version="1.0", use_dictionary=False, compression="none", use_deprecated_int96_timestamps=True, **few)
pq.write_table(table, "types-v1-snappy.parquet", version="2.6", compression="snappy", store_decimal_as_integer=True, write_page_checksum=True, **few)
pq.write_table(table, "types-v2-zstd.parquet", version="2.6", data_page_version="2.0", compression="zstd", store_decimal_as_integer=True, **few)
pq.write_table(table, "types-v2-lz4.parquet", version="2.6", data_page_version="2.0", compression="lz4", use_dictionary=False, column_encoding=delta, **few)
pq.write_table(table, "types-v1-gzip.parquet", version="2.6", compression="gzip", use_dictionary=False, column_encoding=delta, write_page_index=True, **few)

nested = pa.table({
    "account": ["A1", "A2"],
    "amount": pa.array([decimal.Decimal("1.50"), None], type=pa.decimal128(9, 2)),
    "lines": [[1, 2], []],
    "address": [{"city": "Wuhan", "geo": {"lat": 1.0, "lon": 2.0}}, None],
    "tags": pa.array([[("a", 1)], []], type=pa.map_(pa.string(), pa.int32())),
    "raw": pa.array([b"abc", b"xyz"], type=pa.binary(3)),
    "behind": ["yes", "no"],
})
pq.write_table(nested, "nested.parquet", compression="none")
