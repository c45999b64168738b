"""Checks on files of weights, which anybody may have written, before Keras reads them.

An HDF5 file can name other files in place of data. Their content would be read, and saved, as
weights. Newer versions of Keras check for that themselves; older ones check less.
"""

import contextlib
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py

from sweep.errors import SweepError
from sweep.experience.best_model import WEIGHTS, why_not_unpacked
from sweep.system import lent_files, plain_files
from sweep.training.h5py_errors import disk_errors

TEXT_BYTES = 16  # that a dataset has for each text of any length, which lies elsewhere in the file


class NotSelfContained(SweepError):
    """A file of weights names other files, or would be larger in memory than on the disk."""


@contextlib.contextmanager
def checked(weights: Path) -> Iterator[Path]:
    """Check that a file holds all of its weights, and yield a path to read it from.

    Raises:
        NotSelfContained: it does not hold them.
        OSError: it cannot be read.
    """
    with plain_files.reading(weights) as file, lent_files.lent(file, weights) as path:
        _refuse(weights, _why_not_read(path))
        yield path


@contextlib.contextmanager
def checked_model(model: Path) -> Iterator[Path]:
    """Check that a model's archive holds all of its weights, and yield a path to read it from.

    Raises:
        NotSelfContained: it does not hold them, or is not an archive of Keras.
        OSError: it cannot be read.
    """
    with plain_files.reading(model) as file, lent_files.lent(file, model) as path:
        _refuse(model, _why_not_loaded(file))
        yield path


def why_not_read(weights: Path) -> str | None:
    """Return in words why a file of weights must not be read, or None if it may be.

    Raises:
        OSError: it cannot be opened.
    """
    with plain_files.reading(weights) as file, lent_files.lent(file, weights) as path:
        return _why_not_read(path)


def _refuse(path: Path, why: str | None) -> None:
    if why:
        raise NotSelfContained(f"{path} {why}, so it is not read: move it away.")


def _why_not_loaded(file: BinaryIO) -> str | None:
    size = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            return why_not_unpacked(archive, size) or _why_not_read(
                io.BytesIO(archive.read(WEIGHTS))
            )
    except MemoryError:  # no fault of the file
        raise
    except Exception as error:  # noqa: BLE001 # zipfile raises many kinds for a broken file
        return f"is no archive with weights ({type(error).__name__})"


def _why_not_read(weights: Path | BinaryIO) -> str | None:
    size = weights.stat().st_size if isinstance(weights, Path) else weights.seek(0, io.SEEK_END)
    try:
        with disk_errors(), h5py.File(weights, "r") as file:
            return _why_foreign(file, size)
    except MemoryError:
        raise
    except Exception as error:  # h5py raises a dozen kinds for a torn file
        if isinstance(error, OSError) and error.errno:  # of the disk: the file may be whole
            raise
        return f"is no file of weights ({type(error).__name__})"


def _why_foreign(file: h5py.File, size: int) -> str | None:
    """Return in words what of the file's data lies outside it, or None."""
    held_bytes, seen, groups = 0, {_address(file)}, [file]
    while groups:
        group = groups.pop()
        for name in group:
            where = f"{group.name}/{name}".replace("//", "/")
            if type(group.get(name, getlink=True)) is not h5py.HardLink:
                return f"has a link at {where}"
            item = group[name]
            if _address(item) in seen:
                return f"has {where} twice"
            seen.add(_address(item))
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif not isinstance(item, h5py.Dataset) or not _is_within(item):
                return f"has its data of {where} elsewhere"
            else:
                held_bytes += item.id.get_storage_size()
    return "holds less than it says" if held_bytes > size else None


def _address(item: Any) -> Any:
    return h5py.h5o.get_info(item.id).addr


def _is_within(dataset: h5py.Dataset) -> bool:
    """Return whether the data lie in this file, in one piece and in their full size."""
    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5py.h5d.CONTIGUOUS or properties.get_external_count():
        return False
    if dataset.shape is None:  # an empty dataset, which has a type only
        return True
    is_text = h5py.check_string_dtype(dataset.dtype)
    if dataset.dtype.hasobject and not is_text:  # references: Keras writes none
        return False
    item_bytes = TEXT_BYTES if dataset.dtype.hasobject else dataset.id.get_type().get_size()
    return bool(dataset.id.get_storage_size() == math.prod(dataset.shape) * item_bytes)
