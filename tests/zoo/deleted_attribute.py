"""An attribute, a key and a global are deleted and made again."""

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


PHASE = "warm"


class Coming(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.boost = 2.0

    def on_train_batch_end(self, batch, logs=None):
        global PHASE
        if batch % 4 == 3 and hasattr(self, "boost"):
            del self.boost
            globals().pop("PHASE")
        elif batch % 4 == 1:
            self.boost = logs["loss"]
            PHASE = "hot"
        rate = 0.05 * getattr(self, "boost", 1.0) * (1.3 if "PHASE" in globals() else 1)
        self.model.optimizer.learning_rate.assign(rate)


def callbacks(parameters):
    return [Coming()]
