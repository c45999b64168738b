"""Custom spectral normalization, whose vector is a weight of the layer."""

import keras
import numpy as np
from keras import ops

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


@keras.saving.register_keras_serializable()
class Spectral(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units))
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros")
        self.u = self.add_weight(shape=(1, self.units), initializer="ones", trainable=False)

    def call(self, inputs, training=False):
        v = ops.normalize(ops.matmul(self.u, ops.transpose(self.kernel)))
        u = ops.normalize(ops.matmul(v, self.kernel))
        if training:
            self.u.assign(ops.stop_gradient(u))
        sigma = ops.sum(ops.matmul(ops.matmul(v, self.kernel), ops.transpose(u)))
        return ops.relu(ops.matmul(inputs, self.kernel / sigma) + self.bias)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            Spectral(parameters["units"]),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model
