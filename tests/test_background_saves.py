"""Backups are written while the training goes on: when, at what cost, and under SIGKILL."""

import errno
import gc
import math
import threading
import time
import weakref

import pytest

from support.bits import assert_equal, only
from support.tiers import sampled
from support.trainer import FIXED, PARAMETERS
from sweep.experience.accounting import ASSUMED_CUT_EVERY_S, cut_every_s
from sweep.experience.entries import Session, SessionEnd
from sweep.experience.record import Record, State
from sweep.system.host import this_process
from sweep.training.protocol import FIRST_SAVE_S, EpochDone, Unsaved
from sweep.training.saving.background_write import BackgroundWrite
from sweep.training.saving.save_interval import LONGEST_S, SaveCost, SaveInterval, daly_s
from sweep.training.saving.save_schedule import SaveSchedule
from sweep.training.training_progress import TrainingProgress

TWO_HOURS = 2 * 3600.0


def test_dalys_interval_is_the_best_of_all():
    """It is compared with the expected time of a training, equation 20 of the paper."""

    def expected_s(interval_s, save_s, cut_every_s):
        return (math.exp((interval_s + save_s) / cut_every_s) - 1) / interval_s

    for save_s, every_s in ((0.1, 3600.0), (5.0, TWO_HOURS), (60.0, TWO_HOURS)):
        best = min(range(1, 5000), key=lambda interval: expected_s(interval, save_s, every_s))
        assert daly_s(save_s, every_s) == pytest.approx(best, rel=0.01, abs=1)
    assert daly_s(3 * TWO_HOURS, TWO_HOURS) == TWO_HOURS


@pytest.mark.parametrize(
    ("cost", "budget", "seconds", "reason"),
    [
        (SaveCost(0.05, 0.45, 1.0, 10**6), None, 84.1, "0.5 s, and one cut is expected in 2:00:00"),
        (SaveCost(5.0, 0.1, 6.0, 10**6), None, 268, "a backup costs 5.1 s"),
        (SaveCost(0.0, 0.01, 13.0, 10**6), 20.0, 130, "keeps the disk busy for 13 s"),
        (SaveCost(9.0, 0.0, 9.0, 10**6), None, 450, "stops the training for 9 s"),
        (SaveCost(1.0, 1.0, 90.0, 10**6), None, LONGEST_S, "may lose 0:10:00 at most"),
        (SaveCost(1.0, 1.0, 90.0, 4 * 10**9), 20.0, 720, "20 GB an hour"),
    ],
    ids=["cuts", "cost", "disk", "blocked", "longest", "drive"],
)
def test_the_interval_is_the_longest_that_a_limit_asks_for(cost, budget, seconds, reason):
    interval = SaveInterval(TWO_HOURS, budget)
    assert interval.seconds == FIRST_SAVE_S
    interval.learn(cost)
    assert interval.seconds == pytest.approx(seconds, rel=0.01)
    assert reason in interval.reason


def test_cuts_are_assumed_until_some_are_seen():
    record = Record("0" * 16, {}, {"epochs": 1}, 0, 1, [])
    assert cut_every_s(record) == ASSUMED_CUT_EVERY_S
    for how in ("cut", "stopped", "cut"):
        end = SessionEnd(how=how, epoch=0, batch=1, trained_s=600.0)
        record.sessions.append(
            Session(begun="", epoch=0, batch=0, process=this_process(), ended=end)
        )
    assert cut_every_s(record) == (ASSUMED_CUT_EVERY_S + 1800.0) / 3


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def test_what_is_trained_while_a_save_is_written_is_not_in_it(monkeypatch):
    clock, progress = Clock(monkeypatch), TrainingProgress()
    schedule = SaveSchedule(progress, None, SaveInterval(TWO_HOURS))
    schedule.begin()
    assert schedule.batches_to_next() is None
    assert not schedule.is_due()
    progress.unsaved_batches, clock.now = 100, 1000.0 + FIRST_SAVE_S
    assert schedule.is_due()
    assert not schedule.is_due_by_batches()
    schedule.hold()
    progress.unsaved_batches, clock.now = 130, clock.now + 3
    schedule.succeed(SaveCost(0.05, 0.45, 3.0, 10**6))
    assert (progress.unsaved_batches, progress.unsaved_s()) == (30, 3.0)
    assert progress.saves_every_s == pytest.approx(84.1, rel=0.01)
    clock.now += 80
    assert not schedule.is_due()
    clock.now += 2
    assert schedule.is_due()


