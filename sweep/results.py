"""The folders of a sweep as rows: one a trial, the best first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experience import Experience, experiences_in
from sweep.lease import shown_state
from sweep.log import LogUnreadable, best_val_acc, read_val_acc
from sweep.record import Record, State
from sweep.resume import read_record

COLUMNS = ("trial", "id_experience", "state", "val_acc", "epoch", "parameters")

Row = dict[str, Any]


def rows(root: Path, warn: Callable[[str], None], done: Callable[[], None] = lambda: None) -> list[Row]:
    """Return one row a trial, the best val_acc first; what is missing is None.

    The keys are those of ``COLUMNS``, and ``came_from``: the root that the experience was merged from.

    Args:
        root: of the sweep.
        warn: is told of every folder that cannot be read.
        done: is called after each folder.
    """
    found: list[Row] = []
    for experience in experiences_in(root):
        record = read_record(experience)
        if record:
            found += _rows_of(experience, record, warn)
        else:
            warn(f"{experience.record} is missing or torn, so its trial is not shown")
        done()
    return sorted(found, key=lambda row: (row["val_acc"] is None, -(row["val_acc"] or 0), row["trial"]))


def best_model(root: Path, table: list[Row]) -> Path:
    """Return the path of the best model of the finished experiences; ``table`` is what ``rows`` gave of ``root``.

    Raises:
        SweepError: no experience is finished yet, or the best one has lost its model.
    """
    for row in table:
        if row["state"] == State.FINISHED:
            best = Experience(root / row["id_experience"])
            record = read_record(best)
            if record and record.outcome and record.outcome.model and not best.meilleur.exists():
                raise SweepError(f"{best.meilleur} is missing: sweep run trains it again.")
            return best.meilleur
    raise SweepError(f"{root} has no finished experience yet: see sweep status, and let sweep run end a training.")


def as_json(table: list[Row]) -> str:
    """Return the rows as a JSON array of objects."""
    return json.dumps([{name: row[name] for name in COLUMNS} for row in table], indent=2, ensure_ascii=False)


def as_csv(table: list[Row]) -> str:
    """Return the rows as CSV; the parameters are one column of JSON."""
    import pandas as pd

    frame = pd.DataFrame(table, columns=list(COLUMNS)).astype({"trial": "Int64", "epoch": "Int64"})
    frame["parameters"] = [json.dumps(row["parameters"], ensure_ascii=False) for row in table]
    return str(frame.to_csv(index=False)).rstrip("\n")


def _rows_of(experience: Experience, record: Record, warn: Callable[[str], None]) -> list[Row]:
    try:
        best = best_val_acc(read_val_acc(experience.log))
    except LogUnreadable as error:
        warn(str(error))
        best = None
    return [
        {
            "trial": trial["number"],
            "id_experience": experience.id,
            "state": str(shown_state(experience, record)),
            "val_acc": best.val_acc if best else None,
            "epoch": best.epoch if best else None,
            "parameters": record.parameters,
            "came_from": trial.get("came_from"),
        }
        for trial in record.trials
    ]
