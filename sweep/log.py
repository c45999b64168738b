"""``log.csv``: whole rows, and the best epoch in them."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sweep import plain_files
from sweep.aims import Aim
from sweep.errors import SweepError

MOST_CHARACTERS = 100


class LogUnreadable(SweepError):
    """A ``log.csv`` that no training of this project can have written."""


class Best(NamedTuple):
    """The best value of a column and the epoch (from 0) that reached it first."""

    value: float
    epoch: int


def read_curve(path: Path, metric: str) -> list[float]:
    """Return a column of each whole row of ``path``, by epoch; nothing where there is no such file.

    Raises:
        LogUnreadable: the header is foreign, or a row is not the next epoch.
    """
    try:
        log = plain_files.read(path)
    except (FileNotFoundError, plain_files.NotPlain):
        return []
    return curve_of(log, path, metric)


def curve_of(log: bytes, path: Path, metric: str) -> list[float]:
    """Return a column of each whole row of ``log``; ``path`` is only named in the error.

    Raises:
        LogUnreadable: as for ``read_curve``.
    """
    header = check_header(log, path, metric)
    rows = _cells(_whole_lines(log)[1:])
    if not rows:
        return []
    column = header.index(metric)
    try:
        epochs = [int(row[0]) for row in rows]
        curve = [float(row[column]) for row in rows]
        if any(len(row) != len(header) for row in rows) or epochs != list(range(len(rows))):
            raise ValueError("its rows are not the epochs 0, 1, 2, … in full")
    except (ValueError, IndexError) as error:
        raise LogUnreadable(
            f"{path}: {error}; move this file away, and the next run goes on from the last backup, or trains it again."
        ) from error
    return curve


def read_row(path: Path, epoch: int) -> dict[str, float]:
    """Return the numbers in the row of an epoch, by the names of their columns.

    Raises:
        LogUnreadable: there is no such row.
    """
    lines = _whole_lines(plain_files.read(path))
    cells = _cells([*lines[:1], *lines[epoch + 1 : epoch + 2]])
    if len(cells) != 2:
        raise LogUnreadable(f"{path} has no row of epoch {epoch}; move this file away, and the next run writes it again.")
    return {name: number for name, cell in zip(*cells, strict=False) if (number := _number(cell)) is not None}


def check_header(log: bytes, path: Path, metric: str, expected: list[str] | None = None) -> list[str]:
    """Return the columns of ``log``, none where not even its first line is whole.

    Raises:
        LogUnreadable: they are not those of a training that logs ``metric``, or not the ``expected`` ones.
    """
    header = next(iter(_cells(_whole_lines(log)[:1])), [])
    foreign = header[:1] != ["epoch"] or metric not in header if expected is None else header != expected
    if header and foreign:
        raise LogUnreadable(
            f"{path}, line 1: the columns are {_shown(header)}, where this training writes "
            f"{', '.join(expected or ['epoch', '…', metric, '…'])}; "
            f"move this foreign file away."
        )
    return header


def best_of(curve: Sequence[float], aim: Aim) -> Best | None:
    """Return the best value and its first epoch, as ``ModelCheckpoint`` in that mode takes it; None for no epoch."""
    numbers = [Best(value, epoch) for epoch, value in enumerate(curve) if not math.isnan(value)]
    return min(numbers, key=lambda best: aim.rank(best.value), default=None)


def _shown(header: list[str]) -> str:
    """Whatever stands in a foreign file is shown in part, and in letters."""
    text = ascii(", ".join(header))[1:-1]
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _cells(lines: list[bytes]) -> list[list[str]]:
    try:
        return list(csv.reader(line.decode(errors="replace") for line in lines))
    except csv.Error as error:  # a cell of more than 128 KiB: whatever this is, it is no log
        return [[f"({error})"]]


def _whole_lines(log: bytes) -> list[bytes]:
    return [line for line in log.splitlines(keepends=True) if line.endswith(b"\n")]
