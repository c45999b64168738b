"""While one training runs, the process of the next one stands by."""

import os
import signal
import threading

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


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("tf.config.set_visible_devices([], 'GPU')", True),
        ("os.environ['TF_DETERMINISTIC_OPS'] = '1'", True),
        ("model.get_config()", False),
        ("import keras", False),
    ],
)
def test_what_may_set_up_tensorflow_is_told_from_its_text(tmp_path, text, may):
    assert spares.sets_up(SpaceSource(tmp_path / "space.py", text)) is may
