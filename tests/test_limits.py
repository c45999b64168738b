"""What ends a sweep: it says which, each time, and a restart begins none of it anew."""

import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import click
import pytest

from support.command import TOY, sweep
from support.folders import GONE
from support.stand_ins import SPACE, NoTraining, control
from sweep import cli_options
from sweep.api import Sweep
from sweep.experience.accounting import trained_s
from sweep.experience.entries import Session, SessionEnd, TrialEntry
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.record import Outcome, Record, State
from sweep.running.child import LAST_SAVE_S
from sweep.running.limits import PREPARE_S, Limits, Verdict
from sweep.settings import Settings
from sweep.training.protocol import FIRST_SAVE_S


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(SPACE)
    return path


def enqueue(space, root, *xs):
    Sweep(space, root).enqueue(
        [{"x": x, "kind": None, "lr": 0.1 + 0.1 * number} for number, x in enumerate(xs)]
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", 3600),
        ("2.5", 2.5),
        ("90s", 90),
        ("45m", 2700),
        ("11h30m", 41400),
        ("1h1m1s", 3661),
        ("1m30", 90),
        ("2h", 7200),
    ],
)
def test_a_time_is_seconds_or_has_units(text, seconds):
    assert cli_options.seconds(None, None, text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "0s", "-5", "h", "1d", "30m1h", "1 h", "nan", "inf", "1e3", "9" * 400, "x" * 10**5],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(
        click.BadParameter, match="is no time: give seconds, or a time such as 90s, 45m, 11h30m"
    ):
        cli_options.seconds(None, None, text)


def test_patience_counts_what_ended_after_the_best(space, tmp_path):
    root, place = tmp_path / "root", NoTraining()
    enqueue(space, root, 0.5, 0.9, 0.1, 0.9, 0.2, 0.3, 0.95)
    said, study = control(root, space, place, patience=3)
    assert place.trained == [0, 1, 2, 3, 4], "an equal value is none that is better"
    assert (
        said[-1]
        == "none of the last 3 trials was a better one, and --patience is 3: no trial begins"
    )
    again = NoTraining()
    assert control(root, space, again, patience=3)[0][-1] == said[-1], "it says so each time"
    (root / "study.journal").unlink()
    assert control(root, space, again, patience=3)[0][-1] == said[-1]
    assert again.trained == []
    said, study = control(root, space, again, patience=5, trials=8)
    assert again.trained == [5, 6, 7], "with more patience it goes on, and finds a better one"
    assert study.count_since_best() == 1
    assert said[-1].startswith("trial 7 ")


def test_a_trial_that_fails_is_one_without_a_better_value(space, tmp_path):
    space.write_text(
        SPACE.replace("    return", "    assert trial.number not in (1, 3)\n    return")
    )
    enqueue(space, tmp_path / "root", 0.9, 0.95, 0.1, 0.95)
    place = NoTraining()
    said, study = control(tmp_path / "root", space, place, patience=3)
    assert place.trained == [0, 2]
    assert study.count() == 4
    assert said[-1].startswith("none of the last 3 trials")


def test_before_there_is_a_value_there_is_no_patience(space, tmp_path):
    _, study = control(tmp_path / "root", space, trials=0)
    assert study.count_since_best() == 0
    for state in (State.FAILED, State.FAILED, State.FINISHED, State.PRUNED, State.FAILED):
        trial = study.ask()
        value = 0.5 if state is State.FINISHED else None
        study.tell(
            trial,
            Outcome(state, "", None, {} if value is None else {"val_acc": value}, 0),
            [0.9] if state is State.PRUNED else [],
        )
        study.ask()  # one that is running is none that ended
    assert study.count_since_best() == 2


def test_with_workers_a_late_better_end_gives_patience_back(space, tmp_path):
    """The best takes longest: patience runs out beside it, it still ends, and the sweep goes on."""
    root, slow = tmp_path / "root", threading.Event()

    def reached(number, step):
        if (number, step) == (1, "begun"):
            slow.wait(20)
        if (number, step) == (4, "trained"):
            threading.Timer(0.5, slow.set).start()

    enqueue(space, root, 0.5, 0.9, 0.1, 0.2, 0.3, 0.4, 0.45, 0.05)
    place = NoTraining(reached=reached)
    said, study = control(root, space, place, patience=4, workers=2)
    assert sorted(place.trained) == [0, 1, 2, 3, 4, 5]
    assert study.count_since_best() == 4
    assert said[-1].startswith("none of the last 4 trials")


