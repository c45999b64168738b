"""A callback with a deque, a dict, a set and a Counter that decide the rate."""

from collections import Counter, deque

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


class Wanders(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.recent = deque(maxlen=7)
        self.by_tenth = {}
        self.seen = set()
        self.counted = Counter()

    def on_train_batch_end(self, batch, logs=None):
        tenth = int(10 * logs["acc"])
        self.recent.append(logs["loss"])
        self.by_tenth.setdefault(tenth, []).append(batch)
        self.seen.add((batch, tenth))
        self.counted[tenth] += 1

    def on_epoch_end(self, epoch, logs=None):
        many = len(self.seen) + len(self.by_tenth) + self.counted.most_common(1)[0][1]
        self.model.optimizer.learning_rate.assign(sum(self.recent) / (10 + many))


def callbacks(parameters):
    return [Wanders()]
