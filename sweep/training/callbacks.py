"""The callbacks that write the files of an experience: Keras's own, but whole, and calm when the disk is not."""

import contextlib
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import keras

from sweep.experience import best_model
from sweep.experience.log_csv import BestEpoch, check_header
from sweep.space.objectives import Objective
from sweep.system import plain_files
from sweep.system.files import put_in_place, unfenced
from sweep.training.endings import Diverged

Logs = dict[str, Any] | None
WRITING_SHARE = (
    0.05  # of the time of a training, at most, goes into best models that better ones follow
)
CLOSED_ONCE_MORE = "Can't decrement id ref count"


class BestModel(keras.callbacks.ModelCheckpoint):
    """Keras's own, best epoch only, written beside, labelled with its epoch, and put in place whole.

    A model that cannot be written now is kept in memory and written later, for the next epoch may be a worse one. So is one
    that follows so soon on another that a training would do little else than write: it is written before the next backup.

    Args:
        path: ``meilleur.model.keras``.
        aim: what is monitored.
        best_before: the best of the epochs before this session, else a worse model would replace a better one.
        variables: returns all variables of the training, by which a model is kept in memory: a file of Keras may hold more
            than the weights and the optimizer.
        fence: see ``sweep.experience.folder.Experience``.
    """

    def __init__(
        self,
        path: Path,
        aim: Objective,
        best_before: BestEpoch | None,
        variables: Callable[[], list[Any]],
        fence: Callable[[], None] = unfenced,
    ) -> None:
        self._aim, self._path, self._beside = aim, path, path.with_name("next.model.keras")
        self._fence = fence
        super().__init__(
            _without_fields(self._beside),
            monitor=aim.name,
            mode=aim.mode,
            save_best_only=True,
            save_freq="epoch",  # within an epoch there is no validation, and every save would count as the best
            initial_value_threshold=best_before.value if best_before else None,
        )
        self._variables = variables
        self._unwritten: list[tuple[Any, Any]] | None = None
        self._unwritten_epoch = 0
        self._next_write_at = -math.inf
        self.best: Any

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = (logs or {})[self._aim.name]
        begun = time.monotonic()
        if self.best is not None and not self._aim.is_better(value, self.best):
            return
        if begun < self._next_write_at:
            self._keep(epoch, value)
            return
        try:
            with self._put_in_place(epoch) as beside:
                self.filepath = _without_fields(beside)
                super().on_epoch_end(epoch, logs)
            self._unwritten = None
        except OSError:
            self._keep(epoch, value)
        written = time.monotonic()
        self._next_write_at = written + (written - begun) / WRITING_SHARE

    def _keep(self, epoch: int, value: float) -> None:
        self.best, self._unwritten_epoch = value, epoch
        self._unwritten = _values(self._variables())

    def write_now(self) -> None:
        """Write the best model, if that is still to be done.

        Raises:
            OSError: it still cannot be written.
        """
        if self._unwritten is None:
            return
        current = _values([variable for variable, _ in self._unwritten])
        _assign(self._unwritten)
        try:
            with self._put_in_place(self._unwritten_epoch) as beside:
                self.model.save(beside)
        finally:
            _assign(current)
        self._unwritten = None

    @contextlib.contextmanager
    def _put_in_place(self, epoch: int) -> Iterator[Path]:
        """Give the path of a new file; what was written into it is labelled and put in place.

        Raises:
            OSError: the disk is full or gone.
        """
        self._fence()
        with disk_errors():
            with (
                plain_files.created(self._beside) as file,
                plain_files.lent(file, self._beside) as path,
            ):
                yield path
                best_model.label(file, BestEpoch(float(self.best), epoch))
            put_in_place(self._beside, self._path, self._fence)


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


class Finite(keras.callbacks.Callback):
    """Ends a training whose loss, or what its aims name, is not a number any more."""

    def __init__(self, aims: list[Objective]) -> None:
        super().__init__()
        self._names = ["loss", *(aim.name for aim in aims)]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for name in self._names:
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} at the end of epoch {epoch}")


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Make a plain OSError of what h5py raises, which has the error's number in the middle of a long message only.

    Raises:
        OSError: the disk is full or gone.
    """
    try:
        yield
    except NotImplementedError:  # a RuntimeError too: a layer that cannot be saved, on any disk
        raise
    except (RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        number = re.search(r"errno = (\d+)", str(error))
        if number:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise OSError(str(error).partition(", filename")[0]) from error


def silence_h5py() -> None:
    """Let this process say nothing of the errors that h5py cannot raise.

    What could not be written is closed once more when it is collected, and fails once more, where nobody can catch it; the
    save itself has failed by then, and says so.
    """
    excepthook, unraisablehook = sys.excepthook, sys.unraisablehook

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if CLOSED_ONCE_MORE not in str(error):
            excepthook(kind, error, trace)

    def on_unraisable(what: "sys.UnraisableHookArgs") -> None:
        if CLOSED_ONCE_MORE not in str(what.exc_value) and "h5py" not in str(what.object):
            unraisablehook(what)

    # Cython prints the traceback by the one, and that it is ignored by the other.
    sys.excepthook, sys.unraisablehook = on_exception, on_unraisable


def _without_fields(path: Path) -> str:
    """Return the path for Keras, which would take braces for fields to be filled in."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _values(variables: list[Any]) -> list[tuple[Any, Any]]:
    """Return variables of TensorFlow with their values, which are copied only once somebody assigns to them."""
    return [(variable, variable.value()) for variable in variables]


def _assign(values: list[tuple[Any, Any]]) -> None:
    for variable, value in values:
        variable.assign(value)