@pytest.mark.parametrize(("target", "trials"), [(-3, 1), (0.7, 2), (1e9, 4)])
def test_a_target_is_any_number_and_is_said_each_time(space, tmp_path, target, trials):
    enqueue(space, tmp_path / "root", 0.5, 0.9, 0.6, 0.7)
    place = NoTraining()
    for _ in range(2):
        said, study = control(tmp_path / "root", space, place, target=target, trials=4)
        assert study.count() == trials
        assert (said[-1] == f"the target {target:g} is reached: no trial begins") is (trials < 4)
    assert len(place.trained) == trials


def session(begun, trained, prepared=None):
    at = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(seconds=begun)
    session = Session(begun=at.isoformat(), epoch=0, batch=0, batches=10, process=GONE)
    if prepared is not None:
        session.ended = SessionEnd(
            how="cut", epoch=1, batch=0, trained_s=trained, prepared_s=prepared
        )
    return session


def recorded(folder, *its_sessions, came_from=None, trained=None):
    trial = TrialEntry(number=0, came_from=came_from)
    experience = Experience(folder)
    code, parameters = {"name": "s", "fingerprint": {}}, {"epochs": 9, "seed": 0}
    record = Record(folder.name, code, parameters, 0, 1, [trial], list(its_sessions))
    experience.write(record)
    if trained is not None:
        heartbeat = {
            "session": len(its_sessions) - 1,
            "epoch": 0,
            "batch": 1,
            "batches": 10,
            "trained_s": trained,
        }
        experience.heartbeat.write_text(
            json.dumps({**heartbeat, "unsaved_s": 0, "unsaved_batches": 0, "at": ""})
        )
    return experience, experience.read()


def test_what_was_trained_counts_once_where_it_was_side_by_side(tmp_path):
    alone = recorded(tmp_path / ("a" * 16), session(100, 10, 2), session(200, 5, 1))
    assert trained_s([alone]) == pytest.approx(12 + 6)
    beside = recorded(tmp_path / ("b" * 16), session(105, 10, 1))
    assert trained_s([beside, alone]) == pytest.approx((115 - 98) + 6)
    within = recorded(tmp_path / ("c" * 16), session(101, 1, 0))
    assert trained_s([within, alone]) == pytest.approx(12 + 6)
    killed = recorded(tmp_path / ("d" * 16), session(300, 5, 1), session(400, None), trained=7)
    assert trained_s([killed]) == pytest.approx(6 + 7), (
        "the sign of life of a session that was killed counts"
    )


class NoStudy:
    """A study that nothing asks: no trial is judged here."""


def refused(reason):
    return Verdict(False, reason)


def limits(folders=(), began=0.0, **asked):
    return Limits(Settings("space", **asked), NoStudy(), list(folders), time.monotonic() + began)


def test_a_timeout_is_over_all_sessions(tmp_path):
    trained = [recorded(tmp_path / ("a" * 16), session(100, 10, 2), session(200, 5, 1))]
    assert limits(trained, timeout_s=21).next_training().may_begin
    assert limits(trained, timeout_s=21).time_left()[0] == pytest.approx(3, abs=0.5)
    for timeout_s in (18, 19):  # the second leaves less than it takes to prepare a training
        assert limits(trained, timeout_s=timeout_s).next_training() == refused(
            f"the timeout of {timeout_s} s is used up, by 18 s of training: "
            "give a larger --timeout to resume"
        )
    elsewhere = [recorded(tmp_path / ("b" * 16), session(100, 10, 2), came_from="/elsewhere")]
    assert limits(elsewhere, timeout_s=1).next_training().may_begin


