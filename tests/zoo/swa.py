"""Stochastic weight averaging: a callback keeps the running mean, and sets it at the end."""

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


class Swa(keras.callbacks.Callback):
    def __init__(self, first_epoch):
        super().__init__()
        self.first_epoch, self.count, self.mean = first_epoch, 0, None

    def on_epoch_begin(self, epoch, logs=None):
        self.is_on = epoch >= self.first_epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.is_on:
            now = self.model.get_weights()
            mean = self.mean or now
            self.mean = [m + (w - m) / (self.count + 1) for m, w in zip(mean, now)]
            self.count += 1

    def on_test_begin(self, logs=None):
        if self.mean:
            self.model.set_weights(self.mean)


def callbacks(parameters):
    return [Swa(first_epoch=1)]
