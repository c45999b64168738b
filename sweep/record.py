"""The content of ``experience.json``: what a reader needs in five years, and what nobody else may put there."""

import json
import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sweep.aims import DEFAULT, MODES, Aim
from sweep.files import parse_json
from sweep.host import is_alive
from sweep.identity import ID_DIGITS


class State(StrEnum):
    """What has become of an experience."""

    NEW = "new"
    RUNNING = "running"
    CUT_OFF = "cut_off"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"


# What the reader of a record raises for a file that holds something else.
NO_RECORD = (ValueError, TypeError, KeyError, AttributeError)


ID = rf"[0-9a-f]{{{ID_DIGITS}}}"
SHA256 = r"[0-9a-f]{64}"
MOST = 2**40  # of anything that is counted here
LAST_YEAR = 3000
AMOUNTS = ("epoch", "batch", "trained_s", "prepared_s")
SHAPE = {
    "id_experience": str,
    "search_space": dict,
    "parameters": dict,
    "seed": int,
    "threads": int,
    "trials": list,
    "sessions": list,
}


@dataclass
class Outcome:
    """How a training ended: ``state`` is finished, failed or pruned; ``reason`` says why it is not finished.

    ``values`` has the aims at the best epoch, which is ``epoch``; ``constraints`` what the search space's function of that
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
    ``sweep.search_space.Source.identity``. Older records have no ``modules`` and no ``accepted``.
    ``trials`` has an entry for each trial of Optuna that led here: number, params, distributions, attributes, begun, ended,
    and ``came_from``, the root that it was merged from, or None; where it is repeated with other seeds, ``repeat`` (from 0)
    of so many ``repeats``.
    ``sessions`` has one for each process that trained here: begun, epoch, batch, process, versions, ``machine`` (see
    ``sweep.host.machine``; older sessions have none), and ``ended``: how, epoch, batch, trained_s (seconds), which the next
    session writes where this one was cut off. One that resumed has ``proof``: how often it was ``compared`` with what the
    one before had left, and what ``differs``; and ``evidence``, which is still to be compared.
    ``approximate_because`` has the reasons why this training may differ from an uncut one, or is None.
    ``parent`` is the ``id_experience`` of the shorter training that this one extends, or None.
    ``aims`` are those of the search space, ``count_params`` the number of weights of the model, once it was built.
    ``data`` is what it is trained on: arrays, train(epoch), PyDataset or tf.data.Dataset; None before its first session.
    ``data_identity`` is what these data are known again by: ``digest``, the first of the ``files`` that ``load_data`` opened
    (path, bytes, modified), and the ``count`` of them all; None where an older version trained it.
    ``holder`` is the process that has written here last, as ``sweep.host.this_process`` names it, and its ``number``: how
    many have taken the folder over. Who is no longer the holder writes nothing more. None where an older version trained it.
    ``unpruned`` says that the end which a pruner gave it was taken back: it is trained without the pruner's word since.
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
    aims: list[Aim] = field(default_factory=lambda: list(DEFAULT))
    count_params: int | None = None
    data: str | None = None
    unpruned: bool = False
    data_identity: dict[str, Any] | None = None
    holder: dict[str, Any] | None = None

    def mark_approximate(self, reason: str) -> None:
        """Note why this training may differ from an uncut one, after the reasons that there are."""
        if not self.approximate_because:
            self.approximate_because = reason
        elif reason not in self.approximate_because:
            self.approximate_because += f"; {reason}"

    @property
    def aim(self) -> Aim:
        """The first of the aims: it decides what the best epoch is."""
        return self.aims[0]

    def seconds_per_epoch(self) -> float:
        """Return the seconds that an epoch takes, validation and saves included, by all sessions that trained."""
        ends = [(one, one["ended"]) for one in self.sessions if one.get("ended") and one.get("batches")]
        epochs = [end["epoch"] - one["epoch"] + (end["batch"] - one["batch"]) / one["batches"] for one, end in ends]
        return float(sum(end["trained_s"] for _, end in ends) / sum(epochs)) if sum(epochs) > 0 else 0.0

    @classmethod
    def from_json(cls, text: bytes) -> "Record":
        """Raises NO_RECORD where ``text`` is torn or is no record."""
        content = parse_json(text)
        if b"\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()  # half a letter, which no file and no page can hold
        return cls.from_content(content)

    @classmethod
    def from_content(cls, content: Any) -> "Record":
        """Raises NO_RECORD where ``content`` is not what ``as_content`` returned."""
        known = _known_fields(cls, content)
        outcome = known.get("outcome")
        if outcome and outcome.get("val_acc") is not None:  # written before there were other aims
            known["outcome"] = {"values": {"val_acc": outcome["val_acc"]}, **outcome}
        if not _is_of_our_shape(known):
            raise ValueError("not the shape of a record")
        if outcome:
            outcome = _known_fields(Outcome, known["outcome"])
            known["outcome"] = Outcome(**{**outcome, "state": State(outcome["state"])})
        if "aims" in known:
            known["aims"] = [Aim(*aim) for aim in known["aims"]]
        return cls(**known)

    def as_content(self) -> dict[str, Any]:
        return {
            **vars(self),
            "aims": [list(aim) for aim in self.aims],
            "outcome": vars(self.outcome) if self.outcome else None,
        }

    def as_json(self) -> bytes:
        """Return the content with a line for each field, trial and session.

        Not by ``json.dumps(indent=…)``, whose time is seen where hundreds of equal proposals have led to one experience.
        """
        fields = ",\n".join(f'  "{name}": {_as_lines(value)}' for name, value in self.as_content().items())
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
    running = record.sessions and is_alive(record.sessions[-1]["process"])
    return State.RUNNING if running else State.CUT_OFF


def _known_fields(kind: type, content: Any) -> dict[str, Any]:
    """Leave out what a newer version wrote besides."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in content.items() if name in names}