def test_a_deadline_begins_no_training_that_comes_to_no_backup(tmp_path):
    assumed = LAST_SAVE_S + PREPARE_S + FIRST_SAVE_S
    assert limits(deadline_s=assumed + 1).next_training().may_begin
    assert limits(deadline_s=assumed + 1, began=-2).next_training() == refused(
        f"the deadline leaves {PREPARE_S + FIRST_SAVE_S - 1:.0f} s before the last save, "
        "and a training would take "
        f"{PREPARE_S + FIRST_SAVE_S:.0f} s to its next backup: run the same command to resume"
    )
    # As seen: 4 s to prepare, and half a second a batch.
    seen = [recorded(tmp_path / ("a" * 16), session(100, 5, 4), session(200, 5, 1))]
    for save_freq, need_s in ((2, 4 + 1), (1000, 4 + int(FIRST_SAVE_S))):
        enough = {"deadline_s": LAST_SAVE_S + need_s + 1, "save_freq": save_freq}
        assert limits(seen, **enough).next_training().may_begin
        assert (
            limits(seen, began=-2, **enough)
            .next_training()
            .reason.startswith(f"the deadline leaves {need_s - 1} s before")
        )
    assert limits(seen, deadline_s=100).time_left()[0] == pytest.approx(100 - LAST_SAVE_S, abs=0.5)


def test_a_timeout_that_runs_out_in_the_middle_leaves_trials_cut_off_and_is_said_again(
    space, tmp_path
):
    root = tmp_path / "root"
    said, _ = control(root, space, NoTraining(takes_s=1), timeout_s=1.6, workers=2)
    assert (
        said[-1]
        == "2 s are over: all is saved at the next batch; give a larger --timeout to resume"
    )
    ended = [one.read().outcome is not None for one in experiences_in(root)]
    assert (ended.count(True), ended.count(False)) == (2, 2)
    again = NoTraining()
    said, study = control(root, space, again, timeout_s=1.6)
    assert re.fullmatch(
        r"the timeout of 2 s is used up, by \d s of training: give a larger --timeout to resume",
        said[-1],
    )
    assert again.trained == []
    assert len(study.interrupted_trials()) == 2
    control(root, space, again, timeout_s=60)
    assert again.trained == list(range(2, 12))


def test_a_deadline_leaves_cut_off_trials_cut_off(space, tmp_path):
    root, place = tmp_path / "root", NoTraining()
    said, _ = control(root, space, place, deadline_s=LAST_SAVE_S + 1)
    assert "run the same command to resume" in said[-1]
    assert "importing Keras" not in "".join(said)
    assert place.trained == []
    control(root, space, NoTraining(takes_s=5), timeout_s=0.2, workers=2)
    said, study = control(root, space, place, deadline_s=LAST_SAVE_S + 1)
    assert "2 interrupted" in said[0]
    assert said[-1].startswith("the deadline leaves ")
    assert (place.trained, len(study.interrupted_trials())) == ([], 2)


def test_a_session_saves_and_ends_before_its_deadline(space, tmp_path):
    control(tmp_path / "root", space, trials=1)  # what it took counts as seen
    place, began = NoTraining(takes_s=60), time.monotonic()
    said, study = control(
        tmp_path / "root", space, place, deadline_s=LAST_SAVE_S + 2, workers=2, save_freq=1000
    )
    assert time.monotonic() - began < LAST_SAVE_S
    assert (
        said[-1] == "the deadline is 20 s away: all is saved at the next batch; "
        "run the same command to resume"
    )
    assert sorted(place.trained) == [trial.number for trial in study.interrupted_trials()] == [1, 2]
    how = [one.read().sessions[-1].ended.how for one in experiences_in(tmp_path / "root")]
    assert sorted(how) == ["outcome", "stopped", "stopped"]


def test_a_deadline_that_is_too_near_is_a_clean_end(tmp_path):
    words = ("run", TOY, "--root", tmp_path / "root", "--deadline", "50s")
    done = sweep(*words, keras=False)
    assert done.returncode == 0
    assert (
        "the deadline leaves 30 s before the last save, "
        "and a training would take 32 s to its next backup" in done.stderr
    )
    assert not list(experiences_in(tmp_path / "root"))
