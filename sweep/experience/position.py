"""The position of a training: the part of a backup that is JSON, with a checksum."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.experience import schemas
from sweep.experience.log_csv import BestEpoch, best_of, curve_of
from sweep.experience.schemas import MOST_BYTES_OF_POSITION
from sweep.space.objectives import DEFAULT, Objective
from sweep.system.json_text import Unreadable, check, parse

POSITION = "training_metadata.json"


@dataclass(frozen=True)
class Position:
    """Where a training stands and all that its files and weights do not say. The first two are what plain Keras reads.

    ``epoch`` and ``batch`` count what is trained: the next batch is ``batch`` of ``epoch``, both from 0.
    ``log`` is the whole ``log.csv`` of that moment, ``logs`` what the last batch gave, ``state`` what ``sweep.training.state.training_state``
    captured, ``record`` the content of ``experience.json``, ``saved`` the time in UTC.
    """

    epoch: int
    batch: int
    stop_training: bool
    log: str
    logs: dict[str, Any]
    state: dict[str, Any]
    saved: str
    record: dict[str, Any] | None = None

    def best(self) -> BestEpoch | None:
        """Return the best of the epochs that are trained."""
        return best_of(self.curve(), self._objective())

    def curve(self) -> list[float]:
        """Return what is monitored, by epoch that is trained."""
        return curve_of(self.log.encode(), Path(POSITION), self._objective().name)

    def _objective(self) -> Objective:
        return Objective(*((self.record or {}).get("aims") or DEFAULT)[0])


def parse_position(text: bytes) -> tuple[Position, str]:
    """Return the position and the digest of its weights.

    Raises:
        Unreadable: it is torn, or no position of ours; a newer version's may need what this one does not know.
        LogUnreadable: its log is foreign.
    """
    content = parse(text, MOST_BYTES_OF_POSITION)
    checksum = content.pop("checksum", None) if isinstance(content, dict) else None
    check(content, schemas.Position)
    if (
        checksum != _checksum(content)
        or not content.keys() <= schemas.Position.__annotations__.keys()
    ):
        raise Unreadable("its checksum is another one, or it has more than a position")
    digest = content.pop("weights")
    position = Position(**content)
    position.curve()
    return position, digest


def as_text(position: Position, digest: str) -> bytes:
    content = {"weights": digest, **vars(position)}
    return json.dumps({"checksum": _checksum(content), **content}).encode()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
