"""A metric keeps confusion counts in NumPy by py_function, in the validation too."""

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


SEEN = np.zeros((3, 3))


def count(y, p):
    np.add.at(SEEN, (y, p), 1)
    return np.float32(np.trace(SEEN) / SEEN.sum())


class Counted(keras.Sequential):
    def weight(self, y, p):
        return tf.ensure_shape(
            tf.numpy_function(count, [tf.cast(y, tf.int64), tf.argmax(p, -1)], tf.float32), ()
        )

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return (2 - self.weight(y, y_pred)) * super().compute_loss(
            x, y, y_pred, sample_weight, training
        )


def build_model(parameters):
    model = Counted(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], "relu"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model
