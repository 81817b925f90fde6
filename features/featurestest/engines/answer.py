"""Runs the feature queries of a folder on one engine and writes their answers as TSV.

    answer.py wheel|LIBRARY SQL_FOLDER ANSWERS

`wheel` is the chdb module of the running Python; LIBRARY is the path of a libchdb.so.
The rows are those of rows.sql; the parameters stand in the text that uses them.
"""

import ctypes
import pathlib
import sys
import tempfile

CUTOFFS = ["2025-03-01 00:00:00", "2025-07-16 12:00:00", "2026-01-01 00:00:00"]
PARAMETERS = {
    "cutoffs": "[" + ",".join(f"'{c}'" for c in CUTOFFS) + "]",
    "known_at": "[" + ",".join(f"'{c}'" for c in CUTOFFS) + "]",
    "accounts": "[]",
    "from_account": "",
    "to_account": "",
    "watermark": "2",
    "tz": "Europe/Berlin",
}


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


def main(engine, folder, answers):
    out = pathlib.Path(answers)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as directory:
        query = wheel(directory) if engine == "wheel" else library(engine, directory)
        # The oldest wheel keeps nothing of its default database between calls.
        query("CREATE DATABASE facts ENGINE = Atomic")
        for statement in (pathlib.Path(__file__).parent / "rows.sql").read_text().split(";\n"):
            if statement.strip():
                query("USE facts;" + statement)
        version = query("SELECT version() AS v").split("\n")[1]
        settings = "".join(f"SET param_{k} = '{v}';" for k, v in ((k, v.replace("'", "\\'")) for k, v in PARAMETERS.items()))
        files = sorted(pathlib.Path(folder).glob("*.sql"))
        if not files:
            sys.exit(f"no SQL file in {folder}")
        for file in files:
            try:
                answer = query("USE facts;" + settings + file.read_text())
            except Exception as e:  # the engine's own error types differ by release
                sys.exit(f"{file.name} on ClickHouse {version}: {e}")
            lines = answer.rstrip("\n").split("\n")
            (out / (file.stem + ".tsv")).write_text("\n".join([lines[0], *sorted(lines[1:])]) + "\n")
    (out / "version").write_text(version + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
