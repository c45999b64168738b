"""A sweep as tidy tables: one row a trial, an epoch, a session."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from sweep.console.results import as_frame
from sweep.experience.accounting import Work, session_ends
from sweep.experience.entries import Session, SessionEnd
from sweep.experience.log_csv import read_table
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot, TrainingView

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
ENDS = ("cut", "stopped", "outcome", "running")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would execute


def trial_table(sight: Snapshot) -> pd.DataFrame:
    """Return one row a trial, the best first.

    The columns are those of ``sweep.console.results.as_frame``, and after the parameters: ``epochs_trained``, ``sessions``,
    ``cuts``, ``trained_s`` (seconds), ``begun`` and ``ended`` (UTC), ``reason`` (why it is not finished), ``approximate``
    (why it may differ from an uninterrupted training).
    """
    table = sight.rows()
    frame = as_frame(table)
    by_number = {one.number: one for one in sight.trials}
    notes = []
    for row in table:
        trial = by_number[row["trial"]]
        work, entry, outcome = (
            sum((one.work for one in trial.parts), Work()),
            trial.known.entry,
            trial.best.record.outcome,
        )
        notes.append(
            {
                "epochs_trained": sum(len(one.curve) for one in trial.parts),
                "sessions": work.sessions,
                "cuts": work.cuts,
                "trained_s": round(work.trained_s, 3),
                "begun": entry.begun,
                "ended": entry.ended,
                "reason": outcome.reason if outcome else None,
                "approximate": "; ".join(
                    one.record.approximate_because or "" for one in trial.parts
                ).strip("; ")
                or None,
            }
        )
    more = pd.DataFrame(notes, columns=NOTES)
    frame = frame.rename(
        columns={name: f"parameters.{name}" for name in frame.columns if name in NOTES}
    )
    return pd.concat([frame, more], axis=1)


def epoch_table(sight: Snapshot) -> pd.DataFrame:
    """Return one row an epoch of each experience, by its first trial.

    The columns are ``id_experience``, ``trial``, ``state``, and those of ``log.csv``: ``epoch`` (from 0) and the metrics.
    """
    rows = [
        {**row, "id_experience": one.experience.id, "trial": one.trial, "state": str(one.state)}
        for one in _by_trial(sight)
        for row in _log_of(one)
    ]
    first = ["id_experience", "trial", "state"]
    metrics = dict.fromkeys(name for row in rows for name in row if name not in first)
    frame = pd.DataFrame(rows, columns=[*first, *metrics])
    for name in frame.columns.difference(["id_experience", "state"]):
        frame[name] = _numbers(frame[name])
    return frame


def _numbers(texts: pd.Series) -> pd.Series:
    """Return what the texts say, NaN where it is no number; integers stay integers."""
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.dtype.kind != "f":
        return numbers
    # pandas 2 reads the last bit of a number wrong, Python never does.
    return texts.where(numbers.notna()).map(float, na_action="ignore").astype(float)


def sessions(sight: Snapshot) -> list[dict[str, Any]]:
    """Return one row a session of each experience, by its first trial.

    The keys are ``id_experience``, ``trial``, ``session`` (from 0), ``begun`` and ``ended`` (UTC), ``how`` (it ended:
    cut, stopped, outcome, running), ``from_epoch`` and ``to_epoch`` (with the fraction that its batches are).
    """
    return [row for one in _by_trial(sight) for row in _sessions_of(one)]


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table for a spreadsheet: a text that it would execute, which may come from anybody, is quoted."""

    def quote(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell

    quoted = frame.astype(object).map(quote)
    quoted.columns = pd.Index([quote(name) for name in frame.columns])
    return quoted


def _by_trial(sight: Snapshot) -> list[TrainingView]:
    return sorted(sight.trainings, key=lambda one: one.trial)


def _log_of(one: TrainingView) -> list[dict[str, str]]:
    """Return the whole rows of ``log.csv``; one that is being written just now is none."""
    if not one.curve:
        return []
    return read_table(one.experience.log, len(one.curve))


def _sessions_of(one: TrainingView) -> Iterator[dict[str, Any]]:
    ends = session_ends(one.record, one.pulse)
    for number, (session, end) in enumerate(zip(one.record.sessions, ends, strict=True)):
        how = end.how if session.ended else _how_it_ended(one)
        begun = datetime.fromisoformat(session.begun)
        yield {
            "id_experience": one.experience.id,
            "trial": one.trial,
            "session": number,
            "begun": begun,
            "ended": begun + timedelta(seconds=end.trained_s),
            "how": how if how in ENDS else "stopped",  # a newer version may know others
            "from_epoch": _position(session, session),
            "to_epoch": _position(end, session),
        }


def _how_it_ended(one: TrainingView) -> str:
    """Return how a session ended that does not say so: it runs, or was cut off."""
    return "running" if one.state is State.RUNNING else "cut"


def _position(where: Session | SessionEnd, session: Session) -> float:
    return float(where.epoch + (where.batch / session.batches if session.batches else 0))
