"""The objects in ``experience.json``: trials that led to an experience, and its sessions."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from sweep.system.host import Machine, ProcessId
from sweep.system.json_object import JsonObject


@dataclass(kw_only=True)
class TrialEntry(JsonObject):
    """A trial of Optuna that led to an experience, with all that is needed to make the trial again.

    ``begun`` and ``ended`` are times in UTC; a trial that ``ended`` has been told to the study.
    ``came_from`` is the root that the experience was merged from, or None. A trial that is repeated
    with other seeds leads to so many ``repeats``, and this experience is number ``repeat`` of them,
    from 0. ``sweep.search.trial_conversion`` checks ``params``, ``distributions`` and
    ``attributes``, which may be anything until then.
    """

    WRITTEN_AS_NULL = frozenset({"begun", "ended", "came_from"})

    number: int
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    begun: str | None = None
    ended: str | None = None
    came_from: str | None = None
    repeat: int | None = None
    repeats: int | None = None


@dataclass(kw_only=True)
class SessionEnd(JsonObject):
    """How and where a session ended.

    ``epoch`` and ``batch`` are the next ones to train. ``how`` is outcome, paused, stopped, raised
    or cut, and "" where the session has not written its end. ``trained_s`` and ``prepared_s`` are
    the seconds after and before its first batch; the latter is unknown for an interrupted session.
    ``sample`` is the evidence that a stopped session leaves: epoch, batch and running metrics.
    """

    how: str = ""
    epoch: int
    batch: int
    trained_s: float
    prepared_s: float | None = None
    sample: list[Any] | None = None


@dataclass(kw_only=True)
class Comparison(JsonObject):
    """The proof of a resume.

    It was ``compared`` so often with what the session before had left, and ``differs`` has the
    differences in words.
    """

    compared: int = 0
    differs: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Session(JsonObject):
    """One process that trained an experience, starting at ``batch`` of ``epoch``.

    ``begun`` is in UTC, and ``batches`` is the number of batches in an epoch. ``cluster`` is the
    address of the Dask scheduler, where there is one. ``until`` is the epoch before which the
    training is to be paused, or None. ``ended`` is written by the session itself, or by the next
    one if it was interrupted. A session that resumed another has a ``proof``, and as ``evidence``
    what is still to be compared. Older versions wrote less.
    """

    PARTS: ClassVar[dict[str, type[JsonObject]]] = {
        "process": ProcessId,
        "machine": Machine,
        "proof": Comparison,
        "ended": SessionEnd,
    }

    begun: str
    epoch: int
    batch: int
    batches: int | None = None
    process: ProcessId
    processor: str | None = None
    versions: dict[str, str] | None = None
    machine: Machine | None = None
    cluster: str | None = None
    until: int | None = None
    evidence: dict[str, Any] | None = None
    proof: Comparison | None = None
    ended: SessionEnd | None = None


@dataclass(kw_only=True)
class FolderHolder(ProcessId):
    """The process that wrote into a folder last; ``number`` counts how often it changed hands."""

    number: int

    def as_content(self) -> dict[str, Any]:
        content = super().as_content()
        return content if self.read_from else {"number": self.number, **content}
