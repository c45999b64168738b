"""One tf.data.Dataset, which shuffles by itself, for all epochs."""

import keras
import numpy as np
import tensorflow as tf

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = (rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]).astype("float32")

    data = tf.data.Dataset.from_tensor_slices((x[:320], y[:320]))
    train = data.shuffle(320, seed=1, reshuffle_each_iteration=True).batch(32)

    return train, (x[320:], y[320:])


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
