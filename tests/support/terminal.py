"""A command in a terminal of its own."""

import contextlib
import os
import pty
import re
import select
import termios
import threading
import time

import pyte

from support import command

ROWS = 40


class Terminal:
    """What a command shows in a terminal of 40 rows, and keys for it."""

    def __init__(self, *words, columns=110, **environment):
        self._keyboard, screen = pty.openpty()
        self._columns = columns
        termios.tcsetwinsize(screen, (ROWS, columns))
        here = {
            name: value
            for name, value in os.environ.items()
            if name not in ("CI", "COLAB_RELEASE_TAG")
        }
        here |= {"TERM": "xterm", **{name: str(value) for name, value in environment.items()}}
        whole, keras = ("-m", "sweep", *words), command.needs_keras(words)
        self.process = command.starter.start(
            whole, (screen,) * 3, env=here, keras=keras, in_terminal=True
        )
        os.close(screen)
        self._raw, self._is_closed = b"", False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(
            OSError
        ):  # how Linux says that the last process has left the terminal
            while not self._is_closed:
                if select.select([self._keyboard], [], [], 0.01)[0]:
                    self._raw += os.read(self._keyboard, 65536)

    def close(self):
        """Close the terminal, as one closes its window."""
        self._is_closed = True
        self._reader.join()
        os.close(self._keyboard)

    def shown(self):
        """Return all that was shown so far, as bytes, with what moves the cursor."""
        return self._raw

    def text(self):
        """Return all that was shown so far, without what moves the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._raw.decode(errors="ignore"))

    def screen(self):
        """Return the rows that can be seen now, and whether the cursor can."""
        screen = pyte.Screen(self._columns, ROWS)
        pyte.ByteStream(screen).feed(self._raw)
        rows = [row.rstrip() for row in screen.display]
        return [row for row in rows if row], not screen.cursor.hidden

    def press(self, key):
        os.write(self._keyboard, key)

    def wait_for(self, happened, seconds=60):
        """Wait until the condition holds, while the command runs."""
        until = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.end()
            assert time.monotonic() < until, self._raw
            time.sleep(0.005)

    def end(self):
        """Return the exit status and all that was shown, without what moves the cursor."""
        status = self.process.wait(60)
        self._reader.join()
        if not self._is_closed:
            os.close(self._keyboard)
        return status, self.text()
