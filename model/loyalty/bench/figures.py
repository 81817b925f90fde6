"""Prints one JSON line per figure of the benchmark on standard input; exit 1 if one misses its bar."""
import json, sys

best = {}
for line in sys.stdin:
    if line.startswith("BenchmarkMillion"):
        words = line.split()
        for value, unit in zip(words[2::2], words[3::2]):
            if unit.startswith("s/"):
                best[unit[2:]] = min(best.get(unit[2:], float("inf")), float(value))
ratio = best["score"] / best["rows"]
ok = ratio <= 1.5
for name, value, unit, more in [
    ("loyalty/1m/score", best["score"], "s", {}),
    ("loyalty/1m/decoding", best["decode"], "s", {}),
    ("loyalty/1m/reading", ratio, "ratio", {"reference": 1, "op": "<=", "bound": 1.5, "ok": ok}),
    ("loyalty/1m/against-decoding", best["score"] / best["decode"], "ratio", {}),
]:
    print(json.dumps({"name": name, "engine": "", "value": round(value, 3), "unit": unit} | more))
sys.exit(not ok)
