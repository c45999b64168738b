"""While one training runs, the process of the next one stands by."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from support.bits import assert_equal, only
from support.trainer import FIXED, PARAMETERS
from sweep.running import spares
from sweep.running.local_processes import LocalProcesses
from sweep.space.source import SpaceSource
from sweep.training.protocol import Warned

WAIT_S = 30.0
WHOLE = {**PARAMETERS["mlp"], **FIXED["mlp"]}


@pytest.fixture
def place():
    """Return a place of its own: other tests know nothing of its spares."""
    place = LocalProcesses([])
    place.start()
    yield place
    place.forget("")


def trains(place, job):
    """Train a job, and return the news of it."""
    news = []
    assert place.train(job, threading.Event(), news.append).ending == "outcome"
    return news


def spare_of(place):
    """Return the process that stands by."""
    (spare,) = place._spares._waiting.values()
    return psutil.Process(spare.process.pid)


def test_the_next_training_is_that_of_the_process_that_stood_by(trainer, uncut, place, tmp_path):
    trains(place, trainer.job("mlp", tmp_path / "first"))
    spare = spare_of(place)
    trains(place, trainer.job("mlp", tmp_path / "next"))
    assert only(tmp_path / "next").read().sessions[0].process.pid == spare.pid
    for root in ("first", "next"):
        assert_equal(only(tmp_path / root), uncut("mlp"))
    last = spare_of(place)
    place.forget("")
    last.wait(WAIT_S)


def test_a_spare_that_is_killed_is_no_event(trainer, place, tmp_path):
    trains(place, trainer.job("mlp", tmp_path / "first"))
    spare = spare_of(place)
    os.kill(spare.pid, signal.SIGKILL)
    spare.wait(WAIT_S)
    assert not [
        one
        for one in trains(place, trainer.job("mlp", tmp_path / "next"))
        if isinstance(one, Warned)
    ]
    assert only(tmp_path / "next").read().sessions[0].process.pid != spare.pid


def test_nothing_stands_by_where_memory_is_short(trainer, place, tmp_path, monkeypatch):
    monkeypatch.setattr(spares, "NEEDED_BYTES", 10**18)
    trains(place, trainer.job("mlp", tmp_path))
    assert not place._spares._waiting


SETS_UP = """import keras
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
"""


def test_a_search_space_that_sets_up_tensorflow_does_so_before_its_runtime_begins(
    trainer, place, space, tmp_path
):
    path = space(("import keras\n", SETS_UP), of="mlp")
    for root in ("first", "next"):
        trains(place, trainer.job(path, tmp_path / root, parameters=WHOLE))
    assert_equal(only(tmp_path / "first"), only(tmp_path / "next"))


# The tests' own module reads the environment, so no runtime begins before it.
WITHOUT_CUTS = ("    import cut\n\n    return [cut.Cut()]", "    return []")
TOY = {"units": 4, "rate": 0.1, "epochs": 2, "batch_size": 50, "seed": 0}


def begins_runtime(place):
    """Tell whether what stands by has begun TensorFlow's runtime."""
    return place._spares._waiting[0].threads is not None


def test_a_spare_whose_runtime_has_begun_trains_the_same_bits(trainer, place, space, tmp_path):
    path = space(WITHOUT_CUTS)
    own_data = trainer.job(path, tmp_path / "own", parameters=TOY)
    trains(place, own_data)
    assert not begins_runtime(place), "load_data may fork processes, in which it does not work"
    for root in ("shared", "ahead"):
        job = trainer.job(path, tmp_path / root, parameters=TOY)
        trains(place, replace(job, run="run"))
        assert begins_runtime(place)
        assert_equal(only(tmp_path / root), only(tmp_path / "own"))


UNSEEN = """import tensorflow

getattr(tensorflow, "con" "fig").threading.set_intra_op_parallelism_threads(1)
FIXED ="""


def test_what_a_spare_cannot_train_is_trained_in_a_fresh_process(trainer, place, space, tmp_path):
    """Nothing in the text of this search space tells that it sets up TensorFlow."""
    path = space(WITHOUT_CUTS, ("FIXED =", UNSEEN))
    stand_by = []
    for number in range(3):
        job = trainer.job(path, tmp_path / str(number), parameters=TOY)
        trains(place, replace(job, run="run"))
        stand_by.append([child.threads for child in place._spares._waiting.values()])
        assert_equal(only(tmp_path / str(number)), only(tmp_path / "0"))
    assert stand_by == [[job.record.threads], [], [None]]


LEAVES = """    import pathlib, threading, time

    def write():
        time.sleep(0.3)
        pathlib.Path({path!r}).touch()

    threading.Thread(target=write).start()
"""


def test_threads_that_are_left_behind_have_a_moment_to_end(trainer, place, space, tmp_path):
    path = tmp_path / "written"
    leaves = LEAVES.format(path=str(path))
    changed = space(("def callbacks(parameters):\n", f"def callbacks(parameters):\n{leaves}"))
    trains(place, trainer.job(changed, tmp_path / "root", parameters=TOY))
    until = time.monotonic() + 5
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert path.exists()


HOLDS_A_SPARE = """
from sweep.running.local_processes import LocalProcesses

place = LocalProcesses([])
place.start()
place._spares._waiting[0] = place._spares._begin(0)
"""


@pytest.mark.cold
def test_a_process_that_holds_a_spare_ends(tmp_path):
    words = [sys.executable, "-c", HOLDS_A_SPARE]
    assert subprocess.run(words, cwd=tmp_path, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("tf.config.set_visible_devices([], 'GPU')", True),
        ("os.environ['TF_DETERMINISTIC_OPS'] = '1'", True),
        ("from multiprocessing import Pool", True),
        ("model.get_config()", False),
        ("import keras", False),
    ],
)
def test_what_may_set_up_tensorflow_is_told_from_its_text(tmp_path, text, may):
    assert spares.sets_up(SpaceSource(tmp_path / "space.py", text)) is may
