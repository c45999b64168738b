"""The rows of a sweep in other forms, and the best of them."""

import json
from typing import TYPE_CHECKING

from sweep.errors import SweepError
from sweep.log import Best
from sweep.watch import Row, Sight, Training

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("trial", "id_experience", "state", "val_acc", "epoch", "parameters")


def best_of(sight: Sight) -> tuple[Training, Best]:
    """Return the best of the finished trainings, and the best of its epochs.

    Raises:
        SweepError: none is finished yet, or the best one has lost its model.
    """
    training = sight.best()
    if not training or not training.best:
        raise SweepError(f"{sight.root} has no finished experience yet: see sweep status, and let sweep run end a training.")
    outcome, model = training.record.outcome, training.experience.meilleur
    if outcome and outcome.model and not model.exists():
        raise SweepError(f"{model} is missing: sweep run trains it again.")
    return training, training.best


def as_frame(table: list[Row]) -> "pd.DataFrame":
    """Return the rows as a DataFrame, with a column for each parameter.

    A parameter that has the name of another column is ``parameters.<name>``.
    """
    import pandas as pd

    columns = [name for name in COLUMNS if name != "parameters"]
    known = pd.DataFrame(table, columns=columns).astype({"trial": "Int64", "epoch": "Int64"})
    names = list(dict.fromkeys(name for row in table for name in row["parameters"]))
    # A column with gaps stays as it is: pandas would make 16384.0 of an integer.
    values = {name: [row["parameters"].get(name) for row in table] for name in names}
    series = [pd.Series(column, dtype=object if None in column else None) for column in values.values()]
    titles = [f"parameters.{name}" if name in columns else name for name in names]
    return pd.concat([known, *series], axis=1).set_axis([*columns, *titles], axis=1)


def as_json(table: list[Row]) -> str:
    """Return the rows as a JSON array of objects."""
    return json.dumps([{name: row[name] for name in COLUMNS} for row in table], indent=2, ensure_ascii=False)


def as_csv(table: list[Row]) -> str:
    """Return the rows as CSV; the parameters are one column of JSON."""
    import pandas as pd

    frame = pd.DataFrame(table, columns=list(COLUMNS)).astype({"trial": "Int64", "epoch": "Int64"})
    frame["parameters"] = [json.dumps(row["parameters"], ensure_ascii=False) for row in table]
    return str(frame.to_csv(index=False)).rstrip("\n")
