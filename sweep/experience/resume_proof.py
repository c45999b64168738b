"""The proof of a resume: what the interrupted process left beyond its last backup must come again to the last bit.

It has left rows of ``log.csv``, which the resume cuts back, and the running metrics of a batch: in its heartbeat, or in the
record of its session where it was asked to stop.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 3  # of the first and of the last rows: a difference stays, and ten thousand rows need not stand in a record


@dataclass(frozen=True)
class Sample:
    """The running metrics after ``batch`` batches of ``epoch``, as Python's exact numbers."""

    epoch: int
    batch: int
    logs: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What a resume has to meet again.

    ``header`` is that of ``log.csv``; ``rows`` are its rows by epoch; ``samples`` are running metrics.
    """

    header: str
    rows: dict[int, str]
    samples: list[Sample]

    def after(self, epoch: int, batch: int) -> "Evidence":
        """Return what comes after ``batch`` batches of ``epoch``."""
        rows = {number: row for number, row in self.rows.items() if number >= epoch}
        kept = [*rows][:MOST_ROWS] + [*rows][max(MOST_ROWS, len(rows) - MOST_ROWS) :]
        samples = [one for one in self.samples if (one.epoch, one.batch) > (epoch, batch)]
        return Evidence(self.header, {number: rows[number] for number in kept}, samples)

    def is_empty(self) -> bool:
        return not self.rows and not self.samples

    def as_content(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "header": self.header,
            "rows": list(self.rows.values()),
            "samples": [[one.epoch, one.batch, one.logs] for one in self.samples],
        }

    @classmethod
    def from_content(cls, content: Any) -> "Evidence":
        """Return what ``as_content`` returned; of anything else, nothing."""
        try:
            return cls(
                str(content["header"]),
                rows_by_epoch(content["rows"]),
                [
                    Sample(int(epoch), int(batch), dict(logs))
                    for epoch, batch, logs in content["samples"]
                ],
            )
        except (TypeError, ValueError, KeyError):
            return NO_EVIDENCE

    def __add__(self, other: "Evidence") -> "Evidence":
        rows = {**other.rows, **self.rows}
        return Evidence(
            self.header or other.header, dict(sorted(rows.items())), [*self.samples, *other.samples]
        )


NO_EVIDENCE = Evidence("", {}, [])


def rows_by_epoch(rows: list[str]) -> dict[int, str]:
    """Return rows of ``log.csv`` by their epochs, which are their first column; torn ones have none."""
    return {int(row.partition(",")[0]): row for row in rows if row.partition(",")[0].isdecimal()}


class Proof:
    """Compares a training with evidence.

    Args:
        evidence: what is to be met again.
        on_compared: is called after a comparison, with a sentence where it found a difference, else with None.
    """

    def __init__(self, evidence: Evidence, on_compared: Callable[[str | None], None]) -> None:
        self.evidence, self._on_compared = evidence, on_compared
        self.compared = 0

    def batches_to_next(self, epoch: int, batch: int) -> int | None:
        """Return after how many batches of this epoch the next comparison is due; None where none is."""
        ahead = [
            one.batch - batch
            for one in self.evidence.samples
            if one.epoch == epoch and one.batch > batch
        ]
        return min(ahead, default=None)

    def is_due(self, epoch: int, batch: int) -> bool:
        """Tell whether there are running metrics to compare after so many batches of an epoch."""
        return any((one.epoch, one.batch) == (epoch, batch) for one in self.evidence.samples)

    def at_batch(self, epoch: int, batch: int, logs: dict[str, Any]) -> None:
        """Compare the running metrics after so many batches of an epoch, as ``exact`` returns them."""
        for sample in [
            one for one in self.evidence.samples if (one.epoch, one.batch) == (epoch, batch)
        ]:
            self.evidence.samples.remove(sample)
            self._compare(f"after batch {batch} of epoch {epoch}", sample.logs, logs)

    def at_row(self, epoch: int, row: str) -> None:
        """Compare the row of an epoch."""
        before = self.evidence.rows.pop(epoch, None)
        if before is not None:
            names = self.evidence.header.strip().split(",")
            self._compare(
                f"in epoch {epoch}",
                *(
                    dict(zip(names, text.strip().split(","), strict=False))
                    for text in (before, row)
                ),
            )

    def _compare(self, where: str, before: dict[str, Any], now: dict[str, Any]) -> None:
        self.compared += 1
        names = [
            name for name in {**before, **now} if _text(before.get(name)) != _text(now.get(name))
        ]
        self._on_compared(
            f"{where}, {names[0]} is {now.get(names[0])} after the resume, and was {before.get(names[0])}"
            if names
            else None
        )


def exact(logs: dict[str, Any]) -> dict[str, Any]:
    """Return metrics as Python's own numbers, which JSON keeps to the last bit."""
    return {name: _plain(value) for name, value in logs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, int | float | str):
        return value
    array = value.numpy() if hasattr(value, "numpy") else value  # a metric of several numbers
    return array.tolist() if hasattr(array, "tolist") else str(array)


def _text(value: Any) -> str:
    return json.dumps(value)  # in which NaN is equal to itself
