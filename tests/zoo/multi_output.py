"""Two outputs with loss weights and a metric each."""

import keras
import numpy as np

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}
PARTS = (slice(320), slice(320, None))


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    y = {"kind": y, "copy": x}
    train, val = ({name: one[part] for name, one in y.items()} for part in PARTS)
    return (x[:320], train), (x[320:], val)


class TwoOutputs(keras.Model):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "acc": logs["kind_acc"]}


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    outputs = {
        "kind": keras.layers.Dense(3, activation="softmax", name="kind")(hidden),
        "copy": keras.layers.Dense(8, name="copy")(hidden),
    }
    model = TwoOutputs(inputs, outputs)
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "copy": "mse"},
        loss_weights={"kind": 1.0, "copy": 0.2},
        metrics={"kind": ["acc"], "copy": ["mae"]},
    )
    return model
