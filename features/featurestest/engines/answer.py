"""Walks an engine through every SQL file of fealty and writes what it answers as TSV.

    answer.py wheel|LIBRARY ROOT ANSWERS

`wheel` is the chdb module of the running Python; LIBRARY is the path of a libchdb.so. `walk` beside this
file says what is run and how; parameters stand in the text that uses them.
"""

import ctypes
import os
import pathlib
import re
import shutil
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).parent
CUTOFFS = ["2025-03-01 00:00:00", "2025-07-16 12:00:00", "2026-01-01 00:00:00"]
# Germany rested on 20000 … 20002 and on 20250, and the second cutoff did not know of the last: by calendar, its days of
# rest, and each later day with how many of them lie before it.
RESTS = [(20000, 20001, 20002, 20250), (20000, 20001, 20002)]
LATER = [(c, d, sum(r < d for r in rests)) for c, rests in enumerate(RESTS) for d in range(20001, 20455)]
PARAMETERS = {
    "cutoffs": "[" + ",".join(f"'{c}'" for c in CUTOFFS) + "]",
    "known_at": "[" + ",".join(f"'{c}'" for c in CUTOFFS) + "]",
    "accounts": "[]",
    "from_account": "",
    "to_account": "",
    "watermark": "2",
    "tz": "Europe/Berlin",
    "horizon_days": "90",
    "grace_days": "30",
    "recorded_by": "0",
    # The questions of labels: the second is of a shorter horizon and knows what was recorded by 2025-09-01.
    "horizons": "[90,30,90]",
    "known_by": "[9223372036854775807,1756684800,9223372036854775807]",
    "least_days": "3",
    "outcome": "left",
    "base_currency": "USD",
    "now": "2025-07-01 00:00:00",
    "cadence_segments": "['','key']",
    "cadence_days": "[30,7]",
    "rested": "1",
    "calendars": "[0,1,0]",
    "rest_countries": "['DE']",
    "rest_days": "[" + ",".join(str(65536 * (1 + c) + d) for c, d, _ in LATER) + "]",
    "rest_before": "[" + ",".join(str(before) for _, _, before in LATER) + "]",
    # Days of rest have the count of the next working day, where that of the first of them stands.
    "rest_beats": "[" + ",".join(str(65536 * (1 + c) + d - before) for c, d, before in LATER if d - 1 not in RESTS[c]) + "]",
    "rest_passed": "[" + ",".join(str(before) for c, d, before in LATER if d - 1 not in RESTS[c]) + "]",
}
# SQLite's, which are no SQL of ClickHouse.
ELSEWHERE = ("serving/store/sql/state/",)
# The steps of migrations are named so, in whatever folder.
STEP = re.compile(r"/\d{4}_\w+\.sql$")
# What files take in, as clickhouse/statements.go has it.
PARTS = "features/clickhouse/sql/parts/"
INCLUDED = re.compile(r"-- Include: (\w+\.sql)")
USED = re.compile(r"\{(\w+):[^{}]+\}")


def wheel(directory):
    from chdb import session

    s = session.Session(directory)

    def query(text):
        return str(s.query(text, "TSVWithNames"))

    return query


def library(path, directory):
    lib = ctypes.CDLL(path)
    lib.chdb_connect.restype = ctypes.c_void_p
    lib.chdb_connect.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    lib.chdb_query.restype = ctypes.c_void_p
    lib.chdb_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    for name, kind in (("buffer", ctypes.c_void_p), ("length", ctypes.c_size_t), ("error", ctypes.c_char_p)):
        f = getattr(lib, "chdb_result_" + name)
        f.restype, f.argtypes = kind, [ctypes.c_void_p]
    lib.chdb_destroy_query_result.argtypes = [ctypes.c_void_p]
    handle = lib.chdb_connect(2, (ctypes.c_char_p * 2)(b"clickhouse", ("--path=" + directory).encode()))
    connection = ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0]

    def query(text):
        result = lib.chdb_query(connection, text.encode(), b"TSVWithNames")
        error = lib.chdb_result_error(result)
        if error:
            raise RuntimeError(error.decode())
        length = lib.chdb_result_length(result)
        answer = ctypes.string_at(lib.chdb_result_buffer(result), length).decode() if length else ""
        lib.chdb_destroy_query_result(result)
        return answer

    return query


