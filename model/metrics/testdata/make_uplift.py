"""Writes sklift.json: python make_uplift.py > sklift.json

Needs scikit-uplift (0.5.1), scikit-learn and pandas; the file names the versions. Small invented trials, fixed seed: more outcomes among the
control than treated without one, and the other way round, with and without ties.
"""
import json
import sys
import warnings
from importlib.metadata import version

import numpy as np
from sklift.metrics import qini_auc_score, uplift_auc_score

warnings.filterwarnings("ignore")
rng = np.random.default_rng(2)
cases = []
for rate in (0.15, 0.5, 0.85):
    for share in (0.3, 0.5, 0.7):
        for digits in (0, 3):
            n = 40
            treatment = (rng.random(n) < share).astype(int)
            score = np.round(rng.normal(size=n), digits)
            y = (rng.random(n) < np.clip(rate + 0.1 * treatment * score, 0, 1)).astype(int)
            cases.append({"call": "qini_auc_score, uplift_auc_score", "name": f"outcome {rate}, treated {share}, {digits} digits",
                          "in": {"y": y.tolist(), "uplift": score.tolist(), "treatment": treatment.tolist()},
                          "out": {"qini_auc": float(qini_auc_score(y, score, treatment)), "auuc": float(uplift_auc_score(y, score, treatment))}})
json.dump({"made_by": [f"{p} {version(p)}" for p in ("scikit-uplift", "scikit-learn", "numpy")], "call": "make_uplift.py", "cases": cases}, sys.stdout)
