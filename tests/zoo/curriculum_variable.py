"""A curriculum: a callback raises the noise of the inputs, a variable of the module."""

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


HARDNESS = keras.Variable(0.0, trainable=False, name="hardness")


@keras.saving.register_keras_serializable()
class Harder(keras.layers.Layer):
    def call(self, inputs, training=False):
        return inputs * (1 - HARDNESS) if training else inputs


class Curriculum(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if logs["acc"] > 0.4:
            HARDNESS.assign_add(0.01)


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            Harder(),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


def callbacks(parameters):
    return [Curriculum()]
