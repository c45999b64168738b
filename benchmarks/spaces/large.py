"""Dense networks of 1, 22 and 90 million weights; with Adam, a file of them has 12 bytes each.

The environment variable SWEEP_BENCH_SIZE names the size; where SWEEP_BENCH_SAVES is "never", sweep
saves only the end.
"""

import json
import os
import pathlib
import time

import keras
import numpy as np

UNITS = {"1M": 700, "22M": 3300, "90M": 6700}[os.environ.get("SWEEP_BENCH_SIZE", "22M")]
BATCHES = {"1M": 400, "22M": 60, "90M": 15}[os.environ.get("SWEEP_BENCH_SIZE", "22M")]
FIXED = {"batch_size": 64, "seed": 0, "epochs": 5}


def suggest(trial):
    return {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-5)}


def load_data():
    random = np.random.default_rng(0)
    x = random.normal(size=(BATCHES * 64, UNITS)).astype("float32")
    y = random.integers(0, 10, len(x))
    return (x, y), (x[:64], y[:64])


def build_model(parameters):
    layers = [keras.layers.Dense(UNITS, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((UNITS,)), *layers, keras.layers.Dense(10)])
    model.compile(
        keras.optimizers.Adam(parameters["learning_rate"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    return model


class Times(keras.callbacks.Callback):
    """Notes when the second epoch begins, when the last one is trained, and when all is over."""

    def __init__(self, path):
        super().__init__()
        self._path, self._times = path, [0.0, 0.0, 0.0]

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self._times[0] = time.time()

    def on_epoch_end(self, epoch, logs=None):
        self._times[1] = time.time()

    def on_train_end(self, logs=None):
        self._times[2] = time.time()
        pathlib.Path(self._path).write_text(json.dumps(self._times))


def callbacks(parameters):  # noqa: ARG001 # sweep asks for it
    if os.environ.get("SWEEP_BENCH_SAVES") == "never":
        from sweep.training.saving.save_schedule import SaveSchedule  # others run without sweep

        SaveSchedule.is_due = lambda _: False
    path = os.environ.get("SWEEP_BENCH_TIMES")
    return [Times(path)] if path else []
