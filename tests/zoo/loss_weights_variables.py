"""Two outputs whose loss weights are variables that a callback shifts."""

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
    return (x[:320], [y[:320], x[:320]]), (x[320:], [y[320:], x[320:]])


SHARE = tf.Variable(0.1, trainable=False)


class TwoOutputs(keras.Model):
    """Calls the accuracy of the first output "acc"."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "acc": logs["kind_acc"]}


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
    copy = keras.layers.Dense(8, name="copy")(hidden)
    model = TwoOutputs(inputs, [kind, copy])

    def on_kind(y_true, y_pred):
        return (1 - SHARE) * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    def on_copy(y_true, y_pred):
        return SHARE * keras.losses.mean_squared_error(y_true, y_pred)

    model.compile("adam", [on_kind, on_copy], metrics=["acc", None])
    return model


class Shift(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        SHARE.assign(tf.minimum(0.9, SHARE + 0.02))

    def on_epoch_end(self, epoch, logs=None):
        print("share of the copy:", float(SHARE))


def callbacks(parameters):
    return [Shift()]
