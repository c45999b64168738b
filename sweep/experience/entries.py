"""sweep.experience.entries."""

from typing import Any

from sweep.experience.folder import Experience
from sweep.experience.heartbeat import Heartbeat, read_heartbeat
from sweep.experience.record import Record


def have_trained(experience: Experience, record: Record, since: int = 0) -> bool:
    """Tell whether any of its sessions, from that number on, has trained a batch, as far as its signs of life say."""
    pairs = zip(
        record.sessions, session_ends(record, last_heartbeat(experience, record)), strict=True
    )
    return any(
        (end["epoch"], end["batch"]) > (one["epoch"], one["batch"])
        for one, end in list(pairs)[since:]
    )


def session_ends(record: Record, pulse: Heartbeat | None) -> list[dict[str, Any]]:
    """Return where each session ended; where the last one did not say so, where its last sign of life was.

    Args:
        record: of the experience.
        pulse: see ``last_pulse``.
    """
    pulses = [*[None] * (len(record.sessions) - 1), pulse]
    seen = [
        vars(last) if last else {**one, "trained_s": 0.0}
        for one, last in zip(record.sessions, pulses, strict=False)
    ]
    return [one.get("ended") or end for one, end in zip(record.sessions, seen, strict=True)]


def last_heartbeat(experience: Experience, record: Record) -> Heartbeat | None:
    """Return the last sign of life of the last session; None where there is none of it."""
    pulse = read_heartbeat(experience.pulse)
    return pulse if pulse and pulse.session == len(record.sessions) - 1 else None
