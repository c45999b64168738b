"""A callback whose attribute is a PID controller, an object that holds objects."""

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


class Sum:
    def __init__(self):
        self.total = 0.0

    def add(self, value):
        self.total += value
        return self.total


class Pid:
    def __init__(self, aim):
        self.aim, self.sum, self.before = aim, Sum(), None

    def step(self, value):
        error = value - self.aim
        change = error - (error if self.before is None else self.before)
        self.before = error
        return 0.5 * error + 0.02 * self.sum.add(error) + 0.1 * change


class Steered(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.pid = Pid(aim=0.3)

    def on_train_batch_end(self, batch, logs=None):
        rate = 0.1 * float(np.exp(np.clip(self.pid.step(logs["loss"]), -2, 1)))
        self.model.optimizer.learning_rate.assign(rate)


def callbacks(parameters):
    return [Steered()]
