"""Contrastive learning with a queue of old features in a tf.Variable of a closure."""

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
    queue = tf.Variable(tf.zeros((64, 3)), trainable=False)

    def against_the_queue(y_true, y_pred):
        labels = tf.cast(tf.reshape(y_true, [-1]), tf.int32)
        right = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
        near = tf.reduce_mean(tf.exp(y_pred @ tf.transpose(queue)), axis=-1)
        queue.assign(tf.concat([tf.stop_gradient(y_pred), queue], axis=0)[:64])
        return right + 0.1 * tf.math.log(near)

    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", against_the_queue, metrics=["acc"])
    return model
