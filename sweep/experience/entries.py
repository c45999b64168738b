"""The objects inside ``experience.json``: the trials that led to an experience, and its sessions."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from sweep.system.host import Machine, ProcessId
from sweep.system.json_object import JsonObject


@dataclass(kw_only=True)
class TrialEntry(JsonObject):
    """A trial of Optuna that led to an experience, with all that is needed to make the trial again.

    ``begun`` and ``ended`` are times in UTC; a trial that ``ended`` has been told to the study. ``came_from`` is the root
    that the experience was merged from, or None. A trial that is repeated with other seeds leads to so many ``repeats``,
    and this experience is number ``repeat`` of them, from 0. ``sweep.search.trial_conversion`` checks ``params``,
    ``distributions`` and ``attributes``, which may be anything until then.
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
    """How and where a session ended: ``epoch`` and ``batch`` are those that the next session trains first.

    ``how`` is outcome, stopped, raised or cut; "" is that of a session which has not said its end.
    ``trained_s`` and ``prepared_s`` are the seconds after and before its first batch; of a cut the latter is not known.
    ``sample`` is what a session that was stopped leaves as evidence: epoch, batch and running metrics.
    """

    how: str = ""
    epoch: int
    batch: int
    trained_s: float
    prepared_s: float | None = None
    sample: list[Any] | None = None


@dataclass(kw_only=True)
class Comparison(JsonObject):
    """How often a resumed session was ``compared`` with what the one before had left, and what ``differs``, in words."""

    compared: int = 0
    differs: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Session(JsonObject):
    """One process that trained an experience, from ``batch`` of ``epoch`` on.

    ``begun`` is in UTC, ``batches`` are those of an epoch. ``cluster`` is the address of the Dask scheduler, where there
    is one. ``ended`` is written by the session itself, or by the next one where it was interrupted. A session that resumed
    another has a ``proof``, and as ``evidence`` what is still to be compared. Older versions wrote less.
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
    evidence: dict[str, Any] | None = None
    proof: Comparison | None = None
    ended: SessionEnd | None = None


@dataclass(kw_only=True)
class FolderHolder(ProcessId):
    """The process that has written into a folder last; ``number`` counts how often the folder was taken over."""

    number: int

    def as_content(self) -> dict[str, Any]:
        content = super().as_content()
        return content if self.read_from else {"number": self.number, **content}
