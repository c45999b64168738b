"""How well the best trials fit: each metric in training and in validation, side by side."""

from dataclasses import dataclass

from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.web.epoch_logs import EpochLogs, pairs_in

MOST_TRIALS, MOST_METRICS = 4, 2


@dataclass(frozen=True)
class Fit:
    """One metric of one trial, by epoch: in training and in validation."""

    trial: int
    id_experience: str
    metric: str
    training: list[float]
    validation: list[float]


def fits_of(snapshot: Snapshot, logs: EpochLogs) -> list[list[Fit]]:
    """Return a row for each of two metrics, with a cell for each of the best finished trials."""
    finished = [trial for trial in snapshot.ranked if trial.state is State.FINISHED]
    pairs = pairs_in(logs, snapshot.objectives[0].name)[:MOST_METRICS]
    rows = [
        [
            Fit(trial.number, name, trained, logs[name][trained], logs[name][validated])
            for trial in finished[:MOST_TRIALS]
            if {trained, validated} <= logs.get(name := trial.best.experience.id, {}).keys()
        ]
        for trained, validated in pairs
    ]
    return [row for row in rows if row]
