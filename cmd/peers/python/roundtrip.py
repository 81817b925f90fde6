"""Models that travel: written here to be read by ours, and ours read here.

A folder holds one folder per kind of model: the model, the rows x.npy, the
margins and, where there are some, the contributions with the base last.
"""

import numpy as np

ROWS, COLUMNS, CATEGORIES = 4000, 12, [3, 7]


def make_rows(seed):
    """Numbers with heavy tails, zeros and missing values, and two columns of codes."""
    r = np.random.default_rng(seed)
    x = r.standard_normal((ROWS, COLUMNS))
    x[:, 0] = np.exp(2 * x[:, 0])
    x[:, 1] = np.round(2 * x[:, 1])
    x[r.random(ROWS) < 0.3, 2] = 0
    x[:, 3] = r.integers(0, 4, ROWS)
    x[:, 7] = r.integers(0, 60, ROWS)
    for j, share in ((4, 0.1), (5, 0.4), (7, 0.1)):
        x[r.random(ROWS) < share, j] = np.nan
    odds = np.log1p(x[:, 0]) - 0.5 * x[:, 1] + x[:, 8] * x[:, 9] - np.nan_to_num(x[:, 5])
    odds += 0.5 * (x[:, 3] == 2) + np.sin(np.nan_to_num(x[:, 7])) - 1
    return x, odds, r


LIGHTGBM = {
    "binary": {"objective": "binary"},
    "categories": {"objective": "binary", "categories": True},
    "one-hot": {"objective": "binary", "categories": True, "max_cat_to_onehot": 100},
    "zero-as-missing": {"objective": "binary", "zero_as_missing": True},
    "no-missing": {"objective": "binary", "use_missing": False},
    "deep": {"objective": "binary", "num_leaves": 255, "min_data_in_leaf": 2},
    "stumps": {"objective": "binary", "num_leaves": 2},
    "few-bins": {"objective": "binary", "max_bin": 15},
    "sampled": {"objective": "binary", "bagging_fraction": 0.5, "bagging_freq": 1},
    "goss": {"objective": "binary", "data_sample_strategy": "goss"},
    "dart": {"objective": "binary", "boosting": "dart"},
    "quantized": {"objective": "binary", "use_quantized_grad": True},
    "regularised": {"objective": "binary", "lambda_l1": 1, "lambda_l2": 5},
    "unbalanced": {"objective": "binary", "is_unbalance": True},
    "cross-entropy": {"objective": "cross_entropy"},
    "regression": {"objective": "regression"},
    "regression-l1": {"objective": "regression_l1"},
    "huber": {"objective": "huber"},
    "quantile": {"objective": "quantile", "alpha": 0.9},
    "poisson": {"objective": "poisson"},
    "tweedie": {"objective": "tweedie"},
}

XGBOOST = {
    "binary": {"objective": "binary:logistic"},
    "categories": {"objective": "binary:logistic", "categories": True},
    "one-hot": {"objective": "binary:logistic", "categories": True, "max_cat_to_onehot": 100},
    "depth-wise": {"objective": "binary:logistic", "grow_policy": "depthwise", "max_depth": 8},
    "exact": {"objective": "binary:logistic", "tree_method": "exact"},
    "sampled": {"objective": "binary:logistic", "subsample": 0.5},
    "regression": {"objective": "reg:squarederror"},
    "poisson": {"objective": "count:poisson"},
}


def labels(objective, odds, r):
    if any(word in objective for word in ("binary", "cross_entropy")):
        return (r.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    if any(word in objective for word in ("poisson", "tweedie")):
        return r.poisson(np.exp(np.clip(odds / 2, -3, 3))).astype(np.float64)
    return odds + r.standard_normal(ROWS)


def write_models(folder):
    for name, given in LIGHTGBM.items():
        write_lightgbm(folder / "lightgbm" / name, dict(given))
    for name, given in XGBOOST.items():
        write_xgboost(folder / "xgboost" / name, dict(given))
    return {}


def write_lightgbm(folder, parameters):
    import lightgbm

    x, odds, r = make_rows(1)
    y = labels(parameters["objective"], odds, r)
    categories = CATEGORIES if parameters.pop("categories", False) else []
    parameters = {"verbosity": -1, "num_threads": 2, "seed": 1, **parameters}
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y, categorical_feature=categories), 40)
    folder.mkdir(parents=True)
    booster.save_model(folder / "model.txt")
    # Predictions are those of the file, as another process would make them.
    booster = lightgbm.Booster(model_file=folder / "model.txt")
    np.save(folder / "x.npy", x)
    np.save(folder / "margins.npy", booster.predict(x, raw_score=True))
    np.save(folder / "contributions.npy", booster.predict(x, pred_contrib=True))


def write_xgboost(folder, parameters):
    import xgboost

    x, odds, r = make_rows(2)
    x = x.astype(np.float32)
    y = labels(parameters["objective"], odds, r)
    coded = parameters.pop("categories", False)
    kinds = ["c" if coded and j in CATEGORIES else "q" for j in range(COLUMNS)]
    data = xgboost.DMatrix(
        x,
        y,
        feature_names=[f"f{j}" for j in range(COLUMNS)],
        feature_types=kinds,
        enable_categorical=True,
    )
    parameters = {
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": 31,
        "nthread": 2,
        **parameters,
    }
    booster = xgboost.train(parameters, data, 40)
    folder.mkdir(parents=True)
    booster.save_model(folder / "model.json")
    np.save(folder / "x.npy", x)
    np.save(folder / "margins.npy", booster.predict(data, output_margin=True))
    np.save(folder / "contributions.npy", booster.predict(data, pred_contribs=True))


def check_models(folder):
    """The largest relative difference between what ours wrote and LightGBM predicts."""
    import lightgbm

    differences = {}
    for each in sorted(folder.iterdir()):
        booster = lightgbm.Booster(model_file=each / "model.txt")
        x = np.load(each / "x.npy")
        for side, got in (
            ("margins", booster.predict(x, raw_score=True)),
            ("contributions", booster.predict(x, pred_contrib=True)),
        ):
            want = np.load(each / f"{side}.npy")
            largest = np.max(np.abs(got - want) / np.maximum(1, np.abs(want)))
            differences[f"{each.name}/{side}"] = float(largest)
    return {"differences": differences}
