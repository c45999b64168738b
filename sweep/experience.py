"""The folder of an experience: every file name once, and its state told from the files alone."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.files import write_whole
from sweep.host import is_alive
from sweep.identity import ID_DIGITS, id_experience


class State(StrEnum):
    """What has become of an experience."""

    NEW = "new"
    RUNNING = "running"
    CUT_OFF = "cut_off"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"


SHAPE = {
    "id_experience": str,
    "search_space": dict,
    "parameters": dict,
    "seed": int,
    "threads": int,
    "trials": list,
    "sessions": list,
}


# What the reader of a record raises for a file that holds something else.
NO_RECORD = (ValueError, TypeError, KeyError, AttributeError)


POSITION = ("epoch", "batch", "batches")
ID = rf"[0-9a-f]{{{ID_DIGITS}}}"


class RecordWrong(SweepError):
    """An ``experience.json`` does not belong to its folder."""


@dataclass
class Outcome:
    """How a training ended: ``state`` is finished, failed or pruned; ``reason`` says why it is not finished.

    ``log`` and ``model`` have bytes and sha256 of the two files that the end is read from, or are None where there is none.
    """

    state: State
    ended: str
    reason: str | None = None
    val_acc: float | None = None
    epoch: int | None = None
    traceback: str | None = None
    log: dict[str, Any] | None = None
    model: dict[str, Any] | None = None


@dataclass
class Record:
    """The content of ``experience.json``: what a reader needs in five years.

    ``trials`` has an entry for each trial of Optuna that led here: number, params, distributions, attributes, begun, ended,
    and ``came_from``, the root that it was merged from, or None.
    ``sessions`` has one for each process that trained here: begun, epoch, batch, process, versions, and ``ended``: how,
    epoch, batch, trained_s (seconds), which the next session writes where this one was cut off.
    ``approximate_because`` is the reason why this training may differ in its last bits from an uncut one, or None.
    ``parent`` is the ``id_experience`` of the shorter training that this one extends, or None.
    """

    id_experience: str
    search_space: dict[str, Any]
    parameters: dict[str, Any]
    seed: int
    threads: int
    trials: list[dict[str, Any]]
    sessions: list[dict[str, Any]] = field(default_factory=list)
    approximate_because: str | None = None
    outcome: Outcome | None = None
    parent: str | None = None

    @classmethod
    def from_json(cls, text: bytes) -> "Record":
        """Raises NO_RECORD where ``text`` is torn or is no record."""
        return cls.from_content(json.loads(text))

    @classmethod
    def from_content(cls, content: Any) -> "Record":
        """Raises NO_RECORD where ``content`` is not what ``as_content`` returned."""
        known = {name: value for name, value in content.items() if name in {field.name for field in fields(cls)}}
        whole = (
            all(isinstance(known.get(name), kind) for name, kind in SHAPE.items())
            and known["search_space"].keys() >= {"name", "fingerprint"}
            and all(trial.keys() >= {"number", "ended"} for trial in known["trials"])
            and all(session.keys() >= {"begun", "epoch", "batch"} for session in known["sessions"])
            and all(isinstance(session.get(name, 0), int) for session in known["sessions"] for name in POSITION)
            and all(session["process"].keys() >= {"host", "pid", "started"} for session in known["sessions"])
            and all(_is_end(session.get("ended")) for session in known["sessions"])
            and re.fullmatch(ID, known.get("parent") or "0" * ID_DIGITS)
        )
        if not whole:
            raise ValueError("not the shape of a record")
        if known.get("outcome"):
            known["outcome"] = Outcome(**{**known["outcome"], "state": State(known["outcome"]["state"])})
        return cls(**known)

    def as_content(self) -> dict[str, Any]:
        return asdict(self)

    def as_json(self) -> bytes:
        return (json.dumps(self.as_content(), indent=2, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Experience:
    """One training on disk, whole or cut off. Asking writes nothing."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def record(self) -> Path:
        return self.path / "experience.json"

    @property
    def log(self) -> Path:
        return self.path / "log.csv"

    @property
    def meilleur(self) -> Path:
        return self.path / "meilleur.model.keras"

    @property
    def sauvegarde(self) -> Path:
        return self.path / "sauvegarde"

    @property
    def pulse(self) -> Path:
        return self.path / "pulse.json"

    def read(self) -> Record | None:
        """Return the record, or None where there is none or it is torn: a training of it writes it again.

        A drive may have doubled it, as ``experience (1).json``, and kept an old version under its name: of all that are
        there, the one that knows most counts.

        Raises:
            OSError: it cannot be read.
        """
        paths = sorted(self.path.glob("experience*.json"), key=lambda path: path != self.record)
        records = [record for record in map(_read_record, paths) if record]
        return max(records, key=_how_far, default=None)

    def state(self) -> State:
        """Tell the state from the files alone."""
        return state_of(self.read())

    def write(self, record: Record) -> None:
        """Put ``experience.json`` in place. With an outcome in it, this is the moment at which the training has ended.

        Raises:
            OSError: the disk is full or gone.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.record, record.as_json())

    def check(self, record: Record, search_space: str) -> None:
        """Refuse a folder whose record does not give its name.

        Raises:
            RecordWrong: they do not.
        """
        if id_experience(record.search_space["name"], record.parameters) != self.id:
            raise RecordWrong(
                f"{self.record}: its search space and parameters do not give the name of its folder; "
                f"undo the edit, or move {self.path} away."
            )
        if record.search_space["name"] != search_space:
            raise RecordWrong(
                f"{self.record} belongs to the search space {record.search_space['name']}, not to {search_space}; "
                "give each search space a --root of its own."
            )


def _read_record(path: Path) -> Record | None:
    try:
        return Record.from_json(path.read_bytes())
    except (FileNotFoundError, *NO_RECORD):
        return None


def _is_end(ended: Any) -> bool:
    """Tell whether a session has its end in the shape that ``sweep.session`` gives it, or has none."""
    return ended is None or all(isinstance(ended[name], int | float) for name in ("epoch", "batch", "trained_s"))


def _how_far(record: Record) -> tuple[bool, int, int]:
    return record.outcome is not None, len(record.sessions), len(record.trials)


def state_of(record: Record | None) -> State:
    """Tell the state of an experience from its record."""
    if record is None:
        return State.NEW
    if record.outcome:
        return record.outcome.state
    running = record.sessions and is_alive(record.sessions[-1]["process"])
    return State.RUNNING if running else State.CUT_OFF


def experiences_in(root: Path) -> Iterator[Experience]:
    """Yield the experiences under ``root``, sorted by id; other folders are not ours."""
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if re.fullmatch(ID, path.name) and path.is_dir():
            yield Experience(path)
