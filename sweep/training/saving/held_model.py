"""A model held in memory as of one moment, and written later as the files of plain Keras.

Keras walks a model and writes each value at once, which stops the training for as long as the disk
takes. Here Keras walks it into memory. A value of a variable is not copied then: TensorFlow copies
a variable whose value is held once it is assigned, so the copy costs a pass through memory.

Keras offers that walk by the names of files only, so this module uses names that Keras does not
export. A test compares its files with those of ``model.save_weights`` and ``model.save``.
"""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras.src.saving import saving_lib

from sweep.system import zip_member
from sweep.training.state.arrays_file import add_arrays
from sweep.training.state.model_variables import layers_of
from sweep.training.state.packing import StateArrays
from sweep.training.state.variables import underlying

WEIGHTS = "model.weights.h5"  # the member of Keras's archive


class HeldGroup(dict[str, Any]):
    """The values of one layer, optimizer or metric, by name: what ``save_own_variables`` fills.

    Args:
        path: of its group in the file.
        metadata: of the group.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None) -> None:
        super().__init__()
        self.path, self.metadata = path, metadata

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, held_value(value))


class HeldWeights(saving_lib.H5IOStore):
    """The weights of a model, held until they are written; Keras takes it for its store."""

    def __init__(self) -> None:
        self._groups: list[HeldGroup] = []

    def __bool__(self) -> bool:
        return True

    def make(self, path: str, metadata: dict[str, Any] | None = None) -> HeldGroup:
        """Return the place of the values of a layer, for Keras to fill."""
        group = HeldGroup(path, metadata)
        self._groups.append(group)
        return group

    def write(self, file: BinaryIO, arrays: StateArrays | None = None) -> None:
        """Write a file of weights, and beside them these arrays.

        Raises:
            OSError: the disk is full or gone.
        """
        store = FileStore(file)
        for held in self._groups:
            group = store.make(held.path, metadata=held.metadata)
            for name, value in held.items():
                group[name] = value
        add_arrays(store.h5_file, arrays or {})
        store.close()


class FileStore(saving_lib.H5IOStore):
    """Keras's store of weights, in an open file.

    The file is one of Python, which lets the training go on while the disk writes; a file that HDF5
    opens itself does not.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        super().__init__(Path(WEIGHTS), mode="w")

    def _get_h5_file(self, path_or_io: Any, mode: str | None = None) -> h5py.File:
        return h5py.File(self._file, "w")


@dataclass(frozen=True)
class HeldModel:
    """A whole model: ``archive`` has all of its file but the weights."""

    archive: bytes
    weights: HeldWeights

    def write(self, file: BinaryIO) -> None:
        """Write the file that ``model.save`` would have written at the moment of ``hold_model``.

        Raises:
            OSError: the disk is full or gone.
        """
        file.write(self.archive)
        with zip_member.appended(file, WEIGHTS) as member:
            self.weights.write(member)


def hold_weights(model: keras.Model) -> HeldWeights:
    """Return what ``model.save_weights`` would write now."""
    weights = HeldWeights()
    _walk(model, weights, None)
    return weights


def config_of(model: keras.Model) -> dict[str, str]:
    """Return the texts in the file of a model, by their names."""
    config, metadata = saving_lib._serialize_model_as_json(model)  # noqa: SLF001 # see above
    return {"metadata.json": metadata, "config.json": config}


def hold_model(model: keras.Model, config: dict[str, str]) -> HeldModel:
    """Return what ``model.save`` would write now, with a ``config_of`` its own."""
    weights, content = HeldWeights(), io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in config.items():
            archive.writestr(name, text)
        assets = saving_lib.DiskIOStore("assets", archive=archive, mode="w")
        try:
            _walk(model, weights, assets)
        finally:
            assets.close()
    return HeldModel(content.getvalue(), weights)


def writes_in_its_own_way(model: keras.Model) -> bool:
    """Return whether the file of a model holds more than its variables, such as a vocabulary."""
    parts = [*layers_of(model), *model.metrics, getattr(model, "optimizer", None)]
    return any(hasattr(part, "save_assets") or _writes_own(part) for part in parts)


def _writes_own(part: Any) -> bool:
    method = getattr(type(part), "save_own_variables", None)
    return method is not None and not method.__module__.startswith("keras.")


def _walk(model: keras.Model, weights: HeldWeights, assets: Any) -> None:
    with _optimizers_are_held():
        saving_lib._save_state(model, weights, assets, "", set())  # noqa: SLF001 # see above


@contextlib.contextmanager
def _optimizers_are_held() -> Iterator[None]:
    """Let optimizers store their variables inside the block, of which Keras stores copies.

    These are two thirds of all values of a model.
    """
    copies = keras.optimizers.Optimizer.save_own_variables
    keras.optimizers.Optimizer.save_own_variables = _store_variables
    try:
        yield
    finally:
        keras.optimizers.Optimizer.save_own_variables = copies


def _store_variables(optimizer: keras.optimizers.Optimizer, store: dict[str, Any]) -> None:
    for number, variable in enumerate(optimizer.variables):
        store[str(number)] = variable


def held_value(value: Any) -> Any:
    """Return the value of a variable, or of an array, that no later assignment changes.

    It is in the memory of the host: that of a GPU may have no room for one copy more.
    """
    variable = underlying(value)
    tensor = variable.value() if isinstance(variable, tf.Variable) else variable
    if not isinstance(tensor, tf.Tensor):
        return np.array(keras.ops.convert_to_numpy(tensor))
    return tensor if tensor.device.endswith("CPU:0") else tensor.numpy()
