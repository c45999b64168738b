"""Variables without a fixed shape, of booleans and complex numbers."""

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


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


class Bank(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.bank = tf.Variable(np.zeros((0, 2), "float32"), shape=(None, 2))
        self.any = tf.Variable(0.0, shape=tf.TensorShape(None))
        self.flag = tf.Variable(False)
        self.turn = tf.Variable(1 + 0j, dtype=tf.complex64)

    def on_train_batch_end(self, batch, logs=None):
        self.bank.assign(tf.concat([self.bank, [[logs["loss"], 1.0]]], 0)[-6:])
        self.any.assign(self.bank[:, 0])
        self.flag.assign(tf.logical_not(self.flag))
        self.turn.assign(self.turn * tf.constant(0.8 + 0.6j, tf.complex64))
        rate = float(tf.reduce_mean(self.any)) * (2 if self.flag.numpy() else 1)
        self.model.optimizer.learning_rate.assign(
            0.1 * rate * (1.5 + float(tf.math.real(self.turn.read_value())))
        )


def callbacks(parameters):
    return [Bank()]
