"""A callback that shows progress by a thread, a queue, a lock and a logger."""

import logging
import queue
import threading

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
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


class Shows(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock, self.queue = threading.Lock(), queue.Queue()
        self.log = logging.getLogger("shows")
        self.thread = threading.Thread(target=self.show, daemon=True)
        self.thread.start()

    def show(self):
        while (text := self.queue.get()) is not None:
            with self.lock:
                self.log.info(text)

    def on_train_batch_end(self, batch, logs=None):
        self.queue.put(f"batch {batch}")


def callbacks(parameters):
    return [Shows()]
