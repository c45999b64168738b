"""``pulse.json``, the heartbeat of a training: how far it is, for whoever watches.

It also tells what an interruption has cost. It is not part of the state: it is not synced to the
disk, and nothing else is lost with it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.experience.schemas import Count, Epoch, Name, Seconds
from sweep.system import plain_files
from sweep.system.files import unfenced, write_whole
from sweep.system.json_text import Unreadable, read


@dataclass(frozen=True)
class Heartbeat:
    """How far a training is.

    ``session`` counts from 0. ``epoch`` and ``batch`` are the next to train, and ``batches`` is the
    number of batches in an epoch. ``trained_s`` is the time since the first batch of the session.
    ``unsaved_s`` and ``unsaved_batches`` are what an interruption would lose now. ``at`` is the
    time in UTC. ``logs`` are the running metrics after the batch, unrounded, or None before the
    first. ``saves_every_s`` is the time between two backups, and ``saves_because`` its reason in
    words; older versions wrote neither.
    """

    session: Count
    epoch: Epoch
    batch: Count
    batches: Count
    trained_s: Seconds
    unsaved_s: Seconds
    unsaved_batches: Count
    at: Name
    logs: dict[str, Any] | None = None
    saves_every_s: Seconds | None = None
    saves_because: Name | None = None


def write_heartbeat(path: Path, heartbeat: Heartbeat, fence: Callable[[], None] = unfenced) -> None:
    """Put the heartbeat in place, unless the fence raises.

    Raises:
        OSError: the disk is full or gone.
    """
    write_whole(path, json.dumps(asdict(heartbeat)).encode(), sync=False, fence=fence)


def read_heartbeat(path: Path) -> Heartbeat | None:
    """Return the latest heartbeat, or None where there is none or it is torn."""
    try:
        return read(plain_files.read(path), Heartbeat)
    except (OSError, Unreadable):
        return None


def last_heartbeat(experience: Experience, record: Record) -> Heartbeat | None:
    """Return the last heartbeat of the last session, or None where there is none."""
    heartbeat = read_heartbeat(experience.heartbeat)
    return heartbeat if heartbeat and heartbeat.session == len(record.sessions) - 1 else None
