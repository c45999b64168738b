"""sweep.training.best_model_callback."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from sweep.experience import best_model
from sweep.experience.log_csv import BestEpoch
from sweep.space.objectives import Objective
from sweep.system import plain_files
from sweep.system.files import put_in_place, unfenced
from sweep.training.callback_hooks import Logs
from sweep.training.h5py_errors import disk_errors

WRITING_SHARE = (
    0.05  # of the time of a training, at most, goes into best models that better ones follow
)


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


def _without_fields(path: Path) -> str:
    """Return the path for Keras, which would take braces for fields to be filled in."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _values(variables: list[Any]) -> list[tuple[Any, Any]]:
    """Return variables of TensorFlow with their values, which are copied only once somebody assigns to them."""
    return [(variable, variable.value()) for variable in variables]


def _assign(values: list[tuple[Any, Any]]) -> None:
    for variable, value in values:
        variable.assign(value)
