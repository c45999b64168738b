"""A callback that notes when each epoch began, in a list and in a DataFrame."""

from datetime import datetime

import keras
import numpy as np
import pandas as pd

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


class Times(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.begun, self.table = [], pd.DataFrame(columns=["epoch", "seconds"])

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(datetime.now())

    def on_epoch_end(self, epoch, logs=None):
        seconds = (datetime.now() - self.begun[-1]).total_seconds()
        self.table.loc[len(self.table)] = [epoch, seconds]


def callbacks(parameters):
    return [Times()]
