"""What a sweep was asked to do."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What ``sweep run`` was asked to do. ``timeout_s`` is in seconds, ``save_freq`` in batches.

    ``workers`` is how many trainings at once, 0 as many as the place is for; ``cluster`` is the address of a Dask scheduler;
    ``keep_data`` says whether data are kept on the disk of the host that trains.
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
    timeout_s: float | None = None
    target: float | None = None
    storage: str | None = None
    study_dir: Path | None = None
    keep_backups: int | None = None
    accept_change: bool = False
