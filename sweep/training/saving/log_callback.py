"""``log.csv``: Keras's CSVLogger, with a file that waits for a disk that is full or gone."""

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
from sweep.training.log_values import as_cells


class LogFile:
    """The text file that CSVLogger writes to; it keeps rows in memory until the disk takes them.

    ``write``, ``flush``, ``close`` and ``closed`` are what Keras uses of a file.

    Args:
        path: ``log.csv``.
        fence: see ``sweep.experience.folder.Experience``.
    """

    closed = False

    def __init__(self, path: Path, fence: Callable[[], None] = unfenced) -> None:
        self._path, self._fence = path, fence
        self._content = bytearray()
        self._bytes_written = 0

    def read(self) -> None:
        """Take over the rows that are on the disk; make an empty file where there is none."""
        with plain_files.changing(self._path) as file:
            self._content = bytearray(file.read())
        self._bytes_written = len(self._content)

    def is_empty(self) -> bool:
        """Return whether there is no row yet, and no header."""
        return not self._content

    def header(self) -> bytes:
        """Return the first line with its line break, or nothing where there is none yet."""
        return bytes(self._content[: self._content.find(b"\n") + 1])

    def rows(self) -> int:
        """Return the number of rows, without the header."""
        return max(0, self._content.count(b"\n") - 1)

    def last_row(self) -> str:
        """Return the row of the latest epoch."""
        return self._content[self._content.rfind(b"\n", 0, -1) + 1 :].decode()

    def text(self) -> str:
        """Return all rows, including those that are not on the disk yet."""
        return self._content.decode()

    def write(self, row: str) -> None:
        """Add a row in memory."""
        self._content += row.encode()

    def flush(self) -> None:
        """Write the rows to the disk if it takes them."""
        with contextlib.suppress(OSError):  # the next backup tries again, and reports a failure
            self.write_now()

    def close(self) -> None:
        """Do nothing: the file is open only while a row is written."""

    def write_now(self) -> None:
        """Write the rows that are not on the disk yet, and any earlier ones that are missing there.

        Raises:
            OSError: the disk is full or gone.
        """
        if not plain_files.is_file(self._path):  # somebody has removed it
            self._bytes_written = 0
        rows = self._content[self._bytes_written :]
        if rows:
            with plain_files.changing(self._path) as file:
                self._fence()
                bytes_on_disk = file.seek(0, os.SEEK_END)
                if bytes_on_disk < self._bytes_written:  # else there would be a hole of NUL
                    self._bytes_written, rows = 0, self._content
                file.seek(self._bytes_written)
                file.truncate()  # half a row, which a full disk left
                file.write(rows)
            self._bytes_written += len(rows)


class Log(keras.callbacks.CSVLogger):
    """A CSVLogger in append mode that writes to a ``LogFile``.

    The first row decides the columns, in whichever session it was written: what later epochs log
    beside them is left out, and what they lack is ``NA``.

    Args:
        path: ``log.csv``.
        fence: see ``sweep.experience.folder.Experience``.
        is_of_model_alone: whether no callback may log what the model does not.
    """

    append_header: bool
    csv_file: Any
    keys: list[str] | None
    writer: Any

    def __init__(
        self, path: Path, fence: Callable[[], None] = unfenced, is_of_model_alone: bool = True
    ) -> None:
        super().__init__(str(path), append=True)
        self.file = LogFile(path, fence)
        self._path, self._is_of_model_alone = path, is_of_model_alone
        self._of_model: set[str] = set()

    def note_metrics(self, logs: Logs) -> None:
        """Note what the model has logged, before callbacks add to it."""
        self._of_model = set(as_cells(logs))

    def on_train_begin(self, logs: Logs = None) -> None:
        """Do what CSVLogger does, except that its ``open`` would follow a link of that name."""
        self.file.read()
        self.append_header, self.csv_file = self.file.is_empty(), self.file
        self.writer, self.keys = None, self._columns()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the row of an epoch, unless the log is that of a model with other metrics.

        Raises:
            LogUnreadable: the header lacks a metric of the model, or has one that it has not.
        """
        cells = as_cells(logs)
        self.keys = self.keys or sorted(cells)
        lacking = {name for name in self.keys if name not in cells}
        # A metric of a model is there twice, which a name that a callback logs seldom is.
        are_of_model = {name for name in lacking if f"val_{name}" in lacking}
        is_foreign = self._is_of_model_alone and are_of_model
        if is_foreign or not self._of_model.issubset(self.keys):
            check_header(self.file.header(), self._path, "epoch", ["epoch", *sorted(cells)])
        super().on_epoch_end(epoch, cells)

    def _columns(self) -> list[str]:
        """Return the columns after the epoch; none where there is no row yet."""
        return check_header(self.file.header(), self._path, "epoch")[1:]
