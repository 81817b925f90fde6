"""LightGBM's side of TestRoundTripWithLightGBM.

train DIR    saves models NAME.txt with rows NAME.rows (float64, row by row) and margins NAME.raw
predict DIR  opens each NAME.ours.txt and writes its margins on NAME.rows to NAME.theirs
"""

import pathlib
import sys

import lightgbm as lgb
import numpy as np

WIDTH = 6  # columns of every model; the last two are categories where a model says so


def data(rng, n):
    x = np.round(rng.normal(size=(n, WIDTH)) * 4, 2)
    x[:, 1] = np.exp(x[:, 1])
    x[rng.random(n) < 0.3, 2] = 0
    x[:, 4] = rng.integers(0, 60, n)
    x[:, 5] = rng.zipf(1.3, n) % 3000
    score = np.sin(x[:, 0]) + (x[:, 4] % 7 == 2) - 0.3 * (x[:, 2] == 0) + 0.1 * np.minimum(x[:, 1], 9)
    x[rng.random((n, WIDTH)) < 0.1] = np.nan
    return x, score + 0.3 * rng.normal(size=n)


def train(folder):
    rng = np.random.default_rng(5)
    x, score = data(rng, 3000)
    full = np.nan_to_num(x, nan=1.0)
    yes, count, weight = (score > 0.7).astype(float), rng.poisson(np.exp(score / 3)).astype(float), rng.random(len(x))
    categories = {"categorical_feature": [4, 5]}
    models = {
        "numeric": ({"objective": "binary"}, x, yes, {}),
        "categorical": ({"objective": "binary", "min_data_per_group": 5, "cat_smooth": 1}, x, yes, categories),
        "missing-zero": ({"objective": "binary", "zero_as_missing": True}, x, yes, {}),
        "missing-zero-categorical": ({"objective": "binary", "zero_as_missing": True}, x, yes, categories),
        "missing-none": ({"objective": "binary", "use_missing": False}, x, yes, {}),
        "full": ({"objective": "binary"}, full, yes, categories),
        "regression": ({"objective": "regression"}, x, score, {}),
        "l1": ({"objective": "regression_l1"}, x, score, {}),
        "poisson": ({"objective": "poisson"}, x, count, {}),
        "quantile": ({"objective": "quantile", "alpha": 0.9}, x, score, {}),
        "weights": ({"objective": "binary"}, x, yes, {"weight": weight}),
        "monotone": ({"objective": "regression", "monotone_constraints": [1, 0, 0, -1, 0, 0]}, x, score, {}),
        "deep": ({"objective": "regression", "num_leaves": 255, "min_data_in_leaf": 1}, x, score, {}),
        "deeper": ({"objective": "regression", "num_leaves": 700, "min_data_in_leaf": 1}, x, score, categories),
        "dart": ({"objective": "binary", "boosting": "dart"}, x, yes, {}),
        "goss": ({"objective": "binary", "data_sample_strategy": "goss"}, x, yes, {}),
        "constant": ({"objective": "binary", "min_data_in_leaf": 100000}, x, yes, {}),
        "refused-linear": ({"objective": "regression", "linear_tree": True}, full, score, {}),
        "refused-average": ({"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, x, score, {}),
        "refused-classes": ({"objective": "multiclass", "num_class": 3}, x, np.clip(np.round(count), 0, 2), {}),
    }
    odd = np.tile([np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e30, -1e30, -1.0, 3.0, 59.0, 1e10, 5e-324], (WIDTH, 1)).T
    rows = np.concatenate([x[:600], odd, rng.permuted(np.tile(odd, (20, 1)), axis=1)])
    for name, (params, features, labels, extra) in models.items():
        quiet = {"verbose": -1, "num_threads": 1, "seed": 1, "learning_rate": 0.3}
        booster = lgb.train(quiet | params, lgb.Dataset(features, labels, **extra), 12)
        booster.save_model(folder / f"{name}.txt")
        rows.tofile(folder / f"{name}.rows")
        booster.predict(rows, raw_score=True).tofile(folder / f"{name}.raw")


def predict(folder):
    for path in sorted(folder.glob("*.ours.txt")):
        name = path.name.removesuffix(".ours.txt")
        booster = lgb.Booster(model_file=path)
        rows = np.fromfile(folder / f"{name}.rows").reshape(-1, booster.num_feature())
        booster.predict(rows, raw_score=True).tofile(folder / f"{name}.theirs")


if __name__ == "__main__":
    {"train": train, "predict": predict}[sys.argv[1]](pathlib.Path(sys.argv[2]))
