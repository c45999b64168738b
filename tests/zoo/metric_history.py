"""A metric and a layer keep a list named history."""

import keras
import numpy as np

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


class Kept(keras.metrics.SparseCategoricalAccuracy):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.history = 0.0

    def reset_state(self):
        super().reset_state()
        self.history += 1.0


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], "relu"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[Kept(name="acc")])
    return model


class Slower(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.kept = self.model.metrics[-1].metrics[0]
        self.model.optimizer.learning_rate.assign(0.2 / (1 + self.kept.history))


def callbacks(parameters):
    return [Slower()]
