"""The targets of an export, by their names."""

import contextlib
import fcntl
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sweep.console.progress import Progress
from sweep.errors import Misuse, SweepError
from sweep.experience.snapshot import Snapshot
from sweep.export.runs import Target, runs_of
from sweep.names import EXPORTS
from sweep.system import plain_files
from sweep.system.host import cache_folder
from sweep.system.installed import is_of_sweep
from sweep.wording import first_line, without_password

LOCK = "export.lock"


class Exported(NamedTuple):
    """How many experiences are where they were exported to, and of how many something was new."""

    where: str
    runs: int
    new: int


def export(snapshot: Snapshot, name: str, kind: str, where: str, progress: Progress) -> Exported:
    """Export each experience that has trained an epoch; what is there already is left as it is.

    Args:
        snapshot: of the sweep.
        name: of the search space, which names the experiment or project there.
        kind: one of ``EXPORTS``.
        where: a folder, or for MLflow a URI.
        progress: shows how many are exported.

    Raises:
        Misuse: there is no such kind, or its package is not installed.
        SweepError: MLflow cannot be reached.
    """
    runs, new, shown = runs_of(snapshot), 0, without_password(where)
    with (
        _alone(),
        _errors_in_a_sentence(kind, shown),
        contextlib.closing(_opened(kind, where, name)) as target,
        progress.count(f"exporting to {shown}", len(runs)) as done,
    ):
        for run in runs:
            new += target.write(run)
            done()
    return Exported(shown, len(runs), new)


def _opened(kind: str, where: str, name: str) -> Target:
    if kind not in EXPORTS:
        raise Misuse(f"{kind!r} is none of {', '.join(EXPORTS)}.")
    try:
        return OPEN[kind](where, name)
    except ModuleNotFoundError as error:
        library = kind.partition("-")[0]
        package = f"'keras-sweep[{library}]'" if error.name == library else error.name
        raise Misuse(
            f"--to {kind} needs {error.name}, which is not installed: pip install {package}."
        ) from error


def _tensorboard(where: str, name: str) -> Target:  # noqa: ARG001
    from sweep.export.tensorboard_files import TensorBoardFiles

    return TensorBoardFiles(Path(where))


def _mlflow(where: str, name: str) -> Target:
    if "://" not in where:
        raise Misuse(
            f"{where} is no URI: give mlflow such as sqlite:///mlflow.db or http://localhost:5000."
        )
    from sweep.export.mlflow_runs import MlflowRuns

    return MlflowRuns(where, name)


def _wandb(where: str, name: str) -> Target:
    from sweep.export.wandb_folders import WandbFolders

    return WandbFolders(Path(where), name)


OPEN: dict[str, Callable[[str, str], Target]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb-offline": _wandb,
}


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other export of this user runs: two at once could write a run twice."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # a cache that cannot be written locks nothing
            plain_files.make_folder(cache_folder())
            lock = held.enter_context(plain_files.changing(cache_folder() / LOCK))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _errors_in_a_sentence(kind: str, where: str) -> Iterator[None]:
    """Tell an error of the library, or of what it uses, in one sentence; ours pass through."""
    try:
        yield
    except (SweepError, OSError):
        raise
    except Exception as error:
        if is_of_sweep(traceback.extract_tb(error.__traceback__)[-1].filename):
            raise
        why = without_password(first_line(error)).rstrip(".")
        raise SweepError(f"{where}: {kind} cannot write there ({why}).") from error