class Walker:
    def __init__(self, query, root, out):
        self.query, self.root, self.out = query, root, out
        self.steps, self.seen, self.named = 0, set(), set()
        # The oldest wheel keeps nothing of its default database between calls.
        query("CREATE DATABASE facts ENGINE = Atomic")
        self.version = query("SELECT version() AS v").split("\n")[1]

    def run(self, what, text):
        try:
            return self.query("USE facts;" + text)
        except Exception as e:  # the engine's own error types differ by release
            sys.exit(f"{what} on ClickHouse {self.version}: {e}")

    def file(self, name):
        """The text of an SQL file; from here on it counts as covered."""
        self.seen.add(name)
        path = self.root / name
        if not path.is_file():
            sys.exit(f"walk names {name}, which is not there")
        return INCLUDED.sub(lambda part: self.file(PARTS + part[1]).strip(), path.read_text())

    def bound(self, name, given):
        text = self.file(name)
        code = re.sub(r"^--.*$", "", text, flags=re.M)
        values = {**PARAMETERS, **given}
        used = set(USED.findall(code))
        if missing := sorted(used - values.keys()):
            sys.exit(f"{name} takes {', '.join(missing)}: give a line to it in {HERE / 'walk'}")
        if idle := sorted(given.keys() - used):
            sys.exit(f"{name} does not take {', '.join(idle)}, which the walk gives it")
        quote = lambda v: v.replace("\\", "\\\\").replace("'", "\\'")
        return "".join(f"SET param_{k} = '{quote(values[k])}';" for k in sorted(used)) + text

    def keep(self, name, answer, without=()):
        rows = [line.split("\t") for line in answer.rstrip("\n").split("\n")]
        header = rows[0]
        for column in without:
            if column not in header:
                sys.exit(f"{name} answers no column {column}; it answers {', '.join(header)}")
        kept = [i for i, column in enumerate(header) if column not in without]
        lines = ["\t".join(row[i] for i in kept) for row in rows]
        self.steps += 1
        (self.out / f"{self.steps:03d} {name.replace('/', '|')}").write_text("\n".join([lines[0], *sorted(lines[1:])]) + "\n")

    def ask(self, name, without=(), given={}):
        self.keep(name, self.run(name, self.bound(name, given)), without)

    def migrate(self):
        """Every step, twice: a step must do nothing the second time."""
        for _ in range(2):
            for name in sorted(filter(STEP.search, sql_files(self.root))):
                for i, statement in enumerate(re.split(r"^-- next$", self.file(name), flags=re.M)):
                    self.run(f"{name}, statement {i + 1}", statement)

    def views(self):
        found = self.run("the tables", "SELECT name FROM system.tables WHERE database = 'facts' AND name LIKE 'imported\\_%' ORDER BY name")
        for table in found.rstrip("\n").split("\n")[1:]:
            view = table.removeprefix("imported_")
            self.run(view, f"CREATE VIEW {view} AS SELECT * FROM {table} WHERE load IN (SELECT load FROM loads WHERE `table` = '{view}')")

    def rest(self):
        for name in sorted(sql_files(self.root) - self.named):
            if not name.startswith(PARTS):
                self.ask(name)

    def walk(self, lines):
        self.named = {word for _, words in lines for word in words if word.endswith(".sql")}
        self.named |= set(filter(STEP.search, sql_files(self.root)))
        for number, words in lines:
            verb, rest = words[0], words[1:]
            if verb == "migrate":
                self.migrate()
            elif verb == "rows":
                for statement in self.file(*rest).split(";\n"):
                    if statement.strip():
                        self.run(rest[0], statement)
            elif verb == "views":
                self.views()
            elif verb == "rest":
                self.rest()
            elif verb == "look":
                text = " ".join(rest)
                self.keep(f"walk line {number}", self.run(text, text))
            elif verb in ("ask", "do"):
                given = dict(word.split("=", 1) for word in rest[1:] if "=" in word)
                without = [word[1:] for word in rest[1:] if word.startswith("-") and "=" not in word]
                if verb == "ask":
                    self.ask(rest[0], without, given)
                else:
                    self.run(rest[0], self.bound(rest[0], given))
            else:
                sys.exit(f"walk line {number}: what is {verb}?")
        if forgotten := sorted(sql_files(self.root) - self.seen):
            sys.exit("nobody covers " + ", ".join(forgotten))


def sql_files(root):
    """Every SQL file of the project that ClickHouse runs, by its path."""
    names = {str(p.relative_to(root)) for room in ("features", "serving", "model", "cmd") for p in (root / room).rglob("*.sql")}
    return {n for n in names if "/testdata/" not in n and not n.startswith(ELSEWHERE)}


def steps():
    for number, line in enumerate((HERE / "walk").read_text().splitlines(), 1):
        if line.startswith("look "):
            yield number, line.split(" ", 1)
        elif line.strip() and not line.startswith("#"):
            yield number, line.split()


def main(engine, root, answers):
    out = pathlib.Path(answers)
    out.mkdir(parents=True)
    directory = tempfile.mkdtemp()
    status = 1
    try:
        walker = Walker(wheel(directory) if engine == "wheel" else library(engine, directory), pathlib.Path(root), out)
        walker.walk(list(steps()))
        (out / "version").write_text(walker.version + "\n")
        status = 0
    except SystemExit as e:
        print(e.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    shutil.rmtree(directory, ignore_errors=True)
    sys.stderr.flush()
    # Not by the interpreter's usual end: the engine's threads may crash or hang in it.
    os._exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
