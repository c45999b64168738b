"""What a sweep is asked to do: the options of ``sweep run``, each once, checked.

The fields are also the keyword arguments of ``sweep.run`` and of ``sweep.Sweep``, with the texts
that the command line shows for them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweep.choice import Choice
from sweep.errors import Misuse
from sweep.names import PRUNERS, SAMPLERS, SCHEDULERS

# The smallest value of each integer option.
LEAST = {
    "trials": 0,
    "epochs": 1,
    "workers": 0,
    "seed": 0,
    "threads": 1,
    "save_freq": 1,
    "repeats": 1,
    "keep_backups": 0,
    "patience": 1,
    "epochs_total": 1,
    "finish": 0,
}
# Also of a trial in somebody else's folders, which is trained that often.
MOST_REPEATS = 100
# Of trials, or of epochs: a study, a figure and a table hold each of them.
MOST_ROWS = 100_000


# The groups of options in the help of the command line.
SEARCH, TRAINING, ENDS, FOLDERS = "The search", "The trainings", "Its end", "Its folders"


def says(group: str, text: str, in_script: str = "") -> dict[str, str]:
    """Return the metadata of a field: what the command line says of it, and ``help`` in Python."""
    return {"group": group, "text": text, "in_script": in_script or text}


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What is tried."""

    trials: int = field(
        default=20,
        metadata=says(SEARCH, "Total number of trials, with those of restarts, merge and extend."),
    )
    epochs: int | None = field(
        default=None, metadata=says(SEARCH, "Epochs of a training, instead of those in FIXED.")
    )
    seed: int = field(
        default=0, metadata=says(SEARCH, "Seed of the proposals; FIXED has the seed of a training.")
    )
    sampler: str = field(
        default="tpe", metadata=says(SEARCH, f"How to propose: {', '.join(SAMPLERS)}.")
    )
    pruner: str = field(
        default="none",
        metadata=says(SEARCH, f"When to end a training early: {', '.join(PRUNERS)}."),
    )
    scheduler: str = field(
        default="none",
        metadata=says(
            SEARCH,
            f"When to pause a training, and whom to take further: {', '.join(SCHEDULERS)}.",
        ),
    )
    unprune: Sequence[str] = field(
        default=(),
        metadata=says(
            SEARCH,
            "Resume a pruned experience; may be repeated.",
            "Ids of pruned experiences to resume, or their first digits.",
        ),
    )
    repeats: int = field(
        default=1,
        metadata=says(
            SEARCH, "Trainings of each proposal, which differ in their seed; their median counts."
        ),
    )
    enqueue: str | Path | None = field(
        default=None,
        metadata=says(
            SEARCH,
            "JSON or CSV file of proposals to try first; the sampler proposes what one leaves out.",
        ),
    )
    warm_start: str | Path | None = field(
        default=None,
        metadata=says(
            SEARCH,
            "Root or SPACE of another sweep: try its best 5 proposals first, as far as they fit. "
            "For a root of the same SPACE, use merge.",
        ),
    )
    target: float | None = field(
        default=None, metadata=says(ENDS, "Start no trial once this value is reached.")
    )
    patience: int | None = field(
        default=None, metadata=says(ENDS, "Start no trial after N without a better one.")
    )
    epochs_total: int | None = field(
        default=None,
        metadata=says(ENDS, "Begin no training, and take none further, after N epochs in all."),
    )
    finish: int | None = field(
        default=0,
        metadata=says(
            ENDS,
            "At the end, train to their last epochs those of the best K that are paused.",
            "How many of the best are finished at the end, if they are paused; None is all.",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How, where and how long it is trained, and where the study is."""

    workers: int = field(
        default=0,
        metadata=says(
            TRAINING,
            "Trainings at the same time.  [default: 1; on a cluster as many as it takes]",
            "Trainings at the same time; 0 is 1, or on a cluster as many as it takes.",
        ),
    )
    cluster: str | None = field(
        default=None,
        metadata=says(
            TRAINING, "Train on the workers of this Dask scheduler, such as tcp://host:8786."
        ),
    )
    keep_data: bool = field(
        default=True,
        metadata=says(
            TRAINING,
            "Call load_data for each training. Otherwise it is called once a run, or once for each "
            "set of values that it reads, and the data are kept in ~/.cache/sweep meanwhile.",
            "Call load_data once a run, or once for each set of values that it reads, and keep the "
            "data in ~/.cache/sweep meanwhile; False calls it for each training.",
        ),
    )
    threads: int | None = field(
        default=None,
        metadata=says(
            TRAINING,
            "Threads of a training, also when it resumes.  [default: cores / workers]",
            "Threads of a training, also when it resumes; None is cores / workers.",
        ),
    )
    save_freq: int | None = field(
        default=None,
        metadata=says(
            TRAINING,
            "The most batches that a cut may lose; the training waits for such a backup."
            "  [default: the clock decides, by what a backup costs]",
            "The most batches that a cut may lose; None lets the clock decide, by the cost.",
        ),
    )
    drive_gb: float = field(
        default=20.0,
        metadata=says(TRAINING, "The most GB that backups write to a Google Drive in an hour."),
    )
    timeout_s: float | None = field(
        default=None,
        metadata=says(
            ENDS,
            "Time to spend on training, over all sessions.",
            "Seconds to spend on training, over all sessions.",
        ),
    )
    deadline_s: float | None = field(
        default=None,
        metadata=says(
            ENDS,
            "Length of this session, such as 11h30m: save and stop before it is over.",
            "Seconds of this session: save and stop before it is over.",
        ),
    )
    keep_backups: int | None = field(
        default=None,
        metadata=says(
            FOLDERS,
            "Backups of finished experiences to keep; extend resumes from them.",
            "How many of the best finished experiences keep their backups; None is all.",
        ),
    )
    accept_change: bool = field(
        default=False, metadata=says(TRAINING, "Resume even though the code of SPACE was changed.")
    )
    storage: str | None = field(
        default=None,
        metadata=says(FOLDERS, "Any storage that Optuna takes, instead of a journal file."),
    )
    study_dir: str | Path | None = field(
        default=None,
        metadata=says(
            FOLDERS,
            "Local folder for the study.  [default: ROOT; on a Google Drive ~/.cache/sweep]",
            "Local folder for the study; None is the root, and on a Google Drive ~/.cache/sweep.",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions, SearchOptions):
    """The options of ``sweep run``."""


@dataclass(frozen=True)
class ExtendOptions(TrainingOptions):
    """The options of ``sweep extend``."""

    epochs: int = field(metadata=says(SEARCH, "Total epochs of the longer trainings."))
    best: int | None = field(
        default=None, metadata=says(SEARCH, "Extend the N best only, instead of all.")
    )


@dataclass(frozen=True)
class RetryOptions(TrainingOptions):
    """The options of ``sweep retry``."""

    ids: Sequence[str] | None = field(
        default=None,
        metadata=says(SEARCH, "Those of failed experiences, or their first digits; None is all."),
    )


@dataclass(frozen=True)
class ResumeOptions(TrainingOptions):
    """The options of ``sweep resume``."""

    ids: Sequence[str] = field(
        default=(),
        metadata=says(SEARCH, "Those of paused or interrupted experiences, or their first digits."),
    )
    finish: int | None = field(
        default=0,
        metadata=says(SEARCH, "How many of the best, if they are paused; None is all."),
    )


@dataclass(frozen=True)
class Settings(Options):
    """The options of ``sweep run``, with the sweep that they are for."""

    space: str | Path = field(
        metadata=says(FOLDERS, "A name in search_spaces/, or the path of a Python file.")
    )
    root: str | Path | None = field(
        default=None,
        metadata=says(FOLDERS, "Folder of the sweep, told from the project of SPACE."),
    )

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            Misuse: a value has another type, is too small or too large, or is an unknown name.
        """
        for name, least in LEAST.items():
            self._check_integer(name, least)
        if self.repeats > MOST_REPEATS:
            raise Misuse(f"repeats is {self.repeats}: give an integer up to {MOST_REPEATS}.")
        Choice.read("sampler", self.sampler, SAMPLERS)
        Choice.read("pruner", self.pruner, PRUNERS)
        Choice.read("scheduler", self.scheduler, SCHEDULERS)
        if self.scheduler != "none" and self.pruner != "none":
            raise Misuse(
                f"scheduler is {self.scheduler!r} and pruner is {self.pruner!r}: leave one out, "
                "for what a pruner has ended is not taken further."
            )
        if not isinstance(self.unprune, Sequence) or isinstance(self.unprune, str):
            raise Misuse(f"unprune is {self.unprune!r}: give a list of ids.")
        for name in ("timeout_s", "deadline_s", "target"):
            self._check_number(name)

    def _check_integer(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise Misuse(f"{name} is {value!r}: give an integer from {least} on.")

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise Misuse(f"{name} is {value!r}: give a number.")
        if name != "target" and value <= 0:
            raise Misuse(f"{name} is {value!r}: give seconds, more than 0.")
