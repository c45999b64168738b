"""Variables that only a tf.train.Checkpoint holds."""

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


class Steps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.checkpoint = tf.train.Checkpoint(step=tf.Variable(0.0), total=tf.Variable(0.0))

    def on_train_batch_end(self, batch, logs=None):
        self.checkpoint.step.assign_add(1.0)
        self.checkpoint.total.assign_add(logs["loss"])
        rate = 0.2 / (1 + self.checkpoint.step + self.checkpoint.total)
        self.model.optimizer.learning_rate.assign(rate)


def callbacks(parameters):
    return [Steps()]
