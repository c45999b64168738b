"""Two lists are exchanged at the end of each epoch."""

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
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


class Buffers(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.before = self.now = []

    def on_train_batch_end(self, batch, logs=None):
        self.now.append(logs["loss"])
        self.model.optimizer.learning_rate.assign(0.1 / (1 + sum(self.before)))
        if batch % 3 == 0:
            self.before, self.now = self.now, []


def callbacks(parameters):
    return [Buffers()]
