"""What the best experiences have logged in each epoch: every metric, of training and validation."""

from sweep.experience.logged_metrics import logged_metrics
from sweep.experience.snapshot import Snapshot

MOST_EXPERIENCES = 60  # a page with all metrics of more would be slow to load
MOST_METRICS = 50
VALIDATION = "val_"

# By the id of an experience, the values of each of its metrics, by epoch; NaN where it has none.
EpochLogs = dict[str, dict[str, list[float]]]


def epoch_logs_of(snapshot: Snapshot) -> EpochLogs:
    """Return what the experiences of the best trials have logged, the best first."""
    best = {trial.best.experience.id: trial.best for trial in snapshot.ranked}
    trained = [training for training in best.values() if training.curve]
    return {one.experience.id: logged_metrics(one) for one in trained[:MOST_EXPERIENCES]}


def metrics_in(logs: EpochLogs) -> list[str]:
    """Return the names of the metrics, in the order in which they were logged: the first fifty."""
    return list(dict.fromkeys(name for log in logs.values() for name in log))[:MOST_METRICS]


def pairs_in(logs: EpochLogs, first: str) -> list[tuple[str, str]]:
    """Return the metrics that are logged for training and for validation, as pairs.

    The pair of the metric ``first`` comes first, and that of the loss next.
    """
    names = metrics_in(logs)
    pairs = [(name, f"{VALIDATION}{name}") for name in names if f"{VALIDATION}{name}" in names]
    return sorted(pairs, key=lambda pair: (first not in pair, "loss" not in pair))
