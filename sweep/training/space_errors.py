"""Errors that cross a training, sorted: of the search space, of our own files, or of a cache."""

import contextlib
import os
import traceback
from collections.abc import Iterator
from pathlib import Path

from sweep.errors import SweepError
from sweep.experience import backup_files, best_model, folder, position, resume_start
from sweep.experience.lease import Superseded
from sweep.space.mistakes import (
    PRUNED_BY_OPTION,
    SearchSpaceWrong,
    error_in_file,
    is_of_optuna,
    lines_in_file,
)
from sweep.system import files, lent_files, plain_files
from sweep.system.files import is_gone_for_a_while
from sweep.training import h5py_errors, hdf5, heartbeat_writer, session
from sweep.training.data import tf_cache_lock
from sweep.training.data.as_array import DataWrong
from sweep.training.endings import Diverged, NothingToTrain, Pruned, SearchSpaceRaised, Stopped
from sweep.training.protocol import End, Ending, Job
from sweep.training.saving import backup_writer, best_model_callback, held_model, log_callback

# The modules that write sweep's own files. Any other code that meets a full disk is the search
# space.
WRITERS = {
    str(module.__file__)
    for module in (
        *(backup_writer, best_model_callback, held_model, log_callback),
        *(h5py_errors, session, heartbeat_writer),
        *(folder, files, plain_files, lent_files, hdf5, best_model),
        *(backup_files, position, resume_start),
    )
}


@contextlib.contextmanager
def space_errors(job: Job) -> Iterator[None]:
    """Raise an error of the search space as ``SearchSpaceRaised``, and let our own ones pass.

    Raises:
        NothingToTrain: the cache of ``load_data`` is locked.
        SearchSpaceWrong: the search space has raised ``TrialPruned`` of Optuna's.
    """
    path = job.source.path
    try:
        yield
    except DataWrong as error:
        # A stream that was begun may be wrong for the values that ``load_data`` has read only.
        if job.record.data_identity and job.record.data_identity.get("read"):
            raise SearchSpaceRaised(f"{path.name}: {error}", error) from error
        raise DataWrong(f"{path}: {error}.") from error
    except (Stopped, NothingToTrain, Superseded, SweepError, Diverged, Pruned):
        raise
    except Exception as error:
        if is_of_optuna(type(error)) and type(error).__name__ == "TrialPruned":
            raise SearchSpaceWrong(
                f"{path}, {error_in_file(error, path)}: a training cannot prune its trial; "
                f"{PRUNED_BY_OPTION}."
            ) from error
        if isinstance(error, OSError) and _is_of_our_disk(error, job):
            raise
        if lock := tf_cache_lock.lock_in(error):
            raise NothingToTrain(_unlock(lock)) from error
        raise SearchSpaceRaised(f"{path.name}, {error_in_file(error, path)}", error) from error


def _is_of_our_disk(error: OSError, job: Job) -> bool:
    return is_gone_for_a_while(error) or _is_of_our_files(error, job)


def _is_of_our_files(error: OSError, job: Job) -> bool:
    """Return whether an error of the disk met sweep's own files, and none of the search space."""
    # The number of a descriptor, as of os.stat(3), names no file.
    if isinstance(error.filename, str | bytes | os.PathLike):
        return Path(os.fsdecode(error.filename)).is_relative_to(job.experience.path.parent)
    frames = traceback.extract_tb(error.__traceback__)
    is_ours = any(frame.filename in WRITERS for frame in frames)
    return is_ours and not lines_in_file(error, job.source.path)


def _unlock(lock: Path) -> End:
    """Remove a lock that a killed process has left, and return how this process ends."""
    if tf_cache_lock.is_left_behind(lock):
        tf_cache_lock.remove(lock)
        why = f"the cache that {lock} locks was being written when a training was cut off"
        return End(Ending.DIED, why)
    return End(Ending.GONE, f"another process writes the cache that {lock} locks")
