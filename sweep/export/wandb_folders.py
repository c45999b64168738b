"""Runs as offline runs of Weights & Biases, which ``wandb sync`` sends."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# wandb would report its errors to its makers.
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import wandb

from sweep.export.runs import Run

WRITING = ".sweep-export"  # where a run is written until it is whole
DIGEST = "sweep.digest"


class WandbFolders:
    """A folder with an offline run for each experience, as ``wandb.init(dir=…)`` makes them.

    A run's folder has a name of its own, made of its id and of when it began. What has changed is
    written again, whole, and takes the place of what was there: a run is in one folder.

    Args:
        folder: where they are, made with the first run.
        project: of Weights & Biases.
    """

    def __init__(self, folder: Path, project: str) -> None:
        self._folder, self._project = folder, project

    def write(self, run: Run) -> bool:
        """Write the whole folder of a run, if it is not there yet."""
        writing = self._folder / WRITING
        shutil.rmtree(writing, ignore_errors=True)  # what an export left that was killed
        there = self._folder / "wandb" / f"offline-run-{run.begun:%Y%m%d_%H%M%S}-{run.id}"
        digest = there / DIGEST
        if digest.is_file() and digest.read_text() == run.digest:
            return False
        writing.mkdir(parents=True)
        written = self._log(run, writing)
        (written / DIGEST).write_text(run.digest)
        shutil.rmtree(there, ignore_errors=True)
        there.parent.mkdir(exist_ok=True)
        written.rename(there)
        shutil.rmtree(writing)
        return True

    def close(self) -> None:
        """End the process by which wandb writes."""
        wandb.teardown()

    def _log(self, run: Run, folder: Path) -> Path:
        """Write an offline run into a folder, and return that of the run."""
        with _variables_of_wandb_unset():
            return self._log_here(run, folder)

    def _log_here(self, run: Run, folder: Path) -> Path:
        settings = wandb.Settings(
            mode="offline",
            silent=True,
            console="off",
            disable_code=True,
            disable_git=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_start_time=run.begun.timestamp(),
        )
        logged: Any = wandb.init(
            project=self._project,
            id=run.id,
            name=run.id,
            dir=folder,
            config=run.parameters,
            settings=settings,
            reinit="create_new",
        )
        for epoch, ended in enumerate(run.times):
            values = {name: values[epoch] for name, values in run.metrics.items()}
            logged.log({**values, "_timestamp": ended.timestamp()}, step=epoch)
        logged.summary.update(run.best)
        logged.summary["state"] = str(run.state)
        logged.finish(exit_code=0)
        return Path(logged.dir).parent


@contextlib.contextmanager
def _variables_of_wandb_unset() -> Iterator[None]:
    """Unset what names a run, a project or a sweep for the user's own trainings."""
    kept = {name: os.environ.pop(name) for name in [*os.environ] if _names_something(name)}
    try:
        yield
    finally:
        os.environ.update(kept)


def _names_something(name: str) -> bool:
    return name.startswith("WANDB_") and not name.endswith(("_REPORTING", "_DIR"))
