"""A variational autoencoder that samples with keras.random and a SeedGenerator."""

import keras
import numpy as np
from keras import layers, ops

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    x = 1 / (1 + np.exp(-rng.normal(size=(400, 3)) @ rng.normal(size=(3, 8))))
    return (x[:320], x[:320]), (x[320:], x[320:])


@keras.saving.register_keras_serializable()
class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_var = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        self.add_loss(-0.001 * ops.mean(1 + log_var - ops.square(mean) - ops.exp(log_var)))
        return mean + ops.exp(0.5 * log_var) * noise


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = layers.Dense(parameters["units"], activation="relu")(inputs)
    code = Sampling()([layers.Dense(2)(hidden), layers.Dense(2)(hidden)])
    outputs = layers.Dense(8, activation="sigmoid")(code)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=[keras.metrics.R2Score(name="acc")])
    return model