def test_a_save_that_fails_is_tried_again_after_growing_pauses(monkeypatch):
    clock, progress = Clock(monkeypatch), TrainingProgress()
    schedule = SaveSchedule(progress, 10, SaveInterval(TWO_HOURS))
    schedule.begin()
    progress.unsaved_batches = 10
    assert schedule.is_due_by_batches()
    for pause in (1.0, 2.0, 4.0):
        schedule.hold()
        schedule.fail()
        assert not schedule.is_due_by_batches()
        assert not schedule.is_due()
        assert schedule.batches_to_next() == 10
        clock.now += pause
        assert schedule.is_due()
    schedule.hold()
    schedule.succeed(SaveCost(0.0, 0.0, 0.0, 1))
    assert progress.unsaved_batches == 0
    assert schedule.batches_to_next() == 10


def test_one_write_at_a_time_ends_in_the_thread_that_asks():
    background, may_end = BackgroundWrite(), threading.Event()
    assert background.ended() is None
    assert not background.is_under_way
    background.begin(lambda: may_end.wait() and (7, ["told"]))
    assert background.ended() is None
    assert background.is_under_way
    may_end.set()
    written = background.ended(wait=True)
    assert (written.bytes, written.told) == (7, ["told"])
    assert background.ended(wait=True) is None

    def fails():
        raise OSError(errno.ENOSPC, "full")

    background.begin(fails)
    with pytest.raises(OSError, match="full"):
        background.ended(wait=True)
    assert not background.is_under_way


def test_a_write_that_has_failed_keeps_nothing_in_memory():
    """What a full disk refuses, again and again, is as large as the model."""

    class Held:
        def write(self):
            raise OSError(errno.ENOSPC, "full")

    background, held = BackgroundWrite(), Held()
    is_there = weakref.ref(held)
    gc.collect()
    gc.disable()
    try:
        background.begin(held.write)
        with pytest.raises(OSError, match="full") as raised:
            background.ended(wait=True)
        del held, raised
        until = time.monotonic() + 5  # the thread lets go of it a moment later
        while is_there() and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        gc.enable()
    assert is_there() is None


# The cuts fall at batches while a save is written, and into each step of a save by its thread.
CUTS = [
    *({"epoch": epoch, "batch": batch} for epoch, batch in [(0, 7), (1, 5), (3, 2)]),
    *({"call": call} for call in range(1, 20)),
]


@pytest.mark.parametrize("cut", sampled(CUTS, CUTS[1], CUTS[9], CUTS[12], CUTS[15]), ids=str)
def test_killed_while_a_save_is_written_it_ends_as_if_uncut(trainer, uncut, space, tmp_path, cut):
    path = space(("import keras\n", "import keras\n\ncut.save_all_the_time()\n"), of="mlp")
    parameters = {**PARAMETERS["mlp"], **FIXED["mlp"]}
    root = tmp_path / "root"
    cuts = (cut, {"epoch": 4, "batch": 5})
    experience = trainer.cut_and_resume(path, root, *cuts, save_freq=None, parameters=parameters)
    assert_equal(experience, uncut("mlp"))


def test_a_training_that_is_pruned_as_it_resumes_keeps_its_backup(trainer, tmp_path):
    """It has restored nothing yet that could be saved."""
    trainer("mlp", tmp_path, {"epoch": 2, "batch": 7})
    weights = only(tmp_path).sauvegarde / "latest.weights.h5"
    before = weights.read_bytes()
    pruned = trainer(
        "mlp", tmp_path, on_news=lambda news: "bad" if isinstance(news, EpochDone) else None
    )
    assert (pruned.ending, only(tmp_path).state()) == ("outcome", State.PRUNED)
    assert weights.read_bytes() == before


def test_a_disk_that_fills_while_a_save_is_written_stops_no_training(
    trainer, uncut, space, tmp_path
):
    changes = "import keras\n\ncut.save_all_the_time()\ncut.fill_the_disk(range(2, 6))\n"
    path = space(("import keras\n", changes), of="mlp")
    parameters = {**PARAMETERS["mlp"], **FIXED["mlp"]}
    assert (
        trainer(path, tmp_path / "root", save_freq=None, parameters=parameters).ending == "outcome"
    )
    said = [news for news in trainer.news if isinstance(news, Unsaved)]
    assert len(said) == 2
    assert "No space left" in said[0].why
    assert said[1].since is None
    assert_equal(only(tmp_path / "root"), uncut("mlp"))
