"""Writes sklearn.json: python make_sklearn.py > sklearn.json

Needs scikit-learn, scipy and confidenceinterval (1.0.5, --no-deps); the file names the versions. Invented rows, fixed seeds.
"""
import json
import sys
import warnings
from importlib.metadata import version

import numpy as np
import confidenceinterval as ci
from sklearn.metrics import (average_precision_score, brier_score_loss, log_loss, mean_pinball_loss, ndcg_score,
                             precision_score, recall_score, roc_auc_score)

warnings.filterwarnings("ignore")
rng = np.random.default_rng(11)
cases = []


def case(call, name, out, **given):
    cases.append({"call": call, "name": name, "in": {k: v for k, v in given.items() if v is not None}, "out": out})


def plain(o):
    if isinstance(o, dict):
        return {k: plain(v) for k, v in o.items()}
    if isinstance(o, (list, tuple, np.ndarray)):
        return [plain(v) for v in o]
    return o if isinstance(o, str) else float(o)


def outcomes(n, rate):
    y = (rng.random(n) < rate).astype(int)
    y[:2] = 0, 1
    return y


def ranking(name, y, score, w=None):
    case("roc_auc_score, average_precision_score", name,
         dict(auc=roc_auc_score(y, score, sample_weight=w), average_precision=average_precision_score(y, score, sample_weight=w)),
         y=y, score=score, w=w)


y = outcomes(80, 0.3)
score = np.round(y + 1.5 * rng.normal(size=80), 4)
ranking("no ties", y, score)
ranking("many ties", y, np.round(score))
ranking("weights", y, score, np.round(rng.exponential(size=80), 3))
ranking("weights and ties", y, np.round(score), np.round(rng.exponential(size=80), 3))
ranking("weights of 0", y, np.round(score, 1), rng.integers(0, 3, 80))
ranking("one score for all", y, np.full(80, 0.25))
ranking("one score for all, weights", y, np.full(80, 0.25), np.round(rng.exponential(size=80), 3))
ranking("perfect", y, y.astype(float))
ranking("upside down", y, 1.0 - y)
rare = np.zeros(80, int)
rare[[3, 40, 41]] = 1
ranking("three positives", rare, score)
ranking("all but three positive", 1 - rare, score)
wild = np.array([-1.7976931348623157e308, -1e300, -1.0, -1e-310, -5e-324, 0.0, 5e-324, 1e-310, 2.2e-308, 1.0, np.nextafter(1.0, 2.0), 1e300])
ranking("all magnitudes", np.array([0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1]), wild)

for name, p in [("any", rng.random(80)), ("ties", np.round(rng.random(80), 1)), ("near 0 and 1", rng.choice([0, 1e-300, 1e-17, 1e-9, 0.5, 1 - 1e-9, 1 - 2.0**-53, 1], 80)),
                ("one for all", np.full(80, 0.3))]:
    p = np.round(p, 4) if name == "any" else p
    for kind, w in [("", None), (", weights", np.round(rng.exponential(size=80), 3))]:
        case("log_loss, brier_score_loss", name + kind,
             dict(log_loss=log_loss(y, p, sample_weight=w), brier=brier_score_loss(y, p, sample_weight=w)), y=y, p=p, w=w)

spend, forecast = np.round(np.exp(rng.normal(4, 1.5, 40)), 2), np.round(np.exp(rng.normal(4, 1, 40)), 2)
for alpha in (0.05, 0.5, 0.9):
    for kind, w in [("", None), (", weights", np.round(rng.exponential(size=40), 3))]:
        case("mean_pinball_loss", f"alpha {alpha}{kind}", dict(loss=mean_pinball_loss(spend, forecast, sample_weight=w, alpha=alpha)),
             y=spend, q=forecast, w=w, alpha=alpha)

for name, relevance, s in [("binary", rng.integers(0, 2, 30), rng.random(30)), ("binary, ties", rng.integers(0, 2, 30), rng.integers(0, 5, 30)),
                           ("graded", rng.integers(0, 4, 30), rng.random(30)), ("graded, ties", rng.integers(0, 4, 30), rng.integers(0, 5, 30)),
                           ("graded, one score for all", rng.integers(0, 4, 30), np.ones(30))]:
    s = np.round(s.astype(float), 4)
    for k in (1, 5, 10, 30):
        case("ndcg_score", f"{name}, k {k}", dict(ndcg=ndcg_score([relevance], [s], k=k)), relevance=relevance, score=s, k=k)

distinct = rng.permutation(30) / 30
relevant = rng.integers(0, 2, 30)
for k in (1, 7, 30):
    chosen = (distinct >= np.sort(distinct)[-k]).astype(int)
    case("precision_score, recall_score", f"the first {k}", dict(precision=precision_score(relevant, chosen), recall=recall_score(relevant, chosen)),
         relevance=relevant, score=distinct, k=k)

for name, s in [("no ties", score), ("many ties", np.round(score))]:
    for level in (0.9, 0.95):
        auc, (low, high) = ci.roc_auc_score(y.tolist(), s.tolist(), confidence_level=level)
        case("confidenceinterval.roc_auc_score", f"{name}, {level}", dict(auc=auc, low=low, high=high), y=y, score=s, alpha=level)

json.dump({"made_by": [f"{p} {version(p)}" for p in ("scikit-learn", "numpy", "confidenceinterval")], "call": "make_sklearn.py",
           "cases": plain(cases)}, sys.stdout, indent=None)
