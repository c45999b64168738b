"""Lookahead: a custom optimizer that holds slow weights in lists of tf.Variables."""

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


@keras.saving.register_keras_serializable()
class Lookahead(keras.optimizers.Adam):
    def build(self, variables):
        super().build(variables)
        self.slow = [tf.Variable(v.value, trainable=False) for v in variables]

    def apply(self, grads, trainable_variables=None):
        step = super().apply(grads, trainable_variables)
        for slow, fast in zip(self.slow, self._trainable_variables):
            is_fifth = tf.equal(self.iterations % 5, 0)
            slow.assign(tf.where(is_fifth, slow + 0.5 * (fast - slow), slow))
            fast.assign(tf.where(is_fifth, slow, fast))
        return step


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(Lookahead(0.01), "sparse_categorical_crossentropy", metrics=["acc"])
    return model
