"""A sweep as tidy tables: one row per trial, one row per epoch."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from sweep.console.results import as_frame
from sweep.experience.accounting import Work
from sweep.experience.log_csv import read_table
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView, TrialView

# The columns after those of the results.
NOTES = [
    "epochs_trained",
    "sessions",
    "cuts",
    "trained_s",
    "begun",
    "ended",
    "reason",
    "approximate",
]
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet executes a cell that begins with these


def trial_table(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row per trial, the best first.

    The columns are those of ``sweep.console.results.as_frame``, followed by ``epochs_trained``,
    ``sessions``, ``cuts``, ``trained_s`` (seconds), ``begun`` and ``ended`` (UTC), ``reason`` (why
    the trial is not finished) and ``approximate`` (why it may differ from an uninterrupted
    training).
    """
    notes = pd.DataFrame([_notes_of(trial) for trial in snapshot.ranked], columns=NOTES)
    results = as_frame(snapshot.rows())
    results = results.rename(
        columns={name: f"parameters.{name}" for name in results.columns if name in NOTES}
    )
    return pd.concat([results, notes], axis=1)


def _notes_of(trial: TrialView) -> dict[str, Any]:
    work = sum((training.work for training in trial.trainings), Work())
    entry, outcome = trial.trial_record.entry, trial.best.record.outcome
    return {
        "epochs_trained": sum(len(training.curve) for training in trial.trainings),
        "sessions": work.sessions,
        "cuts": work.cuts,
        "trained_s": round(work.trained_s, 3),
        "begun": entry.begun,
        "ended": entry.ended,
        "reason": outcome.reason if outcome else None,
        "approximate": trial.approximate_because or None,
    }


def epoch_table(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row per epoch of each experience, in the order of their first trials.

    The columns are ``id_experience``, ``trial``, ``state``, and those of ``log.csv``: ``epoch``
    (from 0) and the metrics.
    """
    rows = [
        {
            **row,
            "id_experience": training.experience.id,
            "trial": training.trial,
            "state": str(training.state),
        }
        for training in sorted(snapshot.trainings, key=lambda training: training.trial)
        for row in _log_of(training)
    ]
    first = ["id_experience", "trial", "state"]
    metrics = dict.fromkeys(name for row in rows for name in row if name not in first)
    frame = pd.DataFrame(rows, columns=[*first, *metrics])
    for name in frame.columns.difference(["id_experience", "state"]):
        frame[name] = _numbers(frame[name])
    return frame


def _log_of(training: TrainingView) -> list[dict[str, str]]:
    """Return the whole rows of ``log.csv``, without one that is just being written."""
    if not training.curve:
        return []
    return read_table(training.experience.log, len(training.curve))


def _numbers(texts: pd.Series) -> pd.Series:
    """Return the numbers in the texts, NaN where there is none; integers stay integers."""
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.dtype.kind != "f":
        return numbers
    # pandas 2 may read the last bit of a number wrong, Python never does.
    return texts.where(numbers.notna()).map(float, na_action="ignore").astype(float)


def harmless(frame: pd.DataFrame, decimal: Callable[[str], str]) -> pd.DataFrame:
    """Return the table for a spreadsheet: every text quoted that it would execute.

    The texts may come from anybody.

    Args:
        frame: any table.
        decimal: writes a number with the decimal mark of the spreadsheet's language.
    """

    def quote(cell: object) -> object:
        if isinstance(cell, float) and not math.isnan(cell):
            return decimal(repr(float(cell)))  # which pandas would write the same
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell

    quoted = frame.astype(object).map(quote)
    quoted.columns = pd.Index([quote(name) for name in frame.columns])
    return quoted
