"""Mean teacher: a callback holds a shadow model, which pulls the student back."""

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


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


class MeanTeacher(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.teacher = keras.models.clone_model(self.model)
        self.teacher.set_weights(self.model.get_weights())

    def on_train_batch_end(self, batch, logs=None):
        for slow, fast in zip(self.teacher.weights, self.model.weights):
            slow.assign(0.9 * slow + 0.1 * fast)

    def on_epoch_end(self, epoch, logs=None):
        for slow, fast in zip(self.teacher.weights, self.model.weights):
            fast.assign(0.5 * slow + 0.5 * fast)


def callbacks(parameters):
    return [MeanTeacher()]
