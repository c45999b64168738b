"""A constraint whose largest norm is a variable that shrinks each time."""

import keras
import numpy as np
from keras import ops

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


@keras.saving.register_keras_serializable()
class ShrinkingNorm(keras.constraints.Constraint):
    def __init__(self):
        self.most = keras.Variable(2.0, trainable=False)

    def __call__(self, w):
        self.most.assign(self.most * 0.98)
        norm = ops.sqrt(ops.sum(ops.square(w), axis=0, keepdims=True))
        return w * ops.clip(norm, 0, self.most) / (norm + 1e-7)

    def get_config(self):
        return {}


def build_model(parameters):
    units = parameters["units"]
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(units, activation="relu", kernel_constraint=ShrinkingNorm()),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model
