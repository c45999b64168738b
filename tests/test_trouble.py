"""A bad day is the outcome of no training: a file, package or memory is missing for a while."""

import os
from pathlib import Path

import numpy as np
import pytest

from support.bits import trained
from support.command import Running, run, sweep
from support.stand_ins import SPACE, NoTraining, control, proposals, run_as_program
from support.trainer import SPACES
from sweep.errors import Misuse, SweepError
from sweep.experience import backup_files
from sweep.experience.folder import experiences_in
from sweep.experience.record import State
from sweep.running import restarts
from sweep.running.revival import retry
from sweep.system import files
from sweep.training.data import tf_cache_lock
from sweep.training.protocol import End, Ending

AWAY = "FileNotFoundError: no data.npz"


class Day(NoTraining):
    """A place whose trainings raise before their first batch where ``is_bad`` says so.

    Args:
        is_bad: tells it of a job.
    """

    def __init__(self, is_bad=lambda job: True, ending=Ending.UNPREPARED, by_the_day=False):
        super().__init__()
        self.is_bad, self.ending, self.by_the_day = is_bad, ending, by_the_day
        self.prepared = 0

    def train(self, job, stop, on_news):
        self.prepared += job.only_prepares
        if self.is_bad(job):
            return End(self.ending, AWAY, "Traceback of it", self.by_the_day)
        return End(Ending.OUTCOME) if job.only_prepares else super().train(job, stop, on_news)


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(SPACE)
    return path


def states(root):
    return sorted(one.state() for one in experiences_in(root))


@pytest.mark.parametrize("ending", [Ending.UNPREPARED, Ending.DIED])
def test_an_outage_stops_the_sweep_and_burns_no_trial(tmp_path, space, ending):
    root, whole = tmp_path / "root", tmp_path / "whole"
    control(whole, space)
    control(root, space, trials=3)
    with pytest.raises(SweepError, match=f"cannot begin: {AWAY}.*; nor can any other: mend"):
        control(root, space, Day(ending=ending))
    assert states(root) == [State.FINISHED] * 3
    control(root, space)
    assert proposals(root, space) == proposals(whole, space)


def test_an_outage_before_anything_is_trained_burns_no_trial(tmp_path, space):
    root, whole, day = tmp_path / "root", tmp_path / "whole", Day()
    control(whole, space)
    with pytest.raises(SweepError, match=f"trial 0 .* cannot begin: {AWAY}; nor can any other"):
        control(root, space, day)
    assert day.prepared == 4
    assert not states(root)
    control(root, space)
    assert proposals(root, space) == proposals(whole, space)


def test_what_raises_in_one_trial_only_is_its_failure(tmp_path, space):
    day = Day(lambda job: job.record.trials and job.record.trials[0].number in (0, 5))
    said, _ = control(tmp_path / "root", space, day)
    failed = [
        one.read().outcome for one in experiences_in(tmp_path / "root") if one.state() == "failed"
    ]
    assert [(one.reason, one.traceback, one.died) for one in failed] == [
        (AWAY, "Traceback of it", False)
    ] * 2
    assert day.prepared == 2
    assert sum("trying whether another training can be prepared" in line for line in said) == 2


def test_an_interrupted_training_stays_so_whatever_it_raises(tmp_path, space):
    root, whole = tmp_path / "root", tmp_path / "whole"
    control(whole, space)
    run_as_program(
        root, space, "rows", 6
    )  # the first epoch of a trial is saved, and its second logged
    (cut_off,) = [one for one in experiences_in(root) if one.state() is State.CUT_OFF]
    before = [path.read_bytes() for path in sorted(cut_off.sauvegarde.iterdir())]
    assert before
    for _ in range(3):
        with pytest.raises(SweepError, match=f"cannot resume: {AWAY}: mend that"):
            control(root, space, Day(lambda job: job.experience == cut_off), trials=3)
    with pytest.raises(SweepError, match=f"cannot resume: {AWAY}; nor can any other"):
        control(root, space, Day())
    assert cut_off.state() is State.CUT_OFF
    assert [path.read_bytes() for path in sorted(cut_off.sauvegarde.iterdir())] == before
    control(root, space)
    assert proposals(root, space) == proposals(whole, space)
    assert set(states(root)) == {State.FINISHED}


