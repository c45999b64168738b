"""``log.csv``: its whole rows, and the best epoch in them."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sweep.errors import SweepError
from sweep.settings import MOST_ROWS
from sweep.space.objectives import Objective
from sweep.system import plain_files

MOST_CHARACTERS = 100
LACKING = "NA"  # the cell of a metric that an epoch has not logged, as CSVLogger writes it
MOST_BYTES = 24 * 2**20
MOST_BYTES_OF_LINE = 2**16


class LogUnreadable(SweepError):
    """A ``log.csv`` that no training of sweep's can have written."""


class BestEpoch(NamedTuple):
    """The best value of a metric, and the first epoch (from 0) that reached it."""

    value: float
    epoch: int


def read_curve(path: Path, metric: str) -> list[float]:
    """Return a column of the whole rows of ``path``, by epoch; nothing where there is no such file.

    Where an epoch lacks the metric, its value is NaN.

    Raises:
        LogUnreadable: the header is foreign, or a row is not the next epoch.
    """
    try:
        log = plain_files.read(path)
    except (FileNotFoundError, plain_files.NotPlain):
        return []
    return curve_of(log, path, metric)


def curve_of(log: bytes, path: Path, metric: str) -> list[float]:
    """Return a column of the whole rows of ``log``, by epoch; ``path`` is for the error only.

    Raises:
        LogUnreadable: as for ``read_curve``.
    """
    header = check_header(log, path, metric)
    if not header:
        return []
    column, curve = header.index(metric), list[float]()
    try:
        for row in _rows(_whole_lines(log)[1:]):
            if len(row) != len(header) or int(row[0]) != len(curve):
                raise ValueError("its rows are not the epochs 0, 1, 2, … in full")
            curve.append(math.nan if row[column] == LACKING else float(row[column]))
    except (ValueError, csv.Error) as error:
        why = str(error)[:MOST_CHARACTERS]
        raise LogUnreadable(
            f"{path}: {why}; move this file away, and the next run resumes from the last backup, "
            "or trains it again."
        ) from error
    return curve


def read_table(path: Path, epochs: int) -> list[dict[str, str]]:
    """Return the rows of the first epochs as texts, by the names of their columns.

    A torn last row is left out.
    """
    header, *rows = _cells(_whole_lines(plain_files.read(path))[: epochs + 1]) or [[]]
    return [dict(zip(header, row, strict=False)) for row in rows]


def read_row(path: Path, epoch: int) -> dict[str, float]:
    """Return the numbers in the row of an epoch, by the names of their columns.

    Raises:
        LogUnreadable: there is no such row.
    """
    lines = _whole_lines(plain_files.read(path))
    cells = _cells([*lines[:1], *lines[epoch + 1 : epoch + 2]])
    if len(cells) != 2:
        raise LogUnreadable(
            f"{path} has no row of epoch {epoch}; "
            "move this file away, and the next run writes it again."
        )
    return {
        name: number
        for name, cell in zip(*cells, strict=False)
        if (number := _number(cell)) is not None
    }


def check_header(
    log: bytes, path: Path, metric: str, expected: list[str] | None = None
) -> list[str]:
    """Return the names of the columns of ``log``; none where its first line is torn.

    Raises:
        LogUnreadable: they are not those of a training that logs ``metric``, or not the
            ``expected`` ones.
    """
    _check_size(log, path)
    header = next(iter(_cells(_whole_lines(log)[:1])), [])
    if expected is None:
        is_foreign = header[:1] != ["epoch"] or metric not in header
    else:
        is_foreign = header != expected
    if header and is_foreign:
        columns = ", ".join(expected or ["epoch", "…", metric, "…"])
        raise LogUnreadable(
            f"{path}, line 1: the columns are {_shown(header)}, where this training writes "
            f"{columns}; move this foreign file away."
        )
    return header


def best_of(curve: Sequence[float], objective: Objective) -> BestEpoch | None:
    """Return the best value and its first epoch, or None where there is no epoch.

    ``ModelCheckpoint`` with the same mode takes the same epoch.
    """
    values = [value for value in curve if not math.isnan(value)]
    if not values:
        return None
    best = max(values) if objective.mode == "max" else min(values)
    return BestEpoch(best, curve.index(best))


def _shown(header: list[str]) -> str:
    """Return the header for an error, short and in ASCII: a foreign file may hold anything."""
    text = ascii(", ".join(header))[1:-1]
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _check_size(log: bytes, path: Path) -> None:
    """Refuse a log that is larger than any of sweep's, before it is parsed.

    Raises:
        LogUnreadable: it is.
    """
    line_ends = log.count(b"\n") + log.count(b"\r")  # a row has both
    is_too_long = len(log) > MOST_BYTES or line_ends > 2 * (MOST_ROWS + 1)
    if is_too_long or max(map(len, log.splitlines()), default=0) > MOST_BYTES_OF_LINE:
        raise LogUnreadable(
            f"{path} has more than {MOST_ROWS:,} rows, or one of more than {MOST_BYTES_OF_LINE:,} "
            f"bytes, or more than {MOST_BYTES:,} bytes: move this foreign file away."
        )


def _cells(lines: list[bytes]) -> list[list[str]]:
    try:
        return list(_rows(lines))
    except csv.Error as error:  # a cell of more than 128 KiB: whatever this is, it is no log
        return [[f"({error})"]]


def _rows(lines: list[bytes]) -> Iterator[list[str]]:
    return csv.reader(line.decode(errors="replace") for line in lines)


def _whole_lines(log: bytes) -> list[bytes]:
    return [line for line in log.splitlines(keepends=True) if line.endswith(b"\n")]
