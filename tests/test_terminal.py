"""A terminal gets bars that move, and its Ctrl-C saves."""

import re
import signal
import time

import pytest

from support.bits import trained
from support.command import TOY, Order, run, sessions
from support.terminal import Terminal
from support.tiers import sampled
from sweep.experience.folder import experiences_in

WORDS = ("--trials", 3, "--epochs", 9)


# What a row of 110 columns shows of a training that has a backup.
SAVED = re.compile(r"epoch \d of 9  val_acc 0\.\d{4}  .*saved \d+ s ago")


@pytest.mark.cold  # a warm sweep prepares its trainings faster than bars are drawn
def test_bars_move_and_ctrl_c_saves(tmp_path):
    order = Order(tmp_path, hold=12)
    terminal = Terminal("run", TOY, "--root", tmp_path, *WORDS, **order.environment)
    terminal.wait_for(lambda: order.is_reached() and "1/3 trials" in terminal.text())
    terminal.press(b"\x03")
    terminal.wait_for(lambda: "stopping at the next batch" in terminal.text())
    order.lift(slowly=True)
    status, shown = terminal.end()
    assert status == 130
    for text in (
        "sweep ",
        "0/3 trials",
        "preparing",
        " of 9  batch ",
        "1 running, ",
        "1/3 trials",
        "best val_acc 0.",
        "stopping at the next batch",
    ):
        assert text in shown, shown
    assert "stopped, and all is saved: run the same command to resume" in shown
    assert "Traceback" not in shown
    before = sessions(tmp_path)
    order = Order(tmp_path, hold=0)
    terminal = Terminal("run", TOY, "--root", tmp_path, *WORDS, **order.environment)
    terminal.wait_for(lambda: order.is_reached() and SAVED.search(terminal.text()))
    assert "best val_acc 0." in terminal.text(), "the best so far counts from the start"
    order.lift()
    status, shown = terminal.end()
    assert status == 0, shown
    assert "1 finished, 1 interrupted (trial 1 at epoch " in shown
    assert "resumes at epoch " in shown
    assert "3/3 trials" in shown
    assert "id_experience" in shown
    assert sum(sessions(tmp_path).values()) > sum(before.values())


@pytest.mark.long
@pytest.mark.cold
def test_a_ctrl_c_while_keras_is_imported_ends_with_one_sentence(tmp_path):
    terminal = Terminal("run", TOY, "--root", tmp_path, *WORDS)
    terminal.wait_for(lambda: "importing Keras" in terminal.text())
    time.sleep(1)
    terminal.press(b"\x03")
    status, shown = terminal.end()
    assert status == 130
    assert "Traceback" not in shown
    assert "stopped, and all is saved" in shown


@pytest.mark.parametrize("columns", sampled((80, 120, 200), 80))
def test_a_training_has_one_row_at_every_width_and_leaves_none_behind(tmp_path, columns):
    order = Order(tmp_path, hold=12)
    words = ("run", TOY, "--root", tmp_path, *WORDS)
    terminal = Terminal(*words, columns=columns, **order.environment)
    terminal.wait_for(lambda: order.is_reached() and "val_acc" in terminal.screen()[0][-1])
    rows, is_cursor_seen = terminal.screen()
    assert is_cursor_seen
    *_, headline, best, training = rows
    assert re.match(r"sweep  .* 1/3 trials, 1 running, 1 to do", headline)
    assert re.match(r"best val_acc 0\.\d{4}: trial 0 [0-9a-f]{8}, epoch \d", best)
    assert re.match(r"trial 1 [0-9a-f]{8}  .*epoch \d of 9  .*val_acc 0\.\d{4}", training)
    assert max(map(len, rows[-3:])) < columns, "no row is wrapped"
    terminal.press(b"\x03")
    order.lift(slowly=True)
    assert terminal.end()[0] == 130
    rows, is_cursor_seen = terminal.screen()
    assert is_cursor_seen
    assert rows[-1] == "sweep: stopped, and all is saved: run the same command to resume"
    assert not [row for row in rows if row.startswith(("sweep  ", "best "))], "a stale headline"


def test_two_ctrl_c_end_at_once_and_leave_the_cursor_on(tmp_path):
    order = Order(tmp_path, hold=1)
    terminal = Terminal("run", TOY, "--root", tmp_path, *WORDS, **order.environment)
    terminal.wait_for(order.is_reached)
    terminal.press(b"\x03")
    time.sleep(0.02)
    terminal.press(b"\x03")
    assert terminal.end()[0] == 130
    assert b"\x1b[?25l" not in terminal.shown(), "the cursor was hidden"


def test_a_terminal_that_is_closed_saves_and_the_same_command_goes_on(whole, tmp_path):
    order = Order(tmp_path, hold=4)
    terminal = Terminal("run", TOY, "--root", tmp_path, "--trials", 3, **order.environment)
    terminal.wait_for(order.is_reached)
    terminal.close()
    for _ in range(2):  # as a shell does, which passes on what it is sent itself
        terminal.process.send_signal(signal.SIGHUP)
    order.lift(slowly=True)
    assert terminal.process.wait(60) == 130
    hows = [one.read().sessions[-1].ended.how for one in experiences_in(tmp_path)]
    assert sorted(hows) == ["outcome", "stopped"], "it was saved, and not cut"
    run(tmp_path, "--trials", 3)
    assert trained(tmp_path) == trained(whole(3))
