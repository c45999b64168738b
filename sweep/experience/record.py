"""The record of an experience: the content of ``experience.json``."""

import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from sweep.experience import schemas
from sweep.experience.entries import FolderHolder, Session, TrialEntry
from sweep.experience.tuples import places_of_tuples, with_tuples
from sweep.space.identity import ID_DIGITS
from sweep.space.objectives import DEFAULT, Objective
from sweep.system import json_text
from sweep.system.host import is_alive


class State(StrEnum):
    """The state of an experience."""

    NEW = "new"
    RUNNING = "running"
    CUT_OFF = "cut_off"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"


ID = rf"[0-9a-f]{{{ID_DIGITS}}}"


@dataclass
class Outcome:
    """How a training ended.

    - ``state``: finished, failed or pruned.
    - ``ended``: when, in UTC.
    - ``reason``: why the training is not finished.
    - ``values``: the objectives at the best epoch, which is ``epoch``.
    - ``constraints``: what the search space's function of that name returned for these values, or
      None where it has none; a value above 0 is a violation.
    - ``died``: whether the process was killed again and again, rather than that it raised; such a
      training can be resumed.
    - ``log`` and ``model``: the bytes and the SHA-256 of the two files that the outcome was read
      from; None where there is no such file.
    """

    state: State
    ended: str
    reason: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    epoch: int | None = None
    constraints: list[float] | None = None
    traceback: str | None = None
    died: bool = False
    log: dict[str, Any] | None = None
    model: dict[str, Any] | None = None

    @property
    def is_feasible(self) -> bool:
        return all(value <= 0 for value in self.constraints or ())

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> "Outcome":
        """Return the outcome that JSON holds; the oldest versions had ``val_acc`` only."""
        if content.get("val_acc") is not None:
            content = {"values": {"val_acc": content["val_acc"]}, **content}
        return cls(**{**_known_fields(cls, content), "state": State(content["state"])})


