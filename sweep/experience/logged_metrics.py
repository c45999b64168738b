"""What an experience has logged in each epoch: every metric, of training and of validation."""

from sweep.experience.log_csv import LACKING, read_table
from sweep.experience.views import TrainingView
from sweep.system.plain_files import NotPlain


def logged_metrics(training: TrainingView) -> dict[str, list[float]]:
    """Return the values of each metric by epoch; NaN where an epoch has none.

    There are fewer epochs than in the curve where a resume has cut the log back since.
    """
    try:
        rows = read_table(training.experience.log, len(training.curve))
    except (FileNotFoundError, NotPlain):
        return {}
    names = dict.fromkeys(name for row in rows for name in row if name != "epoch")
    return {name: [_number(row.get(name, LACKING)) for row in rows] for name in names}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:  # a vector, or a word of a callback
        return float("nan")
