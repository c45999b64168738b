"""Lost work, in figures.

What was trained, what twice, what a cut would lose now, and how long the rest takes.
"""

import json
import re
from dataclasses import replace

import pytest

from support.command import TOY, Running, run, sweep
from support.folders import GONE, Search
from sweep import Sweep
from sweep.experience.accounting import Work, work_of
from sweep.experience.entries import Comparison, Session, SessionEnd
from sweep.experience.folder import experiences_in
from sweep.experience.heartbeat import (
    Heartbeat,
    last_heartbeat,
    read_heartbeat,
    write_heartbeat,
)
from sweep.experience.lease import shown_state
from sweep.system.host import now, this_process
from sweep.web.tables import trial_table

BATCHES = 10


def session(epoch, batch, end=None, process=GONE):
    return Session(
        begun=now(), epoch=epoch, batch=batch, batches=BATCHES, process=process, ended=end
    )


def ended(how, epoch, batch, trained_s):
    return SessionEnd(how=how, epoch=epoch, batch=batch, trained_s=trained_s, prepared_s=2.0)


@pytest.fixture
def begun(tmp_path):
    """Return a function that writes an experience of eight epochs.

    It has these sessions, and was saved after so many epochs.
    """
    search = Search(tmp_path / "root")

    def write(*sessions, saved=None, heartbeat=None):
        trial, parameters = search.begin()
        experience = search.write(trial, parameters, [])
        if saved is not None:
            search.save(experience, [0.1] * saved)
        record = experience.read()
        record.sessions = list(sessions)
        experience.write(record)
        if heartbeat:
            write_heartbeat(experience.heartbeat, heartbeat)
        return experience, record

    return write


def work_in(folder):
    return work_of(*folder, shown_state(*folder), last_heartbeat(*folder))


def test_a_training_without_a_cut_has_trained_nothing_twice(begun):
    whole = session(0, 0, ended("outcome", 8, 0, 16.0))
    assert work_in(begun(whole, saved=8)) == Work(
        sessions=1, trained_s=16.0, prepared_s=2.0, batches=80
    )


def test_what_lies_between_the_cut_and_the_backup_is_trained_twice(begun):
    folder = begun(
        session(0, 0, ended("cut", 3, 5, 7.0)),  # 35 batches, of which the backup knew 20
        session(2, 0, ended("cut", 2, 4, 1.0)),  # 4 batches, and no backup in them
        session(2, 0, ended("outcome", 8, 0, 12.0)),
    )
    work = work_in(folder)
    assert (work.sessions, work.cuts, work.batches, work.repeated_batches) == (
        3,
        2,
        35 + 4 + 60,
        15 + 4,
    )
    assert work.repeated_s == pytest.approx(7.0 * 15 / 35 + 1.0)
    assert work.trained_s == 20.0


def test_a_stop_is_no_cut(begun):
    work = work_in(
        begun(session(0, 0, ended("stopped", 1, 2, 1.0)), session(1, 2, ended("cut", 3, 0, 2.0)))
    )
    assert (work.cuts, work.repeated_batches) == (1, 0)


HEARTBEAT = Heartbeat(0, 3, 4, BATCHES, trained_s=6.8, unsaved_s=2.8, unsaved_batches=14, at="")


@pytest.mark.parametrize("process", [GONE, this_process()])
def test_what_is_in_no_backup_is_at_risk_or_lost(begun, process):
    work = work_in(begun(session(0, 0, None, process), saved=2, heartbeat=HEARTBEAT))
    assert (work.at_risk_batches, work.at_risk_s, work.left_batches, work.batches) == (
        14,
        2.8,
        60,
        34,
    )
    assert work.cuts == (process == GONE)


def test_a_sign_of_life_of_a_session_before_says_nothing_of_this_one(begun):
    work = work_in(
        begun(session(0, 0, ended("cut", 3, 4, 6.8)), session(2, 0), saved=2, heartbeat=HEARTBEAT)
    )
    assert (work.batches, work.at_risk_batches, work.at_risk_s) == (34, 0, 0.0)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"session": 0}', '{"session": "x", "epoch": 1}']
)
def test_a_torn_or_foreign_pulse_is_none(tmp_path, content):
    path = tmp_path / "pulse.json"
    path.write_text(content)
    assert read_heartbeat(path) is None
    path.write_text(json.dumps({**vars(HEARTBEAT), "epoch": "three"}))
    assert read_heartbeat(path) is None


def figures(root, space):
    said = sweep("status", space, "--root", root)
    assert (said.returncode, said.stderr) == (0, "")
    return said.stdout


def batches_of_the_heartbeat(root):
    """Return the batches of the last heartbeats under a root, with 5 batches an epoch."""
    heartbeats = [read_heartbeat(one.heartbeat) for one in experiences_in(root)]
    return sum(heartbeat.epoch * 5 + heartbeat.batch for heartbeat in heartbeats if heartbeat)


def test_a_sweep_that_was_cut_says_what_that_has_cost(tmp_path, space):
    path, root = space(), tmp_path / "root"
    words = ("--trials", 2, "--save-freq", 1000, "--sampler", "random")
    running = Running(root, *words, space=path, hold=1).held().go_on(slowly=True)
    running.wait_for(lambda root: batches_of_the_heartbeat(root) >= 5)
    assert re.search(r"a cut now would lose \d s and \d+ batches", figures(root, path))
    running.kill_tree()
    shown = figures(root, path)
    (experience,) = experiences_in(root)
    reached = read_heartbeat(experience.heartbeat)
    batches = batches_of_the_heartbeat(root)
    assert batches >= 5, "no sign of life after the first epoch"
    assert f"the cut has lost {reached.unsaved_s:.0f} s and {batches} batches" in shown
    assert re.search(r"the rest will take about \d+ s", shown)
    run(root, *words, space=path)
    shown = figures(root, path)
    assert re.search(
        rf"trained {30 + batches} batches in \d+ s \(3 sessions, 1 interrupted\); "
        rf"{batches} batches \(\d s\) were repeated after cuts",
        shown,
    )
    assert "would lose" not in shown
    assert "the rest" not in shown
    assert not list(root.glob("*/pulse.json")), "a training that has ended gives no sign of life"


def test_resumes_are_counted_with_their_proofs_and_what_is_approximate_is_said(begun):
    proven = Comparison(compared=2)
    because = "it was resumed at epoch 4, batch 0, and did not continue as before"
    found_out = Comparison(
        compared=1, differs=["in epoch 4, loss is 1.0 after the resume, and was 2.0"]
    )
    sessions = [
        session(0, 0, ended("cut", 3, 5, 7.0)),
        replace(session(2, 0, ended("cut", 4, 4, 7.0)), proof=proven),
        replace(session(4, 0, ended("cut", 6, 4, 7.0)), proof=found_out),
        session(6, 0, ended("outcome", 8, 0, 12.0)),
    ]
    experience, record = begun(*sessions, saved=8)
    record.approximate_because = because
    experience.write(record)
    root = experience.path.parent
    said = sweep("status", TOY, "--root", root).stdout
    counted = "3 resumes, 1 proven exact, 1 not exact (see approximate_because), 1 without anything"
    assert f"{counted} to compare" in said
    results = sweep("results", TOY, "--root", root).stdout
    assert results.endswith(f"≈ trial 0, approximate: {because}\n")
    assert re.search(r"0 +[0-9a-f]{16} +cut_off ≈ ", results), results
    assert list(trial_table(Sweep(TOY, root).look())["approximate"]) == [because]
