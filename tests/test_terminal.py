"""A terminal gets bars that move, and its Ctrl-C saves."""

import contextlib
import os
import pty
import re
import subprocess
import termios
import threading
import time

from command import TOY, command, logged, sessions


class Terminal:
    """A command in a terminal of its own: what it shows, and keys for it."""

    def __init__(self, *words, **environment):
        self._keyboard, screen = pty.openpty()
        termios.tcsetwinsize(screen, (40, 110))
        whole = ["setsid", "--ctty", "--wait", *command(words)]
        here = {name: value for name, value in os.environ.items() if name not in ("CI", "COLAB_RELEASE_TAG")}
        here |= {"TERM": "xterm", **environment}
        self.process = subprocess.Popen(whole, stdin=screen, stdout=screen, stderr=screen, env=here)
        os.close(screen)
        self.shown = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):  # how Linux says that the last process has left the terminal
            while more := os.read(self._keyboard, 65536):
                self.shown += more

    def press(self, key):
        os.write(self._keyboard, key)

    def end(self):
        """Return the exit status and all that was shown, without what moves the cursor."""
        status = self.process.wait(60)
        self._reader.join()
        os.close(self._keyboard)
        return status, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown.decode())


def test_bars_move_and_ctrl_c_saves(tmp_path):
    terminal = Terminal("run", TOY, "--root", tmp_path, "--trials", 3, "--epochs", 9)
    while not logged(12)(tmp_path):
        assert terminal.process.poll() is None, terminal.end()
    terminal.press(b"\x03")
    status, shown = terminal.end()
    assert status == 130
    for text in (
        "sweep ",
        "0/3 trials",
        "preparing",
        " of 9, batch ",
        "1 running, ",
        "1/3 trials",
        "best val_acc 0.",
        "stopping at the next batch",
    ):
        assert text in shown, shown
    assert "stopped, and all is saved: run the same command to go on" in shown
    assert "Traceback" not in shown
    before = sessions(tmp_path)
    status, shown = Terminal("run", TOY, "--root", tmp_path, "--trials", 3, "--epochs", 9).end()
    assert status == 0, shown
    assert "1 done, 1 cut off (trial 1 at epoch " in shown
    assert "goes on at epoch " in shown
    assert "best val_acc 0." in shown.partition("goes on at epoch")[0], "the best so far counts from the start"
    # A narrow terminal wraps the words.
    assert re.search(r"val_acc\s+0\.\d{4},\s+best\s+0\.\d{4},\s+saved\s+\d+\s+s\s+ago", shown), shown
    assert "3/3 trials" in shown
    assert "id_experience" in shown
    assert sum(sessions(tmp_path).values()) > sum(before.values())


def test_two_ctrl_c_end_at_once_and_leave_the_cursor_on(tmp_path):
    terminal = Terminal("run", TOY, "--root", tmp_path, "--trials", 3, "--epochs", 1000)
    while not logged(1)(tmp_path):
        assert terminal.process.poll() is None, terminal.end()
    terminal.press(b"\x03")
    time.sleep(0.02)
    terminal.press(b"\x03")
    assert terminal.end()[0] == 130
    assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(b"\x1b[?25l")
