"""The content of ``experience.json``: what a reader needs in five years, and what nobody else may put there."""

import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from sweep.experience import schemas
from sweep.experience.entries import FolderHolder, Session, TrialEntry
from sweep.space.identity import ID_DIGITS
from sweep.space.objectives import DEFAULT, Objective
from sweep.system import json_text
from sweep.system.host import is_alive


class State(StrEnum):
    """What has become of an experience."""

    NEW = "new"
    RUNNING = "running"
    CUT_OFF = "cut_off"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"


ID = rf"[0-9a-f]{{{ID_DIGITS}}}"


@dataclass
class Outcome:
    """How a training ended: ``state`` is finished, failed or pruned; ``reason`` says why it is not finished.

    ``values`` has the objectives at the best epoch, which is ``epoch``; ``constraints`` what the search space's function of that
    name returned for them, or None where there is none: what is above 0 is violated.
    ``died`` tells a training whose process was killed again and again from one that raised: it goes on where it can.
    ``log`` and ``model`` have bytes and sha256 of the two files that the end is read from, or are None where there is none.
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


@dataclass
class Record:
    """The content of ``experience.json``: what a reader needs in five years.

    ``search_space`` has its name and says what code trained here, and what other code was accepted beside it, see
    ``sweep.space.source.SpaceSource.identity``. Older records have no ``modules`` and no ``accepted``.
    ``trials`` are those that led here, ``sessions`` the processes that trained here.
    ``approximate_because`` has the reasons why this training may differ from an uncut one, or is None.
    ``parent`` is the ``id_experience`` of the shorter training that this one extends, or None.
    ``objectives`` are those of the search space, ``count_params`` the number of weights of the model, once it was built.
    ``data`` is what it is trained on: arrays, train(epoch), PyDataset or tf.data.Dataset; None before its first session.
    ``data_identity`` is what these data are known again by: ``digest``, the first of the ``files`` that ``load_data`` opened
    (path, bytes, modified), and the ``count`` of them all; None where an older version trained it.
    ``holder`` is the process that has written here last; a process that is no longer the holder writes nothing more. None
    where an older version trained it.
    ``unpruned`` says that the end which a pruner gave it was taken back: it is trained without the pruner's word since.
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
        """Note why this training may differ from an uncut one, after the reasons that there are."""
        if not self.approximate_because:
            self.approximate_because = reason
        elif reason not in self.approximate_because:
            self.approximate_because += f"; {reason}"

    @property
    def objective(self) -> Objective:
        """The first of the objectives: it decides what the best epoch is."""
        return self.objectives[0]

    def seconds_per_epoch(self) -> float:
        """Return the seconds that an epoch takes, validation and saves included, by all sessions that trained."""
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
        """Raises Unreadable where ``text`` is torn or is no record."""
        return cls.from_content(json_text.parse(text, schemas.MOST_BYTES_OF_RECORD))

    @classmethod
    def from_content(cls, content: Any) -> "Record":
        """Raises Unreadable where ``content`` is not what ``as_content`` returned."""
        json_text.check(content, schemas.Record)
        known = _known_fields(cls, content)
        known.pop("objectives", None)  # it is stored as "aims"
        outcome = known.get("outcome")
        if outcome:
            if outcome.get("val_acc") is not None:  # written before there were other objectives
                outcome = {"values": {"val_acc": outcome["val_acc"]}, **outcome}
            known["outcome"] = Outcome(
                **{**_known_fields(Outcome, outcome), "state": State(outcome["state"])}
            )
        if "aims" in content:
            known["objectives"] = [Objective(*stored) for stored in content["aims"]]
        for name, kind in (("trials", TrialEntry), ("sessions", Session)):
            known[name] = [kind.from_content(entry) for entry in known[name]]
        if known.get("holder"):
            known["holder"] = FolderHolder.from_content(known["holder"])
        return cls(**known)

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
        return {"aims" if name == "objectives" else name: value for name, value in content.items()}

    def as_json(self) -> bytes:
        """Return the content with a line for each field, trial and session.

        Not by ``json.dumps(indent=…)``, whose time is seen where hundreds of equal proposals have led to one experience.
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
    """Tell the state of an experience from its record."""
    if record is None:
        return State.NEW
    if record.outcome:
        return record.outcome.state
    running = record.sessions and is_alive(record.sessions[-1].process)
    return State.RUNNING if running else State.CUT_OFF


def _known_fields(kind: type, content: Any) -> dict[str, Any]:
    """Leave out what a newer version wrote besides."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