def test_retry_takes_up_what_failed_and_nothing_else(tmp_path, space):
    root = tmp_path / "root"
    control(
        root, space, Day(lambda job: job.record.trials and job.record.trials[0].number in (0, 5))
    )
    folders = [(one, one.read()) for one in experiences_in(root)]
    failed = [one.id for one, record in folders if record.outcome.state is State.FAILED]
    finished = next(one.id for one, record in folders if record.outcome.state is State.FINISHED)
    for name, why in {
        "xyz": rf"begins with 'xyz': failed are {', '.join(failed)}\.",
        finished: f"{finished} is finished, not failed: failed are",
        "": "ids begin with ''",
    }.items():
        with pytest.raises(Misuse, match=why):
            retry(folders, [name], print)
    assert states(root).count("failed") == 2
    said = []
    retry(folders, [failed[0][:8]], said.append)
    assert said == [
        f"{failed[0]} is taken up again, and trained again from the beginning, "
        "for no backup of it had been made"
    ]
    control(root, space)
    assert states(root).count("failed") == 1
    retry([(one, one.read()) for one in experiences_in(root)], None, said.append)
    control(root, space)
    assert set(states(root)) == {State.FINISHED}
    retry([(one, one.read()) for one in experiences_in(root)], None, said.append)
    assert said[-1] == "no experience has failed"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(restarts, "SECOND_TRY_S", 0.01)
    monkeypatch.setattr(restarts, "ABSENCE_S", 0.05)
    monkeypatch.setattr(files, "FIRST_PAUSE_S", 0.01)


def trials_of(job):
    return [entry.number for entry in job.record.trials]


@pytest.mark.parametrize("ending", [Ending.UNPREPARED, Ending.DIED])
def test_where_a_file_is_missing_for_one_trial_it_stays_to_do_and_the_others_go_on(
    tmp_path, space, impatient, ending
):
    root = tmp_path / "root"
    day = Day(lambda job: trials_of(job) == [5], ending, by_the_day=True)
    with pytest.raises(SweepError, match=rf"^trial 5 \(.*\) cannot begin: {AWAY}: mend that"):
        control(root, space, day)
    assert states(root) == [State.FINISHED] * 11
    control(root, space)
    assert states(root) == [State.FINISHED] * 12


def test_where_a_file_is_missing_for_two_trials_the_sweep_stops(tmp_path, space, impatient):
    root = tmp_path / "root"
    day = Day(lambda job: trials_of(job) and trials_of(job)[0] >= 5, by_the_day=True)
    with pytest.raises(SweepError, match=r"^trial 5 .*; trial 6 .*: mend that"):
        control(root, space, day)
    assert states(root) == [State.FINISHED] * 5


@pytest.mark.parametrize("ending", [Ending.UNPREPARED, Ending.DIED])
def test_what_is_missing_in_passing_is_waited_for(tmp_path, space, impatient, ending):
    whole, root, left = tmp_path / "whole", tmp_path / "root", [1]
    control(whole, space)
    day = Day(lambda job: trials_of(job) == [5] and left and left.pop(), ending, by_the_day=True)
    control(root, space, day)
    assert proposals(root, space) == proposals(whole, space)
    assert not day.prepared


def test_a_control_is_made_of_what_trained_in_this_session_and_of_several(tmp_path, space):
    """Of the trainings that are tried, one may have a trouble of its own."""
    bad = {}

    def is_bad(job):
        if trials_of(job) in ([2], [3]) and not job.only_prepares:
            bad[job.experience.id] = True
        return job.experience.id in bad

    day = Day(is_bad)
    control(tmp_path / "root", space, day)
    assert states(tmp_path / "root").count("failed") == 2
    assert day.prepared == 2


def test_where_suggest_raises_for_some_values_a_trial_can_still_fail_for_itself(tmp_path):
    space = tmp_path / "space.py"
    raises = (
        'if parameters["kind"] is None:\n        raise ValueError("no None")\n    parameters["lr"]'
    )
    space.write_text(SPACE.replace('parameters["lr"]', raises))
    day = Day(lambda job: trials_of(job) == [0])
    control(tmp_path / "root", space, day, seed=3)
    assert states(tmp_path / "root").count("failed") >= 1


@pytest.mark.parametrize(
    "error", ['OSError(2, "away")', 'MemoryError("all")', 'ImportError("gone")']
)
def test_what_suggest_cannot_read_stops_the_sweep_and_is_not_the_studys(tmp_path, error):
    space, flag, whole = tmp_path / "space.py", tmp_path / "flag", tmp_path / "whole"
    asks = f"""import pathlib
    if trial.number == 4 and pathlib.Path({str(flag)!r}).exists():
        raise {error}
    parameters = {{"""
    space.write_text(SPACE.replace("parameters = {", asks))
    control(whole, space)
    flag.touch()
    with pytest.raises(SweepError, match=r"space\.py, line \d+: .*; mend") as said:
        control(tmp_path / "root", space)
    assert "study" not in str(said.value)
    flag.unlink()
    control(tmp_path / "root", space)
    assert proposals(tmp_path / "root", space) == proposals(whole, space)


