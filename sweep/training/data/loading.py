"""The data of a search space: loaded in this process, or mapped from where its run keeps them."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import keras
import numpy as np
from rich.filesize import decimal

from sweep.space.search_space import SearchSpace
from sweep.training.data import module_globals, opened_files, run_cache
from sweep.training.data.arrays import SEED, Data, check_data, digest_of, is_arrays

MUCH_BYTES = 10**9  # on the disk, from which on the user is told
SHARE = 0.5  # of what is free there, which the data may take


@dataclass(frozen=True)
class LoadedData:
    """The data, the digest of their arrays (None if it is not known), and the files they came from.

    ``files`` are the first of ``count`` files.
    """

    data: Data
    digest: str | None
    files: list[opened_files.DataFile]
    count: int


def load_data(space: SearchSpace, run: str | None = None) -> LoadedData:
    """Return the data of the training and of its validation.

    They are NumPy arrays, whose floats are of Keras's float type, or streams.

    Args:
        space: with the ``load_data`` that is called, if the run keeps nothing.
        run: may keep the data on this host. Then its trainings get the same arrays, mapped into
            memory read-only, one copy for all, and the globals that ``load_data`` has set.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
    """
    return (run and _kept_by(run)) or load_here(space)


def load_here(space: SearchSpace) -> LoadedData:
    """Return what ``load_data`` of the search space returns in this process.

    Raises:
        DataWrong: it cannot be trained on.
    """
    keras.utils.set_random_seed(SEED)
    with module_globals.keeping_layer_names(), opened_files.noting_opened_files() as paths:
        data = check_data(space.load_data())
    return LoadedData(data, None, opened_files.files_of(paths), len(paths))


def identify(loaded: LoadedData, compared: list[Any]) -> dict[str, Any]:
    """Return the identity of the data, as a record has it.

    Args:
        loaded: the data.
        compared: for the training and for the validation, the arrays, or the first batches of a
            stream.
    """
    digest = loaded.digest or digest_of(compared)
    return {"digest": digest, "files": loaded.files, "count": loaded.count}


def load_and_keep(space: SearchSpace, run: str) -> str | None:
    """Load the data of a run and keep them on this disk, once for all of its trainings here.

    Each training loads for itself what cannot be kept: streams, data beside which ``load_data``
    sets a global that is more than plain values, and data that the disk has no room for.

    Returns:
        A sentence for the user about the disk space that the data take, or None.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
    """
    folder = run_cache.folder_of(run)
    keras.utils.set_random_seed(SEED)
    before = module_globals.ModulesBefore(space.source.modules)
    loaded = load_here(space)
    arrays: dict[str, np.ndarray] = {}
    changes = before.changes(arrays)
    if changes is None or not all(map(is_arrays, loaded.data)):
        run_cache.publish(folder, {})
        return None
    size = sum(array.nbytes for array in [*keras.tree.flatten(loaded.data), *arrays.values()])
    free = shutil.disk_usage(folder).free
    if size > SHARE * free:
        run_cache.publish(folder, {})
        return (
            f"each training loads its data: they take {decimal(size)}, and {decimal(free)} are "
            f"free in {folder.parent}"
        )
    path = folder / run_cache.DATA
    try:
        joblib.dump({"data": loaded.data, "changes": changes, "arrays": arrays}, path)
        run_cache.publish(folder, identify(loaded, list(loaded.data)))
    except OSError:  # each training loads them
        path.unlink(missing_ok=True)
        return None
    if size <= MUCH_BYTES:
        return None
    return f"{decimal(size)} of data are kept in {folder.parent} while the sweep runs"


def _kept_by(run: str) -> LoadedData | None:
    """Return what the loader of a run has kept, or None if it kept nothing, or that is gone."""
    folder = run_cache.folder_of(run)
    identity = run_cache.read_published(folder)
    if not identity:
        return None
    with contextlib.suppress(OSError):
        kept = joblib.load(Path(folder, run_cache.DATA), mmap_mode="r")
        module_globals.set_globals(kept["changes"], kept["arrays"])
        return LoadedData(kept["data"], **identity)
    return None
