"""The rows of a sweep as a DataFrame, JSON or CSV, and the best trial."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweep.errors import SweepError
from sweep.experience.record import State
from sweep.experience.snapshot import Row, Snapshot
from sweep.experience.views import TrialView
from sweep.system.plain_files import is_file
from sweep.wording import printable

if TYPE_CHECKING:
    import pandas as pd

# For a sweep without rows; otherwise the columns are the keys of its rows.
COLUMNS = ("trial", "id_experience", "state", "val_acc", "epoch", "parameters")
HIDDEN = ("came_from", "approximate")  # keys of a row that are no columns
APPROXIMATE = "≈"
MOST_NUMBERS = 20  # of trials without an experience, which are named
INTEGERS = {"trial": "Int64", "epoch": "Int64"}


def columns_of(table: list[Row]) -> list[str]:
    """Return the columns of a table of rows."""
    return [name for name in (table[0] if table else COLUMNS) if name not in HIDDEN]


def best_of(snapshot: Snapshot) -> TrialView:
    """Return the best of the finished trials.

    Raises:
        SweepError: no trial is finished yet, none keeps the constraints, or the model of the best
            one is missing.
    """
    trial = snapshot.best()
    if not trial:
        if snapshot.counts()[State.FINISHED]:
            raise SweepError(
                f"{snapshot.root} has no finished experience that keeps the constraints: "
                "see sweep results."
            )
        if snapshot.counts()[State.PAUSED]:
            raise SweepError(
                f"{snapshot.root} has no finished experience, but paused ones: "
                "finish the best of them by sweep resume SPACE --finish best:1."
            )
        raise SweepError(
            f"{snapshot.root} has no finished experience yet: "
            "see sweep status, and let sweep run finish a training."
        )
    outcome, model = trial.best.record.outcome, trial.best.experience.meilleur
    if outcome and outcome.model and not is_file(model):
        raise SweepError(f"{model} is missing: sweep run trains it again.")
    return trial


def untrained_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line for the trials that ``suggest`` has pruned, and one for those that it failed."""
    for state in (State.PRUNED, State.FAILED):
        numbers = [trial.number for trial in snapshot.untrained if trial.state is state]
        if numbers:
            yield f"{_counted(numbers)}, {state} in suggest, without an experience"


def approximations(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line for each reason why trials may differ from uninterrupted ones."""
    numbers: dict[str, list[int]] = {}
    for trial in snapshot.trials:
        reason = trial.approximate_because
        if reason:
            numbers.setdefault(reason, []).append(trial.number)
    for reason, trials in numbers.items():
        yield f"{APPROXIMATE} {_counted(trials)}, approximate: {printable(reason)}"


def _counted(numbers: list[int]) -> str:
    """Return how many trials there are, with the numbers of the first ones."""
    few = ", ".join(map(str, numbers[:MOST_NUMBERS]))
    more = f" and {len(numbers) - MOST_NUMBERS} more" if numbers[MOST_NUMBERS:] else ""
    return f"trial {few}" if len(numbers) == 1 else f"{len(numbers)} trials ({few}{more})"


def as_frame(table: list[Row]) -> "pd.DataFrame":
    """Return the rows as a DataFrame, with a column for each parameter.

    The column of a parameter that has the name of another column is ``parameters.<name>``.
    """
    import pandas as pd

    columns = [name for name in columns_of(table) if name != "parameters"]
    results = pd.DataFrame(table, columns=columns).astype(INTEGERS)
    names = list(dict.fromkeys(name for row in table for name in row["parameters"]))
    # A column with gaps keeps its objects: pandas would turn the integer 16384 into 16384.0.
    values = {name: [row["parameters"].get(name) for row in table] for name in names}
    parameters = [
        pd.Series(column, dtype=object if None in column else None) for column in values.values()
    ]
    titles = [f"parameters.{name}" if name in columns else name for name in names]
    return pd.concat([results, *parameters], axis=1).set_axis([*columns, *titles], axis=1)


def as_json(table: list[Row]) -> str:
    """Return the rows as a JSON array of objects."""
    columns = columns_of(table)
    return json.dumps(
        [{name: row[name] for name in columns} for row in table], indent=2, ensure_ascii=False
    )


def as_csv(table: list[Row]) -> str:
    """Return the rows as CSV, with the parameters and the repeats as one column of JSON each."""
    import pandas as pd

    frame = pd.DataFrame(table, columns=columns_of(table)).astype(INTEGERS)
    for name in {"parameters", "repeats"} & set(frame.columns):
        frame[name] = [json.dumps(row[name], ensure_ascii=False) for row in table]
    return str(frame.to_csv(index=False)).rstrip("\n")
