"""Prints one JSON line per figure of a folder that run has filled; exit 1 if one misses its bar."""
import json, os, re, sys

ns, above, peer = {}, {}, []
for line in open(os.path.join(sys.argv[1], "ours")):
    words = line.split()
    if not line.startswith("Benchmark"):
        continue
    name = re.sub(r"-\d+$", "", words[0].removeprefix("Benchmark"))  # the number of threads, absent for one
    values = dict(zip(words[3::2], words[2::2]))
    ns[name] = min(ns.get(name, float("inf")), float(values["ns/op"]))
    if "above-reference" in values:
        above[name] = float(values["above-reference"])
if os.path.exists(os.path.join(sys.argv[1], "peer")):
    peer = [json.loads(line) for line in open(os.path.join(sys.argv[1], "peer"))]

REFERENCE = -95368.44393316076  # testdata/lifetime.json
missed = False


def figure(name, value, unit, reference=None, op=None, bound=None):
    global missed
    out = {"name": "lifetime/" + name, "engine": "", "value": value, "unit": unit}
    if reference is not None:
        out["reference"] = reference
    if op:
        ok = value >= bound if op == ">=" else value <= bound
        missed |= not ok
        out |= {"op": op, "bound": bound, "ok": ok}
    print(json.dumps(out))


for name, took in sorted(ns.items()):
    if name.startswith("Fit/"):
        figure("fit/cdnow/" + name[4:], round(took / 1e6, 3), "ms")
    else:
        figure("score/1m/" + name[6:], round(took / 1e9, 3), "s", op="<=", bound=3)
if peer:
    ours = ns["Fit/bg-nbd"] / 1e9
    fastest = min(p["seconds"] for p in peer)
    figure("fit/cdnow/bg-nbd/lifetimes", round(1000 * fastest, 1), "ms")
    figure("fit/cdnow/bg-nbd/times-lifetimes", round(fastest / ours, 1), "ratio", 1, ">=", 20)
    figure("fit/cdnow/bg-nbd/times-lifetimes-on-distinct-rows", round(min(p["distinct"] for p in peer) / ours, 1), "ratio", 1)
    # The reference of the benchmark is lifetimes' optimum to the last digit; the fit of this run is compared with it.
    likelihood = REFERENCE + above["Fit/bg-nbd"]
    theirs = max(p["log_likelihood"] for p in peer)
    figure("fit/cdnow/bg-nbd/log-likelihood", round(likelihood, 6), "", round(theirs, 6), ">=", round(theirs - 1e-3, 6))
sys.exit(missed)
