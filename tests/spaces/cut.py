"""The hook of the tests: it kills the training process, really, where a file says so.

The file is named by SWEEP_TEST_CUT and goes away when it strikes, so that the next session is not cut at the same place:
``{"epoch": 1, "batch": 3}``, ``{"epoch": 1, "end": true}``, ``{"epoch": 1, "validation": true}``, or ``{"call": 5}`` for the
fifth step of a save. ``{"epoch": 1, "wait": true}`` does not kill, but makes the validation of that epoch last.
"""

import json
import os
import pathlib
import signal
import time

import keras


def order():
    path = pathlib.Path(os.environ.get("SWEEP_TEST_CUT", "/nonexistent"))
    return json.loads(path.read_text()) if path.exists() else {}


def strike():
    pathlib.Path(os.environ["SWEEP_TEST_CUT"]).unlink()
    os.kill(os.getpid(), signal.SIGKILL)


class Cut(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.now = (None,)
        if "call" in order():
            cut_in_call(order()["call"])

    def on_epoch_begin(self, epoch, logs=None):
        self.now = (epoch,)

    def on_train_batch_end(self, batch, logs=None):
        if (order().get("epoch"), order().get("batch")) == (*self.now, batch):
            strike()

    def on_test_begin(self, logs=None):
        ordered = order().get("epoch") == self.now[0]
        if ordered and order().get("validation"):
            strike()
        if ordered and order().get("wait"):
            pathlib.Path(os.environ["SWEEP_TEST_CUT"]).unlink()
            time.sleep(2)

    def on_epoch_end(self, epoch, logs=None):
        if order().get("epoch") == epoch and order().get("end"):
            strike()


def cut_in_call(number):
    """Kill before the file operation of that number, of those that put files in place."""
    seen = []

    def counted(operation):
        def call(*args, **kwargs):
            seen.append(operation)
            if len(seen) == number:
                strike()
            return operation(*args, **kwargs)

        return call

    pathlib.Path.replace = counted(pathlib.Path.replace)
    os.fsync = counted(os.fsync)
    keras.Model.save = counted(keras.Model.save)
    keras.Model.save_weights = counted(keras.Model.save_weights)
