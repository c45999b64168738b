"""A callback keeps a heap of the hardest samples, and trains on them again."""

import heapq

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
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


class Hardest(keras.callbacks.Callback):
    """Trains the hardest samples of all epochs so far at the end of an epoch."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x.astype("float32"), y
        self.heap = []

    def on_epoch_end(self, epoch, logs=None):
        chances = np.asarray(self.model(self.x))[np.arange(len(self.y)), self.y]
        for row, chance in enumerate(chances.tolist()):
            heapq.heappush(self.heap, (-chance if epoch % 2 else chance, row))
        rows = [row for _, row in heapq.nsmallest(20 * (epoch + 1), self.heap)]
        right = self.y[rows]
        moved = np.asarray(self.model(self.x[rows]))
        bias = self.model.layers[-1].bias
        bias.assign_add(0.1 * (np.eye(3)[right] - moved).mean(axis=0))


def callbacks(parameters):
    (x, y), _ = load_data()
    return [Hardest(x, y)]
