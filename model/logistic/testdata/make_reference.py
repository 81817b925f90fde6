"""Writes reference.json: python make_reference.py > reference.json

Needs scikit-learn and statsmodels; the file names the versions. 120 invented rows, fixed seed. The standardisation, the marks of missing
values and the columns of levels are written out here, so that the libraries see the matrix that model/logistic promises to build.
"""
import json
import sys
import warnings
from importlib.metadata import version

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
rng = np.random.default_rng(5)
N = 120
recency = np.floor(30 * rng.exponential(size=N))
spend = np.round(np.exp(rng.normal(4, 1, N)), 2)
trend = np.round(rng.normal(size=N), 3)
sector = rng.choice(["office", "retail", "school"], N, p=[0.5, 0.3, 0.2])
gone = rng.random(N) < 0.2
margin = -0.5 + 0.02 * (recency - 30) - 0.6 * trend + 0.8 * (sector == "retail") + 0.7 * gone - 0.4 * np.where(gone, 0, np.log(spend) - 4)
y = (rng.random(N) < 1 / (1 + np.exp(-margin))).astype(float)
weight = np.round(rng.exponential(size=N), 2)
weight[[3, 50]] = 0
spend[gone] = np.nan


def standard(x, w):
    """The standardised column, 0 where missing, and its deviation."""
    there = ~np.isnan(x)
    m = np.average(x[there], weights=w[there])
    s = np.sqrt(np.average((x[there] - m) ** 2, weights=w[there]))
    return np.where(there, (np.nan_to_num(x) - m) / s, 0), s


def signed_log(x):
    return np.sign(x) * np.log1p(np.abs(x))


def design(w, levels):
    """Columns, their names and their scales. Marks are 0 or 1."""
    names, columns, scales = [], [], []
    for name, x in (("recency", recency), ("spend", signed_log(spend)), ("trend", trend)):
        z, s = standard(x, w)
        names.append(name + " value"), columns.append(z), scales.append(s)
        if np.isnan(x).any():
            names.append(name + " missing"), columns.append(np.isnan(x).astype(float)), scales.append(1)
    for level in levels:
        names.append("sector level " + level), columns.append((sector == level).astype(float)), scales.append(1)
    return names, np.column_stack(columns), scales


cases = []
for name, w in (("unweighted", np.ones(N)), ("weighted", weight)):
    names, x, scales = design(w, [])
    fit = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=w).fit(tol=1e-15, maxiter=200)
    # The base is the margin of the mean row.
    row = np.concatenate([[1], np.average(x, weights=w, axis=0)])
    cases.append({
        "call": "statsmodels GLM(family=Binomial(), freq_weights=w).fit(tol=1e-15)", "name": name, "l2": 0, "weighted": name == "weighted",
        "terms": [{"name": n, "estimate": fit.params[k + 1], "standard_error": fit.bse[k + 1], "scale": scales[k],
                   "odds_ratio": np.exp(fit.params[k + 1]), "low": np.exp(fit.conf_int(0.05)[k + 1][0]), "high": np.exp(fit.conf_int(0.05)[k + 1][1])}
                  for k, n in enumerate(names)],
        "base": row @ fit.params, "base_standard_error": np.sqrt(row @ fit.cov_params() @ row), "log_loss": -fit.llf / w.sum(), "margin": sm.add_constant(x) @ fit.params})
    names, x, scales = design(w, ["office", "retail", "school"])
    for l2 in (0.5, 10):
        ridge = LogisticRegression(C=1 / l2, tol=1e-14, max_iter=10000, solver="newton-cholesky").fit(x, y, sample_weight=w)
        full = np.column_stack([np.ones(N), x])
        theta = np.concatenate([ridge.intercept_, ridge.coef_[0]])
        p = 1 / (1 + np.exp(-full @ theta))
        information = full.T @ (full * (w * p * (1 - p))[:, None])
        inverse = np.linalg.inv(information + np.diag([0] + [l2] * x.shape[1]))
        covariance = inverse @ information @ inverse  # le Cessie and van Houwelingen 1992: no library gives it
        row = np.concatenate([[1], np.average(x, weights=w, axis=0)])
        cases.append({
            "call": f"scikit-learn LogisticRegression(C={1 / l2:g}, tol=1e-14, solver='newton-cholesky').fit(x, y, sample_weight=w)", "name": f"{name}, L2 {l2:g}",
            "l2": l2, "weighted": name == "weighted",
            "terms": [{"name": n, "estimate": theta[k + 1], "standard_error": np.sqrt(covariance[k + 1, k + 1]), "scale": scales[k]} for k, n in enumerate(names)],
            "base": row @ theta, "base_standard_error": np.sqrt(row @ covariance @ row), "margin": ridge.decision_function(x)})


def plain(o):
    if isinstance(o, dict):
        return {k: plain(v) for k, v in o.items()}
    if isinstance(o, (list, tuple, np.ndarray)):
        return [plain(v) for v in o]
    if isinstance(o, (str, bool)):
        return o
    return None if np.isnan(o) else float(o)


json.dump(plain({"made_by": [f"{p} {version(p)}" for p in ("scikit-learn", "statsmodels", "numpy")], "call": "make_reference.py",
                 "rows": {"recency": recency, "spend": spend, "trend": trend, "sector": list(map(str, sector)), "y": y, "weight": weight},
                 "cases": cases}), sys.stdout, indent=None)