def test_the_advice_after_failures_is_what_the_next_run_does(tmp_path, space):
    """Where something was interrupted beside them, nothing begins from the beginning."""
    root, whole = tmp_path / "root", tmp_path / "whole"
    with pytest.raises(SweepError, match="run the same command: they begin from the beginning"):
        control(whole, space, Day(lambda job: not job.only_prepares))
    run_as_program(root, space, "rows", 2)
    with pytest.raises(SweepError, match=r"take them up again by sweep retry .* --failed\.$"):
        control(root, space, Day(lambda job: not job.only_prepares))
    assert states(root) == [State.CUT_OFF] + [State.FAILED] * 5


DATA = """
def load_data():
    import numpy as np

    there = np.load({path!r})
    return (there["x"], there["y"]), (there["x"], there["y"])
"""


@pytest.fixture
def of_a_file(tmp_path, monkeypatch):
    """A test space whose data are a file."""
    generator = np.random.default_rng(0)
    path = tmp_path / "data.npz"
    np.savez(path, x=generator.normal(size=(250, 64)).astype("f"), y=generator.integers(0, 10, 250))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SPACES), str(Path.cwd())]))
    space = tmp_path / "toy.py"
    space.write_text((SPACES / "toy.py").read_text() + DATA.format(path=str(path)))
    return space, path


def test_a_training_whose_data_are_away_goes_on_once_they_are_back(of_a_file, tmp_path):
    space, path = of_a_file
    root, whole = tmp_path / "root", tmp_path / "whole"
    run(whole, "--trials", 3, space=space)
    Running(root, "--trials", 3, "--save-freq", 2, space=space, hold=2).held().kill_tree()
    path.rename(tmp_path / "away.npz")
    done = sweep("run", space, "--root", root, "--trials", 3)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "cannot resume: toy.py, line " in last
    assert "FileNotFoundError" in last
    assert str(path) in last
    assert "Traceback" not in done.stderr
    (there,) = [one for one in experiences_in(root) if one.state() is State.CUT_OFF]
    assert backup_files.newest_position(there.sauvegarde)
    (tmp_path / "away.npz").rename(path)
    assert "resumes at epoch" in run(root, "--trials", 3, space=space)
    assert trained(root) == trained(whole)


def test_what_is_missing_in_mid_training_is_tried_again_from_the_backup(of_a_file, tmp_path):
    """A callback reads a file at the end of each epoch, which is away for one of them."""
    space, _ = of_a_file
    flag = tmp_path / "flag"
    space.write_text(
        space.read_text()
        + f"""
def callbacks(parameters):
    import keras, pathlib

    class Reads(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            flag = pathlib.Path({str(flag)!r})
            if epoch == 1 and not flag.exists():
                flag.touch()
                open("/nowhere/at/all")

    return [Reads()]
"""
    )
    said = run(tmp_path / "root", "--trials", 1, "--save-freq", 2, space=space)
    assert "FileNotFoundError" in said
    assert "it resumes from its backup" in said
    (there,) = experiences_in(tmp_path / "root")
    assert there.state() is State.FINISHED


def test_retry_is_a_command(of_a_file, tmp_path):
    space, _ = of_a_file
    root = tmp_path / "root"
    allowed = tmp_path / "allowed"
    space.write_text(
        space.read_text()
        + f"""
def callbacks(parameters):
    import keras, pathlib

    class Picky(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            is_picked = epoch == 1 and parameters["units"] == 5
            if is_picked and not pathlib.Path({str(allowed)!r}).exists():
                raise ValueError("not today")

    return [Picky()]
"""
    )
    run(root, "--trials", 4, "--save-freq", 2, space=space)
    failed = [one for one in experiences_in(root) if one.state() is State.FAILED]
    assert failed
    for words in ((), ("--failed", failed[0].id)):
        done = sweep("retry", space, "--root", root, *words)
        assert done.returncode == 2
        assert "Name the ids to try again, or all by --failed, and not both" in done.stderr
    allowed.touch()
    done = sweep("retry", space, failed[0].id[:6], "--root", root)
    assert done.returncode == 0, done.stderr
    assert "is taken up again, and trained again from epoch 1" in done.stderr
    assert failed[0].state() is State.FINISHED


CACHED = """
def load_data():
    import numpy as np
    import tensorflow as tf

    there = np.load({path!r})
    data = tf.data.Dataset.from_tensor_slices((there["x"], there["y"])).cache({cache!r})

    def train(epoch):
        return data.shuffle(250, seed=epoch).batch(50)

    return train, (there["x"], there["y"])
"""


