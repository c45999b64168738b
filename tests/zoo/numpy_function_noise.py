"""tf.numpy_function in train_step draws from NumPy's own generator."""

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


def noise(shape):
    return np.random.normal(0, 0.3, shape).astype("float32")


class Noisy(keras.Model):
    def train_step(self, data):
        x, y = data
        drawn = tf.numpy_function(noise, [tf.shape(x)], tf.float32, stateful=True)
        return super().train_step((x + tf.ensure_shape(drawn, x.shape), y))


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    model = Noisy(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model
