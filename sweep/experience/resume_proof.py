"""The proof of a resume: it must give again, to the last bit, what was lost with the interruption.

The interrupted process has left rows of ``log.csv`` beyond its last backup, which are removed
before the resume. It has also left the running metrics of a batch, in its heartbeat, or in the
record of its session if it was asked to stop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sweep.system.json_text import are_equal

# So many of the first and of the last rows: a difference once made stays, and a record need not
# hold ten thousand rows.
MOST_ROWS = 3


@dataclass(frozen=True)
class Sample:
    """The running metrics after ``batch`` batches of ``epoch``, as exact numbers of Python."""

    epoch: int
    batch: int
    logs: dict[str, Any]

    @property
    def position(self) -> tuple[int, int]:
        return self.epoch, self.batch


@dataclass(frozen=True)
class Evidence:
    """The results that a resume has to give again.

    ``header`` is that of ``log.csv``, ``rows`` are its rows by epoch, and ``samples`` are running
    metrics.
    """

    header: str
    rows: dict[int, str]
    samples: list[Sample]

    def after(self, epoch: int, batch: int) -> "Evidence":
        """Return the evidence that comes after ``batch`` batches of ``epoch``."""
        rows = {number: row for number, row in self.rows.items() if number >= epoch}
        kept = [*rows][:MOST_ROWS] + [*rows][max(MOST_ROWS, len(rows) - MOST_ROWS) :]
        samples = [sample for sample in self.samples if sample.position > (epoch, batch)]
        return Evidence(self.header, {number: rows[number] for number in kept}, samples)

    def is_empty(self) -> bool:
        return not self.rows and not self.samples

    def as_content(self) -> dict[str, Any]:
        """Return the evidence as plain JSON."""
        return {
            "header": self.header,
            "rows": list(self.rows.values()),
            "samples": [[sample.epoch, sample.batch, sample.logs] for sample in self.samples],
        }

    @classmethod
    def from_content(cls, content: Any) -> "Evidence":
        """Return the evidence that ``as_content`` returned; none for any other content."""
        try:
            samples = [
                Sample(int(epoch), int(batch), dict(logs))
                for epoch, batch, logs in content["samples"]
            ]
            return cls(str(content["header"]), rows_by_epoch(content["rows"]), samples)
        except (TypeError, ValueError, KeyError):
            return NO_EVIDENCE

    def __add__(self, other: "Evidence") -> "Evidence":
        rows = dict(sorted({**other.rows, **self.rows}.items()))
        return Evidence(self.header or other.header, rows, [*self.samples, *other.samples])


NO_EVIDENCE = Evidence("", {}, [])


def rows_by_epoch(rows: list[str]) -> dict[int, str]:
    """Return rows of ``log.csv`` by their epoch, the first column; torn rows are left out."""
    return {int(row.partition(",")[0]): row for row in rows if row.partition(",")[0].isdecimal()}


class Proof:
    """Compares a training with the evidence.

    Args:
        evidence: the results to give again.
        on_compared: is called after each comparison with the difference in words, or with None.
    """

    def __init__(self, evidence: Evidence, on_compared: Callable[[str | None], None]) -> None:
        self.evidence, self._on_compared = evidence, on_compared
        self.compared = 0

    def batches_to_next(self, epoch: int, batch: int) -> int | None:
        """Return how many batches of this epoch precede the next comparison, or None."""
        ahead = [
            sample.batch - batch
            for sample in self.evidence.samples
            if sample.epoch == epoch and sample.batch > batch
        ]
        return min(ahead, default=None)

    def is_due(self, epoch: int, batch: int) -> bool:
        """Tell whether there are running metrics to compare after so many batches of an epoch."""
        return any(sample.position == (epoch, batch) for sample in self.evidence.samples)

    def at_batch(self, epoch: int, batch: int, logs: dict[str, Any]) -> None:
        """Compare the running metrics after so many batches of an epoch.

        Args:
            epoch: from 0.
            batch: how many batches of it are trained.
            logs: the metrics, as ``exact`` returns them.
        """
        samples = self.evidence.samples
        for sample in [sample for sample in samples if sample.position == (epoch, batch)]:
            self.evidence.samples.remove(sample)
            self._compare(f"after batch {batch} of epoch {epoch}", sample.logs, logs)

    def at_row(self, epoch: int, header: str, row: str) -> None:
        """Compare the row of an epoch, in the columns that it had before."""
        text_before = self.evidence.rows.pop(epoch, None)
        if text_before is not None:
            before, now = _cells(self.evidence.header, text_before), _cells(header, row)
            now = {name: cell for name, cell in now.items() if name in before}
            self._compare(f"in epoch {epoch}", before, now)

    def _compare(self, where: str, before: dict[str, Any], now: dict[str, Any]) -> None:
        self.compared += 1
        differing = [
            name for name in {**before, **now} if not are_equal(before.get(name), now.get(name))
        ]
        if not differing:
            self._on_compared(None)
            return
        value, value_before = now.get(differing[0]), before.get(differing[0])
        self._on_compared(
            f"{where}, {differing[0]} is {value} after the resume, and was {value_before}"
        )


def _cells(header: str, row: str) -> dict[str, str]:
    return dict(zip(header.strip().split(","), row.strip().split(","), strict=False))


def exact(logs: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics as numbers of Python, which JSON keeps to the last bit."""
    return {name: _plain(value) for name, value in logs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, int | float | str):
        return value
    array = value.numpy() if hasattr(value, "numpy") else value  # a metric of several numbers
    return array.tolist() if hasattr(array, "tolist") else str(array)