def test_a_cache_of_tf_data_that_a_cut_has_locked_is_written_anew(of_a_file, tmp_path):
    space, path = of_a_file
    cache, root = str(tmp_path / "cache"), tmp_path / "root"
    space.write_text(space.read_text() + CACHED.format(path=str(path), cache=cache))
    lock = tmp_path / "cache_0.lockfile"
    lock.write_text("Created at: 1795890809")
    said = run(root, "--trials", 1, space=space)
    assert f"the cache that {lock} locks was being written when a training was cut off" in said
    assert not lock.exists()
    (there,) = experiences_in(root)
    assert there.state() is State.FINISHED


def test_a_cache_that_is_being_written_is_not_unlocked(tmp_path):
    lock = tmp_path / "cache_0.lockfile"
    lock.touch()
    assert tf_cache_lock.is_left_behind(lock)
    with (tmp_path / "cache_0.data-00000-of-00001.tempstate1").open("w"):
        assert not tf_cache_lock.is_left_behind(lock)
    assert tf_cache_lock.is_left_behind(lock)
    lock.unlink()
    assert tf_cache_lock.is_left_behind(lock), "it is free by now"


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("There … - cache lockfile already exists ('/a/b_0.lockfile'). If you", "/a/b_0.lockfile"),
        ("cache lockfile already exists ('/home/x/notes.txt')", None),
        ("no such file", None),
    ],
)
def test_the_lock_of_a_cache_is_known_by_the_error_that_names_it(text, lock):
    assert tf_cache_lock.lock_in(ValueError(text)) == (Path(lock) if lock else None)


def test_a_backup_of_the_users_own_is_refused_at_once(of_a_file, tmp_path):
    space, _ = of_a_file
    mended = space.read_text()
    space.write_text(
        mended
        + """
def callbacks(parameters):
    import keras

    return [keras.callbacks.BackupAndRestore("backup")]
"""
    )
    run = ("run", space, "--root", tmp_path / "root", "--trials", 1)
    done = sweep(*run)
    assert done.returncode == 1
    assert "callbacks returns a BackupAndRestore; every training has one" in done.stderr
    assert not list(experiences_in(tmp_path / "root"))
    space.write_text(mended)
    assert sweep(*run).returncode == 0, "the root is not stuck"


CALLS = """
def callbacks(parameters):
    import keras, pathlib

    with open({log!r} + str(parameters["units"]), "a") as file:
        file.write("made ")

    class Tracks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            if pathlib.Path({away!r}).exists():
                raise ConnectionError("no server")

    return [Tracks()]
"""


def test_a_server_that_is_away_when_a_training_begins_burns_no_trial(of_a_file, tmp_path):
    """What was trained before is looked at without its callbacks, which may write its files."""
    space, _ = of_a_file
    root, away, log = tmp_path / "root", tmp_path / "server_is_away", tmp_path / "log_of_"
    space.write_text(space.read_text() + CALLS.format(away=str(away), log=str(log)))
    run(root, "--trials", 1, space=space)
    (first,) = tmp_path.glob("log_of_*")
    assert first.read_text() == "made "
    away.touch()
    done = sweep("run", space, "--root", root, "--trials", 6)
    assert done.returncode == 1
    assert "ConnectionError: no server: it stays to do" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [one for one in experiences_in(root) if one.state() is State.FAILED]
    assert first.read_text() == "made "
    away.unlink()
    assert "0 failed" in run(root, "--trials", 6, space=space)
    assert {one.state() for one in experiences_in(root)} == {State.FINISHED}


OF_ANOTHER = """
def callbacks(parameters):
    import keras
    import {helper}

    return [{helper}.Reads()]
"""


@pytest.mark.long
@pytest.mark.cold  # the patience is read by a program of its own
def test_a_file_that_a_module_of_the_users_misses_is_not_called_ours(of_a_file, tmp_path):
    space, _ = of_a_file
    (tmp_path / "helper_of_it.py").write_text(
        """
import keras


class Reads(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        open("/nowhere/at/all")
"""
    )
    space.write_text(space.read_text() + OF_ANOTHER.format(helper="helper_of_it"))
    environment = {**os.environ, "SWEEP_PATIENCE_S": "3"}
    done = sweep("run", space, "--root", tmp_path / "root", "--trials", 1, env=environment)
    assert done.returncode == 1
    assert "No such file or directory: '/nowhere/at/all'" in done.stderr.splitlines()[-1]
    assert "cannot be written" not in done.stderr
    assert not [one for one in experiences_in(tmp_path / "root") if one.state() is State.FAILED]
