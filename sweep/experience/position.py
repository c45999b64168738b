"""The position of a training: the JSON file of a backup, with its own checksum."""

import hashlib
import json
from dataclasses import dataclass, field
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
    """How far a training is, with all that its other files and its weights do not say.

    ``epoch`` and ``batch`` are those of the next batch, both from 0; plain Keras reads these two.
    ``log`` is the whole ``log.csv`` of that moment, and ``logs`` are the metrics after the last
    batch. ``state`` is what ``sweep.training.state.training_state`` captured, ``record`` the
    content of ``experience.json``, and ``saved`` the time in UTC. ``phases`` has the first epoch of
    each phase that has begun; where that is only the first, no file says so.
    """

    epoch: int
    batch: int
    stop_training: bool
    log: str
    logs: dict[str, Any]
    state: dict[str, Any]
    saved: str
    record: dict[str, Any] | None = None
    phases: list[int] = field(default_factory=lambda: [0])

    def best(self) -> BestEpoch | None:
        """Return the best of the trained epochs, or None where there is none."""
        return best_of(self.curve(), self._objective())

    def curve(self) -> list[float]:
        """Return the monitored value of each trained epoch."""
        return curve_of(self.log.encode(), Path(POSITION), self._objective().name)

    def _objective(self) -> Objective:
        return Objective(*((self.record or {}).get("aims") or DEFAULT)[0])


def parse_position(text: bytes) -> tuple[Position, str]:
    """Return the position and the digest of its weights.

    Raises:
        Unreadable: the text is torn or not a position of sweep. One with further keys counts as
            such too: it is of a newer version, and may need what this version does not know.
        LogUnreadable: its log is foreign.
    """
    content = parse(text, MOST_BYTES_OF_POSITION)
    checksum = content.pop("checksum", None) if isinstance(content, dict) else None
    check(content, schemas.PositionShape)
    has_more = not content.keys() <= schemas.PositionShape.__annotations__.keys()
    if checksum != _checksum(content) or has_more:
        raise Unreadable("its checksum is another one, or it has more than a position")
    digest = content.pop("weights")
    position = Position(**content)
    position.curve()
    return position, digest


def as_text(position: Position, digest: str) -> bytes:
    """Return the text that ``parse_position`` reads; ``digest`` is the SHA-256 of the weights."""
    content = {"weights": digest, **vars(position)}
    if len(position.phases) == 1:
        del content["phases"]
    return json.dumps({"checksum": _checksum(content), **content}).encode()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