@dataclass
class Record:
    """The content of ``experience.json``: what a reader needs in five years.

    - ``search_space``: its name, the code that trained here, and other code that was accepted
      beside it, see ``sweep.space.source.SpaceSource.identity``. Older records have no ``modules``
      and no ``accepted``.
    - ``parameters``: as they were written; JSON has the places of the tuples in them as ``tuples``.
    - ``trials``: the trials that led here.
    - ``sessions``: the processes that trained here.
    - ``approximate_because``: the reasons why this training may differ from an uninterrupted one.
    - ``parent``: the ``id_experience`` of the shorter training that this one extends.
    - ``objectives``: those of the search space; in JSON they are ``aims``.
    - ``count_params``: the number of weights of the model, once it was built.
    - ``data``: the kind of the training data: arrays, train(epoch), PyDataset or tf.data.Dataset;
      None before the first session.
    - ``data_identity``: the ``digest`` of these data, the first of the ``files`` that ``load_data``
      opened (path, bytes, modified), the ``count`` of all of them, and what it has ``read`` of the
      parameters (see ``sweep.space.noted_parameters``), if anything. Older records have none.
    - ``holder``: the process that wrote here last. A process that is no longer the holder writes
      nothing more. Older records have none.
    - ``unpruned``: whether a pruner's end was taken back; it is trained without the pruner since.
    """

    id_experience: str
    search_space: dict[str, Any]
    parameters: dict[str, Any]
    seed: int
    threads: int
    trials: list[TrialEntry]
    sessions: list[Session] = field(default_factory=list)
    approximate_because: str | None = None
    outcome: Outcome | None = None
    parent: str | None = None
    objectives: list[Objective] = field(default_factory=lambda: list(DEFAULT))
    count_params: int | None = None
    data: str | None = None
    unpruned: bool = False
    data_identity: dict[str, Any] | None = None
    holder: FolderHolder | None = None

    def mark_approximate(self, reason: str) -> None:
        """Add a reason why this training may differ from an uninterrupted one; keep the others."""
        if not self.approximate_because:
            self.approximate_because = reason
        elif reason not in self.approximate_because:
            self.approximate_because += f"; {reason}"

    @property
    def objective(self) -> Objective:
        """The first objective, which decides what the best epoch is."""
        return self.objectives[0]

    def paused_at(self) -> int:
        """Return the epoch before which the training was paused last; 0 where it never was."""
        ends = [session.ended for session in self.sessions]
        return next((end.epoch for end in reversed(ends) if end and end.how == State.PAUSED), 0)

    def is_paused(self) -> bool:
        """Tell whether the training waits for a scheduler to take it further."""
        end = self.sessions[-1].ended if self.sessions else None
        return not self.outcome and end is not None and end.how == State.PAUSED

    def is_paused_for(self, until: int | None) -> bool:
        """Tell whether the training waits, and has no epoch left before ``until``."""
        return until is not None and self.is_paused() and self.paused_at() >= until

    def seconds_per_epoch(self) -> float:
        """Return the mean seconds of an epoch in all sessions, with validation and backups."""
        ends = [
            (session, session.batches, session.ended)
            for session in self.sessions
            if session.ended and session.batches
        ]
        epochs = sum(
            end.epoch - session.epoch + (end.batch - session.batch) / batches
            for session, batches, end in ends
        )
        return float(sum(end.trained_s for *_, end in ends) / epochs) if epochs > 0 else 0.0

    @classmethod
    def from_json(cls, text: bytes) -> "Record":
        """Parse a record.

        Raises:
            Unreadable: ``text`` is torn or not a record.
        """
        return cls.from_content(json_text.parse(text, schemas.MOST_BYTES_OF_RECORD))

    @classmethod
    def from_content(cls, content: Any) -> "Record":
        """Return the record that ``as_content`` returned.

        Raises:
            Unreadable: ``content`` is not a record.
        """
        json_text.check(content, schemas.RecordShape)
        values = _known_fields(cls, content)
        tuples = {tuple(place) for place in content.get("tuples", [])}
        if tuples:
            values["parameters"] = with_tuples(content["parameters"], tuples)
        values["trials"] = [TrialEntry.from_content(entry) for entry in content["trials"]]
        values["sessions"] = [Session.from_content(session) for session in content["sessions"]]
        values.pop("objectives", None)  # JSON has them as "aims"
        if "aims" in content:
            values["objectives"] = [Objective(*objective) for objective in content["aims"]]
        if content.get("outcome"):
            values["outcome"] = Outcome.from_content(content["outcome"])
        if content.get("holder"):
            values["holder"] = FolderHolder.from_content(content["holder"])
        return cls(**values)

    def as_content(self) -> dict[str, Any]:
        """Return what JSON holds of the record, with the keys in the order of the fields."""
        content = {
            **vars(self),
            "trials": [entry.as_content() for entry in self.trials],
            "sessions": [session.as_content() for session in self.sessions],
            "objectives": [list(objective) for objective in self.objectives],
            "outcome": vars(self.outcome) if self.outcome else None,
            "holder": self.holder.as_content() if self.holder else None,
        }
        tuples = [list(place) for place in places_of_tuples(self.parameters)]
        if tuples:
            content["tuples"] = tuples
        stored_as = {"objectives": "aims"}
        return {stored_as.get(name, name): value for name, value in content.items()}

    def as_json(self) -> bytes:
        """Return the content as JSON with a line for each field, trial and session.

        ``json.dumps(indent=…)`` is too slow where hundreds of equal proposals led to one
        experience.
        """
        fields = ",\n".join(
            f'  "{name}": {_as_lines(value)}' for name, value in self.as_content().items()
        )
        return f"{{\n{fields}\n}}\n".encode()


encode = json.JSONEncoder(ensure_ascii=False).encode


def _as_lines(value: Any) -> str:
    if isinstance(value, list) and value:
        items = ",\n".join(f"    {encode(item)}" for item in value)
        return f"[\n{items}\n  ]"
    return encode(value)


def state_of(record: Record | None) -> State:
    """Return the state of an experience, told from its record."""
    if record is None:
        return State.NEW
    if record.outcome:
        return record.outcome.state
    if record.is_paused():
        return State.PAUSED
    is_running = record.sessions and is_alive(record.sessions[-1].process)
    return State.RUNNING if is_running else State.CUT_OFF


def _known_fields(kind: type, content: Any) -> dict[str, Any]:
    """Return the content without the keys that a newer version added."""
    names = {known.name for known in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
