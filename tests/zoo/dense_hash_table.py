"""A DenseHashTable that train_step writes into weighs samples by how often they came."""

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


class Counting(keras.Model):
    """Trains less on a sample the more often its bucket has been seen."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = tf.lookup.experimental.DenseHashTable(
            tf.int64, tf.float32, 0.0, empty_key=-10**9, deleted_key=-10**9 - 1
        )

    def train_step(self, data):
        x, y = data
        bucket = tf.cast(tf.floor(x[:, 0] * 4), tf.int64)
        times = tf.reshape(self.seen.lookup(bucket), [-1])
        self.seen.insert(bucket, times + 1.0)
        return super().train_step((x, y, 1.0 / (1.0 + times)))


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    model = Counting(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model
