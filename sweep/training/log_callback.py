"""sweep.training.log_callback."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from sweep.experience.log_csv import check_header
from sweep.system import plain_files
from sweep.system.files import unfenced
from sweep.training.callback_hooks import Logs


class Log(keras.callbacks.CSVLogger):
    """Keras's own, append, except that a row that cannot be written now is kept and written later.

    It takes the place of its own file: ``write``, ``flush``, ``close`` and ``closed`` are what Keras calls there.
    """

    closed = False

    def __init__(self, path: Path, fence: Callable[[], None] = unfenced) -> None:
        super().__init__(str(path), append=True)
        self._path, self._fence = path, fence
        self._bytes_written = 0
        self.csv_file: Any = None
        self._content = bytearray()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Do what Keras's own does, which would open what a link of that name leads to."""
        with plain_files.changing(self._path) as file:
            self._content = bytearray(file.read())
        self._bytes_written = len(self._content)
        self.append_header, self.csv_file = not self._content, self
        self.writer = self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        header = bytes(self._content[: self._content.find(b"\n") + 1])
        check_header(header, self._path, "epoch", ["epoch", *sorted(logs or {})])
        super().on_epoch_end(epoch, logs)

    def text(self) -> str:
        """Return all rows, those too that are still to be written."""
        return self._content.decode()

    def last_row(self) -> str:
        """Return the row of the latest epoch."""
        return self._content[self._content.rfind(b"\n", 0, -1) + 1 :].decode()

    def write(self, row: str) -> None:
        self._content += row.encode()

    def flush(self) -> None:
        with contextlib.suppress(OSError):  # the next backup tries again, and says so if it fails
            self.write_now()

    def close(self) -> None:
        """Do nothing: the file is open only while a row is written."""

    def write_now(self) -> None:
        """Write the rows that are still to be written; where rows before them are gone, those too.

        Raises:
            OSError: they still cannot be written.
        """
        if not plain_files.is_file(self._path):  # it was taken away
            self._bytes_written = 0
        rows = self._content[self._bytes_written :]
        if rows:
            with plain_files.changing(self._path) as file:
                self._fence()
                if (
                    file.seek(0, os.SEEK_END) < self._bytes_written
                ):  # else there would be a hole of NUL
                    self._bytes_written, rows = 0, self._content
                file.seek(self._bytes_written)
                file.truncate()  # half a row, which a full disk left
                file.write(rows)
            self._bytes_written += len(rows)
