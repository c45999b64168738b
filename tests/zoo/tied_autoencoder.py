"""An autoencoder whose decoder uses the transposed weights of its encoder."""

import keras
import numpy as np
from keras import ops

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    x = 1 / (1 + np.exp(-rng.normal(size=(400, 3)) @ rng.normal(size=(3, 8))))
    return (x[:320], x[:320]), (x[320:], x[320:])


@keras.saving.register_keras_serializable()
class Tied(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units))
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        code = ops.tanh(ops.matmul(inputs, self.kernel))
        return ops.sigmoid(ops.matmul(code, ops.transpose(self.kernel)) + self.bias)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def build_model(parameters):
    noise = keras.layers.GaussianNoise(0.1)
    model = keras.Sequential([keras.Input((8,)), noise, Tied(parameters["units"])])
    model.compile("adam", "mse", metrics=[keras.metrics.R2Score(name="acc")])
    return model
