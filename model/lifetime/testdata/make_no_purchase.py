"""P(no purchase in (T, T+t]) of Pareto/NBD at the points of lifetime.json, by 2F1 at 50 digits.

make_no_purchase.py lifetime.json > no_purchase.json      (mpmath 1.4.1)
"""
import json, sys
import mpmath as mp

mp.mp.dps = 50


def no_purchase(P, x, tx, T, t):
    r, al, s, be, x, tx, T, t = (mp.mpf(repr(float(v))) for v in (*P, x, tx, T, t))
    R, low, high = r + x, min(al, be), max(al, be)
    b = R if be >= al else s + 1
    H = lambda y: mp.hyp2f1(R + s, b, R + s + 1, (high - low) / (high + y)) / (high + y) ** (R + s) * s / (R + s)
    powers = lambda y: (al + y) ** -R * (be + y) ** -s
    return (powers(T + t) + H(tx) - H(T + t)) / (powers(T) + H(tx) - H(T))


cases = []
for c in json.load(open(sys.argv[1]))["cases"]:
    if c["call"] == "point" and c["name"].startswith("Pareto/NBD"):
        i = c["in"]
        cases.append(float(no_purchase(i["params"].values(), i["x"], i["t_x"], i["T"], i["t"])))
print(json.dumps(cases))
