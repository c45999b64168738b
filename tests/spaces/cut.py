"""A callback that carries out the order of a test inside a training.

The environment variable SWEEP_TEST_ORDER names the order, a JSON file. The order says where:

- ``{"epoch": 1, "batch": 3}``: after that batch;
- ``{"epoch": 1, "validation": true}``: at the start of the validation of that epoch;
- ``{"epoch": 1, "end": true}``: between the row of that epoch in the log and its backup;
- ``{"phase": 2}``: while the model is prepared for that phase, counted from 1;
- ``{"call": 5}``: before the fifth file operation of a save;
- ``{"rows": 2, "root": "…", "at": "batch"}``: after the first batch at which the logs under the
  root hold 2 epochs; or ``"at": "begin"``, before the first batch of a training, or
  ``"at": "end"``, between the row of an epoch in the log and its backup.

The training kills itself there by SIGKILL. With ``"wait": true`` it waits instead, until the test
deletes the file ``….reached``. If there is a file ``….slowly`` then, the rest of the training is
slow, so that the test can act meanwhile.

An order is carried out once: the file is deleted, or renamed to ``….reached``. Of two trainings
that reach it at once, one carries it out.
"""

import errno
import json
import os
import pathlib
import signal
import time

import keras

POLL_S = 0.01
LONGEST_S = 300.0  # a test that failed lets nobody go on
PAUSE_S = 0.2  # after each batch, where the rest of the training is slow
SLOW = "SWEEP_TEST_SLOW"  # in the environment of this process: a backup would keep an attribute


def order():
    try:
        return json.loads(pathlib.Path(os.environ["SWEEP_TEST_ORDER"]).read_text())
    except (KeyError, FileNotFoundError):
        return {}


def carry_out(ordered):
    path = pathlib.Path(os.environ["SWEEP_TEST_ORDER"])
    reached = path.with_suffix(".reached")
    try:
        path.rename(reached)
    except FileNotFoundError:  # another training was quicker
        return
    if not ordered.get("wait"):
        reached.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    until = time.monotonic() + LONGEST_S
    while reached.exists() and time.monotonic() < until:
        time.sleep(POLL_S)
    if path.with_suffix(".slowly").exists():
        os.environ[SLOW] = "1"


def is_reached(ordered, at):
    """Tell whether the logs hold as many rows as an order for this place says."""
    if "rows" not in ordered or ordered["at"] != at:
        return False
    logs = pathlib.Path(ordered["root"]).glob("*/log.csv")
    return sum(max(0, log.read_bytes().count(b"\n") - 1) for log in logs) >= ordered["rows"]


class Cut(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.now = (None,)
        cut_after_rows()
        if "call" in order():
            cut_in_call(order()["call"])

    def on_train_begin(self, logs=None):
        ordered = order()
        if is_reached(ordered, "begin"):
            carry_out(ordered)

    def on_epoch_begin(self, epoch, logs=None):
        self.now = (epoch,)

    def on_train_batch_end(self, batch, logs=None):
        if SLOW in os.environ:
            time.sleep(PAUSE_S)
        ordered = order()
        is_here = (ordered.get("epoch"), ordered.get("batch")) == (*self.now, batch)
        if is_here or is_reached(ordered, "batch"):
            carry_out(ordered)

    def on_test_begin(self, logs=None):
        ordered = order()
        if ordered.get("epoch") == self.now[0] and ordered.get("validation"):
            carry_out(ordered)


def cut_after_rows():
    """Carry out an order for the end of an epoch once its row is written.

    A callback of the search space hears of the end before that.
    """
    write_row = keras.callbacks.CSVLogger.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        write_row(self, epoch, logs)
        ordered = order()
        is_here = ordered.get("epoch") == epoch and ordered.get("end")
        if is_here or is_reached(ordered, "end"):
            carry_out(ordered)

    keras.callbacks.CSVLogger.on_epoch_end = on_epoch_end


def at_phase(number):
    """Carry out an order for the preparation of a phase, where the search space does that."""
    if order().get("phase") == number:
        carry_out(order())


def cut_in_call(number):
    """Carry out the order before that file operation, of those that put files in place."""
    from sweep.training.saving.held_model import HeldWeights  # others run this without sweep

    seen = []

    def counted(operation):
        def call(*args, **kwargs):
            seen.append(operation)
            if len(seen) == number:
                carry_out(order())
            return operation(*args, **kwargs)

        return call

    os.replace = counted(os.replace)
    os.fsync = counted(os.fsync)
    HeldWeights.write = counted(HeldWeights.write)


def save_all_the_time(step_s=0.02):
    """Let a save begin after each batch, in the background, and each of its steps take so long."""
    from sweep.training.saving.held_model import HeldWeights
    from sweep.training.saving.save_schedule import SaveSchedule

    def slowed(operation):
        def call(*args, **kwargs):
            time.sleep(step_s)
            return operation(*args, **kwargs)

        return call

    SaveSchedule.is_due = lambda _: True
    os.replace, os.fsync = slowed(os.replace), slowed(os.fsync)
    HeldWeights.write = slowed(HeldWeights.write)


def fill_the_disk(numbers):
    """Let the writes of weights of these numbers fail at their end: the disk is full then."""
    from sweep.training.saving.held_model import HeldWeights

    write, seen = HeldWeights.write, []

    def write_or_fail(*args):
        write(*args)
        seen.append(None)
        if len(seen) in numbers:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    HeldWeights.write = write_or_fail