def _is_of_our_shape(record: dict[str, Any]) -> bool:
    """Tell whether all that others compute with is of its kind: a record may come from anybody.

    Raises NO_RECORD where it is not even in its place.
    """
    return (
        all(isinstance(record[name], kind) for name, kind in SHAPE.items())
        and (record.get("parent") is None or re.fullmatch(ID, record["parent"]) is not None)
        and isinstance(record.get("data"), str | None)
        and _is_data_identity(record.get("data_identity"))
        and isinstance(record.get("unpruned", False), bool)
        and _is_code(record["search_space"])
        and _is_count(record["parameters"].get("epochs", 0))
        and _are_aims(record.get("aims", DEFAULT))
        and _is_count(record.get("count_params") or 0)
        and all(_is_trial(trial) for trial in record["trials"])
        and all(_is_session(session) for session in record["sessions"])
        and _is_outcome(record.get("outcome"))
    )


def _is_code(code: dict[str, Any]) -> bool:
    accepted = code.get("accepted", [])
    return (
        isinstance(code["name"], str)
        and all(map(_are_texts, (code["fingerprint"], *code.get("modules", {}).values())))
        and isinstance(accepted, list)
        and all(isinstance(digest, str) for digest in accepted)
    )


def _are_texts(texts: dict[str, Any]) -> bool:
    return all(isinstance(text, str) for text in texts.values())


def _is_data_identity(data: dict[str, Any] | None) -> bool:
    return data is None or (
        re.fullmatch(SHA256, data["digest"]) is not None
        and _is_count(data["count"])
        and isinstance(data["files"], list)
        and all(map(_is_file, data["files"]))
    )


def _is_file(file: dict[str, Any]) -> bool:
    return isinstance(file["path"], str) and isinstance(file["bytes"], int) and _is_time(file["modified"])


def _is_trial(trial: dict[str, Any]) -> bool:
    counts = (trial["number"], trial.get("repeat", 0), trial.get("repeats", 1))
    return all(map(_is_count, counts)) and isinstance(trial["ended"], str | None)


def _is_session(session: dict[str, Any]) -> bool:
    process, end = session["process"], session.get("ended")
    return (
        _is_time(session["begun"])
        and all(_is_count(session.get(name, 0)) for name in ("epoch", "batch", "batches"))
        and session.keys() >= {"epoch", "batch"}
        and isinstance(process["host"], str)
        and _is_count(process["pid"])
        and 0 < process["pid"] < 2**31
        and isinstance(process["started"], int | float)
        and _is_proof(session.get("proof"))
        and _is_machine(session.get("machine"))
        and (end is None or (isinstance(end["how"], str) and all(_is_amount(end.get(name, 0)) for name in AMOUNTS)))
        and (end is None or end.keys() >= {"epoch", "batch", "trained_s"})
    )


def _is_proof(proof: dict[str, Any] | None) -> bool:
    return proof is None or (_is_count(proof["compared"]) and all(isinstance(one, str) for one in proof["differs"]))


def _is_machine(machine: dict[str, Any] | None) -> bool:
    """Tell whether it is what ``sweep.host.machine`` returns; older sessions have none."""
    return machine is None or (
        isinstance(machine["flags"], list)
        and all(isinstance(flag, str) for flag in machine["flags"])
        and _are_texts(machine["environment"])
    )


def _is_outcome(outcome: dict[str, Any] | None) -> bool:
    if outcome is None:
        return True
    files = [outcome.get(name) for name in ("log", "model")]
    values, constraints = outcome.get("values", {}), outcome.get("constraints") or []
    return (
        isinstance(outcome.get("epoch"), int | None)
        and all(isinstance(name, str) and isinstance(value, int | float) for name, value in values.items())
        and all(isinstance(value, int | float) for value in constraints)
        and isinstance(outcome.get("reason"), str | None)
        and all(one is None or (_is_count(one["bytes"]) and isinstance(one["sha256"], str)) for one in files)
    )


def _are_aims(aims: Any) -> bool:
    return len(aims) > 0 and all(isinstance(name, str) and mode in MODES for name, mode in aims)


def _is_time(value: str) -> bool:
    """Tell whether it is a time with its zone. Years that dates cannot be reckoned with are none."""
    time = datetime.fromisoformat(value)
    return time.tzinfo is not None and 1970 <= time.year < LAST_YEAR


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < MOST  # which NaN is not


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST
