"""A sweep before one's eyes, from its folders: the same for whoever looks on."""

import re

import pytest

from support.command import TOY, Program, Running, run, sweep
from support.folders import Drawn, sweep_of_all_kinds
from support.terminal import Terminal
from sweep.experience.record import State
from sweep.experience.snapshot_reader import SnapshotReader

EPOCH = r"^trial (\d+) ([0-9a-f]{16}): epoch (\d+) of 3, val_acc (0\.\d{4})$"


def said_epochs(text):
    return re.findall(EPOCH, text, re.MULTILINE)


def logged_epochs(root):
    sight = SnapshotReader(root, print).look()
    return [
        (str(one.trial), one.experience.id, str(epoch), f"{value:.4f}")
        for one in sight.trainings
        for epoch, value in enumerate(one.curve)
    ]


def test_without_a_terminal_each_epoch_is_a_line(tmp_path):
    said = run(tmp_path, "--trials", 3, "--workers", 2)
    assert sorted(said_epochs(said)) == sorted(logged_epochs(tmp_path))
    for number, name, *_ in said_epochs(said):
        assert said.index(f"trial {number} {name}: epoch 2") < said.index(
            f"trial {number} {name}: finished"
        )


def test_a_second_process_sees_the_same_and_ends_with_the_sweep(tmp_path):
    running = Running(tmp_path, "--trials", 3, hold=1).held()
    watcher = Program(["-m", "sweep", "status", TOY, "--root", tmp_path, "--watch"])
    watcher.wait_for(lambda: "1 running" in watcher.said())
    assert running.go_on().end()[0] == 0
    watching = watcher.result()
    assert (watching.returncode, watching.stdout) == (0, "")
    assert re.search(r": \d running, \d cut_off, ", watching.stderr.splitlines()[0])
    seen, there = said_epochs(watching.stderr), logged_epochs(tmp_path)
    assert len(seen) == len(set(seen)), "each is said once"
    assert set(seen) <= set(there)
    assert len(seen) >= len(there) - 2, "but for those before it looked"
    assert (
        len(
            re.findall(r"^trial \d+ [0-9a-f]{16}: finished, val_acc", watching.stderr, re.MULTILINE)
        )
        >= 2
    )


def test_a_terminal_that_watches_gets_bars_and_ctrl_c_stops_nothing(tmp_path):
    running = Running(tmp_path, "--trials", 2, hold=1).held()
    terminal = Terminal("status", TOY, "--root", tmp_path, "--watch")
    terminal.wait_for(lambda: "1 running" in terminal.text())
    terminal.press(b"\x03")
    status, shown = terminal.end()
    assert status == 130
    assert "━" in shown
    assert running.go_on().end()[0] == 0, "the sweep itself goes on"


@pytest.mark.parametrize("name", ["CI", "COLAB_RELEASE_TAG"])
def test_in_ci_and_on_colab_a_terminal_is_none(tmp_path, name):
    status, shown = Terminal("run", TOY, "--root", tmp_path, "--trials", 1, **{name: "true"}).end()
    assert status == 0, shown
    assert "━━" not in shown.replace("─", "")
    assert len(said_epochs(shown.replace("\r", ""))) == 3


def test_what_has_ended_is_read_once(tmp_path):
    drawn = sweep_of_all_kinds(tmp_path / "root")
    watch = SnapshotReader(drawn.root, pytest.fail)
    first = {one.experience.id: one for one in watch.look().trainings}
    again = {one.experience.id: one for one in watch.look().trainings}
    for name, one in first.items():
        assert (again[name] is one) == (one.state is not State.CUT_OFF)
    drawn.trial(State.FINISHED)
    assert len(watch.look().trainings) == len(first) + 1


def test_counts_best_and_what_is_left(tmp_path):
    drawn = Drawn(tmp_path / "root")
    for state in (State.FINISHED, State.FINISHED, State.PRUNED, State.FAILED):
        drawn.trial(state)
    (drawn.root / "sweep.json").write_text(
        '{"trials": 10, "workers": 2, "seed": 0, "sampler": "tpe", "pruner": "none"}'
    )
    sight = SnapshotReader(drawn.root, pytest.fail).look()
    assert {state: count for state, count in sight.counts().items() if count} == {
        "finished": 2,
        "pruned": 1,
        "failed": 1,
    }
    assert (sight.to_do(), sight.is_over()) == (6, False)
    assert sight.best().values["val_acc"] == max(
        one.best.value for one in sight.trainings if one.state is State.FINISHED
    )
    # Each has trained 8.5 epochs of 10 batches in 2 s, and 1 s before: 6 more take 18 s, two at a
    # time 9.
    assert sight.rest_s() == pytest.approx(9)


def test_status_of_what_is_not_there_is_a_sentence(tmp_path):
    done = sweep("status", TOY, "--root", tmp_path / "none", "--watch")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
