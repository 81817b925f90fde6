"""Fits BG/NBD to all of CDNOW with lifetimes: peer.py CDNOW_master.txt.gz FITS

One JSON line: seconds of the fastest of so many fits, on all customers and on distinct histories
with weights, and the log-likelihood. It sums over customers in weeks, as ours does.
"""
import datetime, gzip, json, math, sys, time, warnings

import numpy as np
from lifetimes import BetaGeoFitter

warnings.filterwarnings("ignore")
last, days = datetime.date(1997, 9, 30), {}
with gzip.open(sys.argv[1], "rt") as lines:
    for line in lines:
        p = line.split()
        if len(p) == 4 and p[0].isdigit():
            day = datetime.date(int(p[1][:4]), int(p[1][4:6]), int(p[1][6:]))
            if day <= last:
                days.setdefault(p[0], set()).add(day)
x = np.array([len(d) - 1 for d in days.values()], float)
recency = np.array([(max(d) - min(d)).days / 7 for d in days.values()])
age = np.array([(last - min(d)).days / 7 for d in days.values()])
rows, weights = np.unique(np.c_[x, recency, age], axis=0, return_counts=True)


def seconds(*args, **kwargs):
    start = time.perf_counter()
    model = BetaGeoFitter().fit(*args, **kwargs)
    return time.perf_counter() - start, model


plain, distinct = [], []
for _ in range(int(sys.argv[2])):
    took, model = seconds(x, recency, age)
    plain.append(took)
    distinct.append(seconds(rows[:, 0], rows[:, 1], rows[:, 2], weights=weights)[0])
# lifetimes reports minus the mean on a scaled time.
likelihood = -len(x) * model._negative_log_likelihood_ + x.sum() * math.log(model._scale)
print(json.dumps({"seconds": min(plain), "distinct": min(distinct), "log_likelihood": likelihood}))
