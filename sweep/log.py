"""``log.csv``: whole rows, and the best val_acc in them."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

from sweep.errors import SweepError

MOST_CHARACTERS = 100


class LogUnreadable(SweepError):
    """A ``log.csv`` that no training of this project can have written."""


class Best(NamedTuple):
    """The best val_acc of a log and the epoch (from 0) that reached it first."""

    val_acc: float
    epoch: int


def read_val_acc(path: Path) -> list[float]:
    """Return the val_acc of each whole row of ``path``, by epoch; none where there is no such file.

    Raises:
        LogUnreadable: the header is foreign, or a row is not the next epoch.
    """
    try:
        log = path.read_bytes()
    except FileNotFoundError:
        return []
    return val_acc_by_epoch(log, path)


def val_acc_by_epoch(log: bytes, path: Path) -> list[float]:
    """Return the val_acc of each whole row of ``log``; ``path`` is only named in the error.

    Raises:
        LogUnreadable: as for ``read_val_acc``.
    """
    header = check_header(log, path)
    rows = _cells(_whole_lines(log)[1:])
    if not rows:
        return []
    column = header.index("val_acc")
    try:
        epochs = [int(row[0]) for row in rows]
        val_acc = [float(row[column]) for row in rows]
        if any(len(row) != len(header) for row in rows) or epochs != list(range(len(rows))):
            raise ValueError("its rows are not the epochs 0, 1, 2, … in full")
    except (ValueError, IndexError) as error:
        raise LogUnreadable(f"{path}: {error}; delete this file, and the next run goes on from the last backup.") from error
    return val_acc


def check_header(log: bytes, path: Path, expected: list[str] | None = None) -> list[str]:
    """Return the columns of ``log``, none where not even its first line is whole.

    Raises:
        LogUnreadable: they are not those of a training, or not the ``expected`` ones.
    """
    header = next(iter(_cells(_whole_lines(log)[:1])), [])
    foreign = header[:1] != ["epoch"] or "val_acc" not in header if expected is None else header != expected
    if header and foreign:
        raise LogUnreadable(
            f"{path}, line 1: the columns are {_shown(header)}, where this training writes "
            f"{', '.join(expected or ['epoch', '…', 'val_acc', '…'])}; "
            f"move this foreign file away."
        )
    return header


def best_val_acc(val_acc: list[float]) -> Best | None:
    """Return the highest val_acc and its first epoch, as ``ModelCheckpoint`` in mode max takes it; None for no epoch."""
    numbers = [Best(value, epoch) for epoch, value in enumerate(val_acc) if not math.isnan(value)]
    return max(numbers, key=lambda best: best.val_acc, default=None)


def _shown(header: list[str]) -> str:
    """Whatever stands in a foreign file is shown in part, and in letters."""
    text = ascii(", ".join(header))[1:-1]
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _cells(lines: list[bytes]) -> list[list[str]]:
    try:
        return list(csv.reader(line.decode(errors="replace") for line in lines))
    except csv.Error as error:  # a cell of more than 128 KiB: whatever this is, it is no log
        return [[f"({error})"]]


def _whole_lines(log: bytes) -> list[bytes]:
    return [line for line in log.splitlines(keepends=True) if line.endswith(b"\n")]
