"""The best model of a training: which epoch it is of, and ``meilleur.model.keras`` itself."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras

from sweep.experience import best_model
from sweep.experience.log_csv import BestEpoch
from sweep.space.objectives import Objective
from sweep.system import plain_files
from sweep.system.files import put_in_place, unfenced
from sweep.training.callback_hooks import Logs
from sweep.training.h5py_errors import disk_errors
from sweep.training.log_values import monitored_value
from sweep.training.saving.held_model import (
    HeldModel,
    config_of,
    held_value,
    hold_model,
    writes_in_its_own_way,
)

Values = list[tuple[Any, Any]]  # variables of TensorFlow with values of theirs


class LatestBest(NamedTuple):
    """The best epoch so far: the values of all variables, and the configuration of the model."""

    values: Values
    config: dict[str, str]
    epoch: BestEpoch


class HeldBest:
    """The model of the best epoch so far, to be written.

    Args:
        model: as it was validated.
        epoch: of the model.
        path: ``meilleur.model.keras``.
        fence: see ``sweep.experience.folder.Experience``.
    """

    def __init__(
        self, model: HeldModel, epoch: BestEpoch, path: Path, fence: Callable[[], None]
    ) -> None:
        self._model: HeldModel | None = model
        self._epoch, self._path, self._fence = epoch, path, fence
        self._beside, self._is_in_place = path.with_name("next.model.keras"), False

    @property
    def is_written(self) -> bool:
        """Whether the model lies beside the file, and no longer in memory."""
        return self._model is None

    def write(self) -> int:
        """Write the model beside the file, label it, and return its bytes; once.

        Raises:
            OSError: the disk is full or gone; the file is as before, and all can be tried again.
        """
        if self._model is None:
            return 0
        self._fence()
        with disk_errors(), plain_files.created(self._beside) as file:
            self._model.write(file)
            best_model.label(file, self._epoch)
            size = file.seek(0, os.SEEK_END)
        self._model = None
        return size

    def put_in_place(self) -> None:
        """Put the model in place of the file, which a backup may still need until then; once.

        Raises:
            OSError: as above.
        """
        if not self._is_in_place:
            put_in_place(self._beside, self._path, self._fence)
            self._is_in_place = True


class BestModel(keras.callbacks.ModelCheckpoint):
    """A ModelCheckpoint that keeps the best epoch only, in memory until a backup is written.

    A training so spends no time on models that a better one replaces, and waits for no disk. A
    backup writes the best model first: what is trained beyond a backup is trained again.

    The model of an epoch is the one that was validated. Where callbacks may change its weights
    between the validation and this callback, ``note_validated`` is called at the end of the former.

    Args:
        path: ``meilleur.model.keras``.
        objective: what is monitored.
        best_before: the best of the epochs before this session; without it, a worse model would
            replace a better one.
        variables: returns all variables of the training. A file of Keras may hold more than the
            weights and the optimizer.
        fence: see ``sweep.experience.folder.Experience``.
    """

    best: Any  # set by Keras

    def __init__(
        self,
        path: Path,
        objective: Objective,
        best_before: BestEpoch | None,
        variables: Callable[[], list[Any]],
        fence: Callable[[], None] = unfenced,
    ) -> None:
        super().__init__(
            str(path),
            monitor=objective.name,
            mode=objective.mode,
            save_best_only=True,
            # Within an epoch there is no validation, and every save would count as the best.
            save_freq="epoch",
            initial_value_threshold=best_before.value if best_before else None,
        )
        self._path, self._objective, self._fence = path, objective, fence
        self._variables = variables
        self._validated: Values | None = None
        self._latest: LatestBest | None = None
        self._held: HeldBest | None = None

    def note_validated(self) -> None:
        """Keep the values of all variables, until the end of the epoch."""
        self._validated = _values(self._variables())

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Keep the model of an epoch in memory where it is the best so far."""
        value = monitored_value(logs, self._objective.name)
        validated, self._validated = self._validated, None
        if value is None or not self._is_best(value):
            return
        self.best = value
        with _put_back(validated or []):
            config = config_of(self.model)
        values = validated or _values(self._variables())
        self._latest = LatestBest(values, config, BestEpoch(float(value), epoch))
        if writes_in_its_own_way(self.model):
            self.hold()  # what is no variable may be another one later

    def _is_best(self, value: float) -> bool:
        return self.best is None or self._objective.is_better(value, self.best)

    def hold(self) -> HeldBest | None:
        """Return the best model to be written; None where that is done."""
        if self._latest:  # to walk a model takes longer than some epochs
            with _put_back(self._latest.values):
                model = hold_model(self.model, self._latest.config)
            self._held = HeldBest(model, self._latest.epoch, self._path, self._fence)
            self._latest = None
        return self._held

    def note_written(self, held: HeldBest | None) -> None:
        """Let go of a model that is on the disk."""
        if self._held is held:
            self._held = None

    def write_now(self) -> None:
        """Write the best model if it is still in memory only.

        Raises:
            OSError: the disk is full or gone.
        """
        held = self.hold()
        if held:
            held.write()
            held.put_in_place()
        self.note_written(held)


def _values(variables: list[Any]) -> Values:
    """Return variables of TensorFlow with their values, which only a later assignment copies."""
    return [(variable, held_value(variable)) for variable in variables]


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
