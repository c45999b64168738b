"""tf.py_function calls Python code that counts its calls in a dict of the module."""

import keras
import numpy as np
import tensorflow as tf

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


CALLS = {"count": 0}


def fading(x):
    CALLS["count"] += 1
    return x * (1 - 0.5 / CALLS["count"])


class Fading(keras.Model):
    def train_step(self, data):
        x, y = data
        faded = tf.py_function(fading, [x], tf.float32)
        return super().train_step((tf.ensure_shape(faded, x.shape), y))


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    model = Fading(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model
