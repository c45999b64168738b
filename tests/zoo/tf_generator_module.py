"""A tf.random.Generator of the module mixes the samples of a batch (mixup)."""

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


MIXING = tf.random.Generator.from_seed(11)


@keras.saving.register_keras_serializable()
class Mixup(keras.layers.Layer):
    def call(self, inputs, training=False):
        if not training:
            return inputs
        share = MIXING.uniform((), 0.8, 1.0)
        return share * inputs + (1 - share) * tf.reverse(inputs, [0])


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            Mixup(),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model
