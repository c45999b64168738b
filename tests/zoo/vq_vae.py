"""A vector-quantised autoencoder whose codebook follows running counts."""

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


class Quantizer(keras.layers.Layer):
    def __init__(self, codes=12, size=4, **kwargs):
        super().__init__(**kwargs)
        self.codes, self.size = codes, size

    def build(self, shape):
        self.book = self.add_weight(
            shape=(self.codes, self.size), initializer="uniform", trainable=False
        )
        self.counts = tf.Variable(tf.ones(self.codes), trainable=False)
        self.sums = tf.Variable(tf.identity(self.book), trainable=False)

    def call(self, x, training=False):
        near = tf.argmin(tf.reduce_sum((x[:, None] - self.book) ** 2, -1), 1)
        hot = tf.one_hot(near, self.codes)
        if training:
            self.counts.assign(0.9 * self.counts + 0.1 * tf.reduce_sum(hot, 0))
            self.sums.assign(0.9 * self.sums + 0.1 * tf.matmul(hot, x, transpose_a=True))
            self.book.assign(self.sums / (self.counts[:, None] + 1e-5))
        q = tf.gather(self.book, near)
        self.add_loss(0.25 * tf.reduce_mean((tf.stop_gradient(q) - x) ** 2))
        return x + tf.stop_gradient(q - x)


def build_model(parameters):
    x = keras.Input((8,))
    z = Quantizer()(keras.layers.Dense(4)(keras.layers.Dense(parameters["units"], "relu")(x)))
    model = keras.Model(x, keras.layers.Dense(3, "softmax")(z))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model
