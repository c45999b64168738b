"""The data of a search space: loaded in this process, or mapped from where its run keeps them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import keras
import numpy as np
from rich.filesize import decimal

from sweep.experience.known_data import DataIdentity
from sweep.space.noted_parameters import NotedParameters
from sweep.space.search_space import SearchSpace
from sweep.training.data import kept_data, module_globals, opened_files
from sweep.training.data.arrays import SEED, Data, check_data, digest_of, is_arrays
from sweep.training.data.as_array import DataWrong
from sweep.training.data.kept_data import new_set
from sweep.training.data.run_cache import folder_of

MUCH_BYTES = 10**9  # on the disk, from which on the user is told


@dataclass(frozen=True)
class LoadedData:
    """The data, and where they came from.

    Attributes:
        data: of the training and of its validation.
        parameters: those that ``load_data`` got; a stream may still read them.
        digest: of the arrays; None if it is not known.
        files: the first of ``count`` files.
    """

    data: Data
    parameters: NotedParameters
    digest: str | None
    files: list[opened_files.DataFile]
    count: int


def load_data(
    space: SearchSpace, parameters: NotedParameters, run: str | None = None
) -> LoadedData:
    """Return the data of the training and of its validation.

    They are NumPy arrays, whose floats are of Keras's float type, or streams.

    Args:
        space: with the ``load_data`` that is called, if the run keeps nothing.
        parameters: of the training.
        run: may keep the data on this host. Then its trainings get the same arrays, mapped into
            memory read-only, one copy for all, and the globals that ``load_data`` has set.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
    """
    return (run and _kept_by(run, parameters)) or load_here(space, parameters)


def load_here(space: SearchSpace, parameters: NotedParameters) -> LoadedData:
    """Return what ``load_data`` of the search space returns in this process.

    Raises:
        DataWrong: it cannot be trained on.
    """
    keras.utils.set_random_seed(SEED)
    with module_globals.keeping_layer_names(), opened_files.noting_opened_files() as paths:
        data = check_data(space.load_data(parameters))
    return LoadedData(data, parameters, None, opened_files.files_of(paths), len(paths))


@contextlib.contextmanager
def wrong_for_these(parameters: NotedParameters) -> Iterator[None]:
    """Let data that are wrong for parameters that were read fail one training, and not the sweep.

    Raises:
        DataWrong: the data are wrong, and no parameter was read.
        ValueError: they are wrong, and others may not be.
    """
    try:
        yield
    except DataWrong as error:
        if parameters.read():
            raise ValueError(str(error)) from error
        raise


def identify(loaded: LoadedData, compared: list[Any]) -> DataIdentity:
    """Return the identity of the data, as a record has it.

    Args:
        loaded: the data.
        compared: for the training and for the validation, the arrays, or the first batches of a
            stream.
    """
    digest = loaded.digest or digest_of(compared)
    read = loaded.parameters.read()
    return {
        "digest": digest,
        "files": loaded.files,
        "count": loaded.count,
        **({"read": read} if read else {}),
    }


def load_and_keep(space: SearchSpace, parameters: NotedParameters, run: str) -> str | None:
    """Load data for a run and keep them on this disk, once for all of its trainings here.

    They are for the trainings of which ``load_data`` would read the same. Each training loads for
    itself what cannot be kept: streams, data beside which ``load_data`` sets a global that is more
    than plain values, and data that the disk has no room for.

    Returns:
        A sentence for the user about the disk space that the data take, or None.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
    """
    folder = folder_of(run)
    keras.utils.set_random_seed(SEED)
    before = module_globals.ModulesBefore(space.source.modules)
    loaded = load_here(space, parameters)
    arrays: dict[str, np.ndarray] = {}
    changes = before.changes(arrays)
    if changes is None or not all(map(is_arrays, loaded.data)):
        new_set(folder, None).publish()  # for all parameters: others would be loaded in vain
        return None
    return _keep(loaded, {"data": loaded.data, "changes": changes, "arrays": arrays}, run)


def _keep(loaded: LoadedData, content: dict[str, Any], run: str) -> str | None:
    """Keep data, and the globals beside them, where there is room; return what the user is told."""
    folder, parameters = folder_of(run), loaded.parameters
    leaves = [*keras.tree.flatten(loaded.data), *content["arrays"].values()]
    size = sum(array.nbytes for array in leaves)
    room = kept_data.make_room(folder, size)
    if size > room.most:
        keep_nothing(parameters, run)
        return (
            f"each training loads its data: they take {decimal(size)}, and at most "
            f"{decimal(room.most)}, half of what is free, are kept in {folder.parent}"
        )
    kept = new_set(folder, parameters.read(), identify(loaded, list(loaded.data)))
    try:
        joblib.dump(content, kept.arrays)
        kept.publish()
    except OSError:  # each training loads them
        kept.remove()
        keep_nothing(parameters, run)
        return None
    if not room.taken <= MUCH_BYTES < room.taken + size:
        return None
    return (
        f"{decimal(room.taken + size)} of data are kept in {folder.parent} while the sweep runs, "
        f"and at most {decimal(room.most)}"
    )


def keep_nothing(parameters: NotedParameters, run: str) -> None:
    """Let each training load data of which ``load_data`` has read the same so far."""
    with contextlib.suppress(OSError):
        folder = folder_of(run)
        kept_data.make_room(folder, 0)
        new_set(folder, parameters.read()).publish()


def _kept_by(run: str, parameters: NotedParameters) -> LoadedData | None:
    """Return what a loader of the run has kept, or None if it kept nothing, or that is gone."""
    kept = kept_data.find(folder_of(run), parameters)
    if not (kept and kept.identity):
        return None
    with contextlib.suppress(OSError):
        content = joblib.load(kept.arrays, mmap_mode="r")
        module_globals.set_globals(content["changes"], content["arrays"])
        parameters.note(kept.read)
        identity = kept.identity
        return LoadedData(
            content["data"], parameters, identity["digest"], identity["files"], identity["count"]
        )
    return None
