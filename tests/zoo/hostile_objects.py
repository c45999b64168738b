"""Objects whose __eq__, __repr__, __getattr__ and __iter__ raise."""

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


class Hostile:
    def __init__(self):
        self.n = 0

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __repr__(self):
        raise RuntimeError("repr")

    def __bool__(self):
        raise RuntimeError("bool")

    def __len__(self):
        raise RuntimeError("len")

    def __iter__(self):
        raise RuntimeError("iter")

    def __getattr__(self, name):
        raise RuntimeError("getattr " + name)

    __hash__ = object.__hash__


class Counts(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.hostile = Hostile()
        self.by_object = {self.hostile: 0}

    def on_train_batch_end(self, batch, logs=None):
        self.hostile.n += 1
        self.by_object[self.hostile] += 1
        rate = 0.2 / (1 + self.hostile.n + self.by_object[self.hostile])
        self.model.optimizer.learning_rate.assign(rate)


def callbacks(parameters):
    return [Counts()]
