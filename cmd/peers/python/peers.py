"""The peers, each behind the same few methods.

fit and save make a model, load reads one, ready turns rows into what the library
takes, margins and contributions are what is timed. Libraries are imported by the
peer that needs them, because they live in environments of their own.
"""

import os
import pickle
from importlib.metadata import version
from pathlib import Path

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))


class Peer:
    package = ""

    def version(self):
        return f"{self.package} {version(self.package)}"

    def ready(self, x):
        return x


class LightGBM(Peer):
    package = "lightgbm"
    extra = {}

    def fit(self, table, x, y, p):
        import lightgbm

        parameters = {
            "objective": "binary",
            "num_leaves": p["leaves"],
            "learning_rate": p["learning_rate"],
            "min_data_in_leaf": p["min_rows"],
            "max_bin": p["bins"],
            "feature_fraction": p["feature_fraction"],
            "bagging_fraction": p["row_fraction"],
            "bagging_freq": 1 if p["row_fraction"] < 1 else 0,
            "seed": p["seed"],
            "num_threads": p["threads"],
            "verbosity": -1,
            **self.extra,
        }
        if p["monotone"]:
            parameters["monotone_constraints"] = table.directions
        data = lightgbm.Dataset(
            x, y, feature_name=table.names, categorical_feature=table.categories
        )
        self.booster = lightgbm.train(parameters, data, p["rounds"])

    def save(self, path):
        self.booster.save_model(path)

    def load(self, path):
        import lightgbm

        self.booster = lightgbm.Booster(model_file=path)

    def margins(self, x):
        return self.booster.predict(x, raw_score=True, num_threads=THREADS)

    def contributions(self, x):
        return self.booster.predict(x, pred_contrib=True, num_threads=THREADS)


class LightGBMQuantized(LightGBM):
    extra = {"use_quantized_grad": True}


class XGBoost(Peer):
    package = "xgboost"

    def fit(self, table, x, y, p):
        import xgboost

        kinds = ["c" if j in table.categories else "q" for j in range(x.shape[1])]
        parameters = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_leaves": p["leaves"],
            "max_depth": 0,
            "eta": p["learning_rate"],
            "max_bin": p["bins"] + 1,
            "subsample": p["row_fraction"],
            "colsample_bytree": p["feature_fraction"],
            "seed": p["seed"],
            "nthread": p["threads"],
        }
        if p["monotone"]:
            parameters["monotone_constraints"] = tuple(table.directions)
        data = xgboost.QuantileDMatrix(
            x,
            y,
            max_bin=p["bins"] + 1,
            feature_names=table.names,
            feature_types=kinds,
            enable_categorical=True,
            nthread=p["threads"],
        )
        self.booster = xgboost.train(parameters, data, p["rounds"])

    def save(self, path):
        self.booster.save_model(path)

    def load(self, path):
        import xgboost

        self.booster = xgboost.Booster({"nthread": THREADS}, model_file=path)

    def margins(self, x):
        # predict() would remember what it said of a DMatrix and not walk again.
        return self.booster.inplace_predict(x, predict_type="margin", validate_features=False)

    def contributions(self, x):
        import xgboost

        rows = xgboost.DMatrix(
            x,
            feature_names=self.booster.feature_names,
            feature_types=self.booster.feature_types,
            enable_categorical=True,
            nthread=THREADS,
        )
        return self.booster.predict(rows, pred_contribs=True)


class ScikitLearn(Peer):
    package = "scikit-learn"

    def fit(self, table, x, y, p):
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.model = HistGradientBoostingClassifier(
            max_iter=p["rounds"],
            max_leaf_nodes=p["leaves"],
            learning_rate=p["learning_rate"],
            min_samples_leaf=p["min_rows"],
            max_bins=p["bins"],
            max_features=float(p["feature_fraction"]),
            categorical_features=table.categories or None,
            monotonic_cst=table.directions if p["monotone"] else None,
            early_stopping=False,
            random_state=p["seed"],
        ).fit(x, y)

    def save(self, path):
        Path(path).write_bytes(pickle.dumps(self.model))

    def load(self, path):
        self.model = pickle.loads(Path(path).read_bytes())

    def margins(self, x):
        return self.model.decision_function(x)


class Lleaves(Peer):
    """Compiles LightGBM's trees by LLVM; the object file stays beside the model."""

    package = "lleaves"

    def load(self, path):
        import lleaves

        self.model = lleaves.Model(model_file=path)
        self.model.compile(cache=path + ".lleaves", raw_score=True)

    def margins(self, x):
        return self.model.predict(x, n_jobs=THREADS)


class Tl2cgen(Peer):
    """Compiles LightGBM's trees by way of C; the library stays beside the model."""

    package = "tl2cgen"

    def load(self, path):
        import tl2cgen
        import treelite

        library = Path(path + ".tl2cgen.so")
        if not library.exists():
            model = treelite.frontend.load_lightgbm_model(path)
            tl2cgen.export_lib(
                model, toolchain="gcc", libpath=str(library), params={"parallel_comp": 8}
            )
        self.predictor = tl2cgen.Predictor(str(library), nthread=THREADS)

    def ready(self, x):
        import tl2cgen

        return tl2cgen.DMatrix(x)

    def margins(self, x):
        return self.predictor.predict(x, pred_margin=True).ravel()


class Treelite(Peer):
    """Treelite's own interpreter, GTIL."""

    package = "treelite"

    def load(self, path):
        import treelite

        self.model = treelite.frontend.load_lightgbm_model(path)

    def margins(self, x):
        import treelite

        return treelite.gtil.predict(self.model, x, nthread=THREADS, pred_margin=True).ravel()


class Shap(LightGBM):
    """shap's TreeExplainer as it is called; for LightGBM's models it asks LightGBM."""

    package = "shap"

    def load(self, path):
        import shap

        super().load(path)
        self.explainer = shap.TreeExplainer(self.booster)

    def contributions(self, x):
        return self.explainer.shap_values(x, check_additivity=False)


class ShapOwn(Shap):
    """shap's own C extension on LightGBM's trees."""

    def load(self, path):
        super().load(path)
        self.explainer.model.model_type = "internal"


class FastTreeShap(LightGBM):
    package = "fasttreeshap"

    def load(self, path):
        import fasttreeshap

        super().load(path)
        self.explainer = fasttreeshap.TreeExplainer(self.booster, algorithm="v1", n_jobs=THREADS)

    def contributions(self, x):
        return self.explainer.shap_values(x, check_additivity=False)


PEERS = {
    "lightgbm": LightGBM,
    "lightgbm-quantized": LightGBMQuantized,
    "xgboost": XGBoost,
    "sklearn": ScikitLearn,
    "lleaves": Lleaves,
    "tl2cgen": Tl2cgen,
    "treelite": Treelite,
    "shap": Shap,
    "shap-own": ShapOwn,
    "fasttreeshap": FastTreeShap,
}
