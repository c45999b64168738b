"""What a sweep was asked to do."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sweep.choice import Choice
from sweep.errors import Misuse
from sweep.experience.schemas import MOST_REPEATS

# The names of ``sweep.search.samplers`` and ``sweep.search.pruners``, once more: --help is to answer without importing Optuna.
SAMPLERS = ("tpe", "random", "cmaes", "grid", "qmc", "nsgaii", "brute_force", "gp")
PRUNERS = ("none", "median", "percentile", "successive_halving", "hyperband", "patient", "threshold")
# The least that these may be.
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
}


@dataclass(frozen=True)
class Settings:
    """What ``sweep run`` was asked to do. ``timeout_s`` and ``deadline_s`` are in seconds, ``save_freq`` in batches.

    ``workers`` is how many trainings at once, 0 as many as the place is for; ``cluster`` is the address of a Dask scheduler;
    ``keep_data`` says whether data are kept on the disk of the host that trains.
    ``repeats`` is how many experiences a trial leads to, which differ in their seed.
    ``enqueue`` is a file of proposals, JSON or CSV; ``warm_start`` is the root of another sweep, or its search space's name,
    whose best are enqueued. ``timeout_s`` is of training, over all sessions; ``deadline_s`` is the length of this session.
    Once ``target`` is reached, or after ``patience`` trials without a better value, no trial begins.
    ``sampler`` and ``pruner`` are as ``sweep.choice.Choice`` reads them; their options are known to ``sweep.search.samplers`` and
    ``sweep.search.pruners``. ``unprune`` has ids, or their beginnings, of pruned experiences that are to be taken up again.
    ``keep_backups`` is how many of the best finished experiences keep their backups; None is all of them.
    """

    space: str
    trials: int = 20
    epochs: int | None = None
    workers: int = 0
    cluster: str | None = None
    keep_data: bool = True
    root: Path | None = None
    seed: int = 0
    sampler: str = "tpe"
    pruner: str = "none"
    threads: int | None = None
    save_freq: int = 1000
    repeats: int = 1
    enqueue: Path | None = None
    warm_start: str | Path | None = None
    timeout_s: float | None = None
    deadline_s: float | None = None
    target: float | None = None
    patience: int | None = None
    storage: str | None = None
    study_dir: Path | None = None
    keep_backups: int | None = None
    accept_change: bool = False
    unprune: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raises Misuse for a number that is none or is too small, and for a name that nothing has."""
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise Misuse(f"{name} is {value!r}: give an integer from {least} on.")
        if self.repeats > MOST_REPEATS:
            raise Misuse(f"repeats is {self.repeats}: give an integer up to {MOST_REPEATS}.")
        Choice.read("sampler", self.sampler, SAMPLERS)
        Choice.read("pruner", self.pruner, PRUNERS)
        if not isinstance(self.unprune, Sequence) or isinstance(self.unprune, str):
            raise Misuse(f"unprune is {self.unprune!r}: give a list of ids.")
        for name in ("timeout_s", "deadline_s", "target"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value)):
                raise Misuse(f"{name} is {value!r}: give a number.")
            if value is not None and name != "target" and value <= 0:
                raise Misuse(f"{name} is {value!r}: give seconds, more than 0.")

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Settings":
        """Return the settings of these names and values.

        Raises:
            Misuse: a name is none of these; the message has the nearest.
        """
        names = [one.name for one in fields(cls)]
        for unknown in [name for name in options if name not in names]:
            near = difflib.get_close_matches(unknown, names, 1)
            mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(names[1:])}."
            raise Misuse(f"There is no option {unknown}: {mend}")
        paths = {name: Path(options[name]) for name in ("study_dir", "enqueue") if options.get(name) is not None}
        return cls(**{**options, **paths})
