"""The rows of a sweep in other forms, and the best of them."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweep.errors import SweepError
from sweep.experience.record import State
from sweep.experience.snapshot import Row, Snapshot, TrialView
from sweep.system.plain_files import is_file
from sweep.wording import printable

if TYPE_CHECKING:
    import pandas as pd

# Of a sweep in which nothing is known yet; else they are the keys of its rows.
COLUMNS = ("trial", "id_experience", "state", "val_acc", "epoch", "parameters")
INTEGERS = {"trial": "Int64", "epoch": "Int64"}


def columns_of(table: list[Row]) -> list[str]:
    """Return the columns of a table of rows; where they came from is none of them."""
    return [name for name in (table[0] if table else COLUMNS) if name != "came_from"]


def best_of(sight: Snapshot) -> TrialView:
    """Return the best of the finished trials.

    Raises:
        SweepError: none is finished yet, none keeps the constraints, or the best one has lost its model.
    """
    trial = sight.best()
    if not trial:
        if sight.counts()[State.FINISHED]:
            raise SweepError(
                f"{sight.root} has no finished experience that keeps the constraints: see sweep results."
            )
        raise SweepError(
            f"{sight.root} has no finished experience yet: see sweep status, and let sweep run end a training."
        )
    outcome, model = trial.best.record.outcome, trial.best.experience.meilleur
    if outcome and outcome.model and not is_file(model):
        raise SweepError(f"{model} is missing: sweep run trains it again.")
    return trial


def approximations(sight: Snapshot, table: list[Row]) -> Iterator[str]:
    """Yield a line for each trial of a table that may differ from an uninterrupted one, with the reasons."""
    by_number = {trial.number: trial for trial in sight.trials}
    for row in table:
        for training in by_number[row["trial"]].parts:
            if training.record.approximate_because:
                name = f"trial {row['trial']} {training.experience.id}"
                yield f"{name} is approximate: {printable(training.record.approximate_because)}"


def as_frame(table: list[Row]) -> "pd.DataFrame":
    """Return the rows as a DataFrame, with a column for each parameter.

    A parameter that has the name of another column is ``parameters.<name>``.
    """
    import pandas as pd

    columns = [name for name in columns_of(table) if name != "parameters"]
    known = pd.DataFrame(table, columns=columns).astype(INTEGERS)
    names = list(dict.fromkeys(name for row in table for name in row["parameters"]))
    # A column with gaps stays as it is: pandas would make 16384.0 of an integer.
    values = {name: [row["parameters"].get(name) for row in table] for name in names}
    series = [
        pd.Series(column, dtype=object if None in column else None) for column in values.values()
    ]
    titles = [f"parameters.{name}" if name in columns else name for name in names]
    return pd.concat([known, *series], axis=1).set_axis([*columns, *titles], axis=1)


def as_json(table: list[Row]) -> str:
    """Return the rows as a JSON array of objects."""
    columns = columns_of(table)
    return json.dumps(
        [{name: row[name] for name in columns} for row in table], indent=2, ensure_ascii=False
    )


def as_csv(table: list[Row]) -> str:
    """Return the rows as CSV; the parameters, and the repeats, are one column of JSON each."""
    import pandas as pd

    frame = pd.DataFrame(table, columns=columns_of(table)).astype(INTEGERS)
    for name in {"parameters", "repeats"} & set(frame.columns):
        frame[name] = [json.dumps(row[name], ensure_ascii=False) for row in table]
    return str(frame.to_csv(index=False)).rstrip("\n")
