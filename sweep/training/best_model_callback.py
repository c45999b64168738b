"""``meilleur.model.keras``: Keras's ModelCheckpoint, which writes a whole file or none."""

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
from sweep.system import lent_files, plain_files
from sweep.system.files import put_in_place, unfenced
from sweep.training.callback_hooks import Logs
from sweep.training.h5py_errors import disk_errors
from sweep.training.log_values import monitored_value

# The largest share of a training's time that goes into best models which better ones replace.
WRITING_SHARE = 0.05

Values = list[tuple[Any, Any]]  # variables of TensorFlow with values of theirs


class BestModel(keras.callbacks.ModelCheckpoint):
    """A ModelCheckpoint that keeps the best epoch only, in a file that is put in place whole.

    The model is written beside the file, labelled with its epoch, and put in its place. It is kept
    in memory, and written later, in two cases: the disk does not take it now (the next epoch may be
    a worse one); or it follows so soon on another one that a training would spend its time writing.
    A backup writes it first.

    The model of an epoch is the one that was validated. Where callbacks may change its weights
    between the validation and this callback, ``note_validated`` is called at the end of the former.

    Args:
        path: ``meilleur.model.keras``.
        objective: what is monitored.
        best_before: the best of the epochs before this session; without it, a worse model would
            replace a better one.
        variables: returns all variables of the training, by which a model is kept in memory. A
            file of Keras may hold more than the weights and the optimizer.
        fence: see ``sweep.experience.folder.Experience``.
    """

    best: Any  # set by Keras
    filepath: str

    def __init__(
        self,
        path: Path,
        objective: Objective,
        best_before: BestEpoch | None,
        variables: Callable[[], list[Any]],
        fence: Callable[[], None] = unfenced,
    ) -> None:
        self._objective, self._fence = objective, fence
        self._path, self._beside = path, path.with_name("next.model.keras")
        super().__init__(
            _without_fields(self._beside),
            monitor=objective.name,
            mode=objective.mode,
            save_best_only=True,
            # Within an epoch there is no validation, and every save would count as the best.
            save_freq="epoch",
            initial_value_threshold=best_before.value if best_before else None,
        )
        self._variables = variables
        self._validated: Values | None = None
        self._unwritten: Values | None = None
        self._unwritten_epoch = 0
        self._next_write_at = -math.inf

    def note_validated(self) -> None:
        """Keep the values of all variables, until the end of the epoch."""
        self._validated = _values(self._variables())

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the model of an epoch, or keep it in memory, where it is the best so far."""
        value = monitored_value(logs, self._objective.name)
        validated, self._validated = self._validated, None
        begun = time.monotonic()
        if value is None or not self._is_best(value):
            return
        if begun < self._next_write_at:
            self._keep(epoch, value, validated)
            return
        try:
            with _put_back(validated or []), self._put_in_place(epoch) as beside:
                self.filepath = _without_fields(beside)
                super().on_epoch_end(epoch, {self._objective.name: value})
            self._unwritten = None
        except OSError:
            self._keep(epoch, value, validated)
        written = time.monotonic()
        self._next_write_at = written + (written - begun) / WRITING_SHARE

    def _is_best(self, value: float) -> bool:
        return self.best is None or self._objective.is_better(value, self.best)

    def _keep(self, epoch: int, value: float, validated: Values | None) -> None:
        self.best, self._unwritten_epoch = value, epoch
        self._unwritten = validated or _values(self._variables())

    def write_now(self) -> None:
        """Write the best model if it is still in memory only.

        Raises:
            OSError: the disk is full or gone.
        """
        if self._unwritten is None:
            return
        epoch = self._unwritten_epoch
        with _put_back(self._unwritten), self._put_in_place(epoch) as beside:
            self.model.save(beside)
        self._unwritten = None

    @contextlib.contextmanager
    def _put_in_place(self, epoch: int) -> Iterator[Path]:
        """Yield the path of a new file; label it afterwards, and put it in place.

        Raises:
            OSError: the disk is full or gone.
        """
        self._fence()
        with disk_errors():
            with (
                plain_files.created(self._beside) as file,
                lent_files.lent(file, self._beside) as path,
            ):
                yield path
                best_model.label(file, BestEpoch(float(self.best), epoch))
            put_in_place(self._beside, self._path, self._fence)


def _without_fields(path: Path) -> str:
    """Return the path as Keras takes it: with its braces doubled, for they would be fields."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _values(variables: list[Any]) -> Values:
    """Return variables of TensorFlow with their values, which only a later assignment copies."""
    return [(variable, variable.value()) for variable in variables]


@contextlib.contextmanager
def _put_back(values: Values) -> Iterator[None]:
    """Let variables have these values inside the block, and after it their present ones again."""
    current = _values([variable for variable, _ in values])
    _assign(values)
    try:
        yield
    finally:
        _assign(current)


def _assign(values: Values) -> None:
    for variable, value in values:
        variable.assign(value)
