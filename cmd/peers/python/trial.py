"""One trial of one peer in a process of its own.

Reads a request as JSON on standard input (trial.go says what stands in it) and
prints the answer as the last line of standard output: seconds per pass,
processor seconds, what preparing took, the peak of memory and the version.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

import peers
import roundtrip


class Table:
    """A table that the Go side made; parts are read when they are asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        columns = json.loads((self.folder / "columns.json").read_text())
        self.names = [c["name"] for c in columns]
        self.categories = [j for j, c in enumerate(columns) if c["levels"] > 0]
        self.directions = [c["direction"] for c in columns]

    def x(self, part, rows=0):
        values = np.load(self.folder / f"{part}_x.npy")
        return values[:rows] if rows else values

    def y(self, part):
        return np.load(self.folder / f"{part}_y.npy")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status has no line VmHWM")


def timed(call):
    """Returns what call returned, its wall seconds and its processor seconds."""
    cpu, began = cpu_seconds(), time.perf_counter()
    result = call()
    return result, time.perf_counter() - began, cpu_seconds() - cpu


def fit(peer, table, request):
    x, y = table.x("train"), table.y("train")
    _, seconds, cpu = timed(lambda: peer.fit(table, x, y, request["params"]))
    peak = peak_bytes()
    if request["model"]:
        peer.save(request["model"])
    if request["out"]:
        del x
        np.save(
            request["out"], np.asarray(peer.margins(peer.ready(table.x("test"))), dtype=np.float64)
        )
    return {"seconds": [seconds], "cpu": cpu, "rows": len(y), "peak": peak}


def bags(peer, table, request):
    """Fits with several seeds; the margins of the test rows are a row per seed."""
    x, y, test = table.x("train"), table.y("train"), table.x("test")
    p = request["params"]
    margins, seconds, total = [], [], 0
    for k in range(request["passes"]):
        given = {**p, "seed": p["seed"] + k}
        _, wall, cpu = timed(lambda given=given: peer.fit(table, x, y, given))
        margins.append(peer.margins(peer.ready(test)))
        seconds.append(wall)
        total += cpu
    np.save(request["out"], np.asarray(margins, dtype=np.float64))
    return {"seconds": seconds, "cpu": total, "rows": len(x)}


def batch(call, peer, table, request):
    """Times call on all rows at once, after one pass that is not counted."""
    began = time.perf_counter()
    peer.load(request["model"])
    x = table.x("test", request["rows"])
    given = peer.ready(x)
    result = call(given)
    prepare = time.perf_counter() - began
    if request["out"]:
        np.save(request["out"], np.asarray(result, dtype=np.float64))
    passes = [timed(lambda: call(given))[1:] for _ in range(request["passes"])]
    return {
        "seconds": [wall for wall, _ in passes],
        "cpu": sum(cpu for _, cpu in passes),
        "prepare": prepare,
        "rows": len(x),
    }


def row(call, peer, table, request):
    """Times rows one by one, as a server meets them: making the library's input counts."""
    peer.load(request["model"])
    x = table.x("test", request["rows"])
    call(x[:1])
    passes = [timed(lambda i=i: call(x[i : i + 1]))[1:] for i in range(len(x))]
    return {
        "seconds": [wall for wall, _ in passes],
        "cpu": sum(cpu for _, cpu in passes),
        "rows": 1,
    }


def main():
    request = json.load(sys.stdin)
    peer = peers.PEERS[request["learner"]]()
    task = request["task"]
    if task == "models":
        answer = roundtrip.write_models(Path(request["set"]))
    elif task == "check":
        answer = roundtrip.check_models(Path(request["set"]))
    else:
        table = Table(request["set"])
        if task == "fit":
            answer = fit(peer, table, request)
        elif task == "bags":
            answer = bags(peer, table, request)
        elif task == "predict":
            answer = batch(peer.margins, peer, table, request)
        elif task == "explain":
            answer = batch(peer.contributions, peer, table, request)
        elif task == "row":
            answer = row(lambda x: peer.margins(peer.ready(x)), peer, table, request)
        elif task == "row-explain":

            def both(x):
                given = peer.ready(x)
                return peer.margins(given), peer.contributions(given)

            answer = row(both, peer, table, request)
        else:
            raise SystemExit(f"trial {task!r} is unknown")
    answer.setdefault("peak", peak_bytes())
    answer["version"] = peer.version()
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
