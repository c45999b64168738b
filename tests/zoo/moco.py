"""A momentum encoder and a queue of keys with a pointer."""

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


class MoCo(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.query, self.key = self.make(units), self.make(units)
        self.head = keras.layers.Dense(3, activation="softmax")
        rows = np.random.default_rng(1).normal(size=(96, units))
        self.queue = tf.Variable(rows.astype("float32"), trainable=False)
        self.pointer = tf.Variable(0, trainable=False)

    def make(self, units):
        return keras.Sequential(
            [keras.Input((8,)), keras.layers.Dense(units), keras.layers.UnitNormalization()]
        )

    def get_config(self):
        return {"units": self.units}

    def call(self, x):
        return self.head(self.query(x))

    def train_step(self, data):
        x, y = data
        x = tf.cast(x, tf.float32)
        one, two = (
            x + keras.random.normal(tf.shape(x), stddev=0.1),
            x + tf.random.stateless_normal(tf.shape(x), [1, self.pointer]),
        )
        keys = self.key(two)
        with tf.GradientTape() as tape:
            q = self.query(one)
            logits = (
                tf.concat(
                    [tf.reduce_sum(q * keys, 1, keepdims=True), q @ tf.transpose(self.queue)], 1
                )
                / 0.1
            )
            labels = tf.zeros(tf.shape(x)[0], tf.int32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            loss += self.compute_loss(y=y, y_pred=self(x))
        variables = self.query.trainable_weights + self.head.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        for k, v in zip(self.key.weights, self.query.weights):
            k.assign(0.9 * k + 0.1 * v)
        at = self.pointer + tf.range(tf.shape(keys)[0])
        self.queue.scatter_nd_update(tf.expand_dims(at % 96, 1), keys)
        self.pointer.assign((self.pointer + tf.shape(keys)[0]) % 96)
        return self.compute_metrics(x, y, self(x))


def build_model(parameters):
    model = MoCo(parameters["units"])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model
