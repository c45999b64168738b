"""One session of a training: how its beginning and its end stand in the record, and its signs of life between."""

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from sweep import resume
from sweep.experience import Experience
from sweep.host import gpu_is_visible, now, processor, this_process, versions
from sweep.job import Job
from sweep.pulse import Pulse, read_pulse, write_pulse
from sweep.record import Record


@dataclass
class Reached:
    """How far a session is: the next batch to train, of ``batches`` an epoch, and what of it is in no backup yet.

    ``is_noted`` tells whether the session stands in the record.
    """

    epoch: int = 0
    batch: int = 0
    batches: int = 0
    process_at: float = field(default_factory=time.monotonic)
    begun_at: float | None = None
    saved_at: float = 0.0
    unsaved_batches: int = 0
    is_noted: bool = False

    def trained_s(self) -> float:
        """Return the seconds since the first batch of the session."""
        return time.monotonic() - self.begun_at if self.begun_at else 0.0

    def prepared_s(self) -> float:
        """Return the seconds before the first batch of the session."""
        return (self.begun_at or time.monotonic()) - self.process_at

    def unsaved_s(self) -> float:
        """Return the seconds since the latest backup, or since the first batch where there is none yet."""
        return time.monotonic() - self.saved_at if self.begun_at else 0.0


def begin(job: Job, start: resume.Generation | None, batches: int, reached: Reached) -> None:
    """Write ``experience.json``, before the first batch."""
    record = job.record
    position = start.position if start else None
    session = {
        "begun": now(),
        "epoch": position.epoch if position else 0,
        "batch": position.batch if position else 0,
        "batches": batches,
        "process": this_process(),
        "processor": processor(),
        "versions": versions(),
    }
    record.approximate_because = record.approximate_because or _approximate_because(job, session)
    _close_the_one_before(job)
    record.sessions.append(session)
    job.experience.write(record)
    reached.is_noted, reached.batches = True, batches


def _close_the_one_before(job: Job) -> None:
    """Note how far the session before this one came; its last sign of life says so."""
    sessions = job.record.sessions
    if sessions and "ended" not in sessions[-1]:
        last, pulse = sessions[-1], read_pulse(job.experience.pulse)
        here = pulse if pulse and pulse.session == len(sessions) - 1 else None
        last["ended"] = {
            "how": "cut",
            "epoch": here.epoch if here else last["epoch"],
            "batch": here.batch if here else last["batch"],
            "trained_s": here.trained_s if here else 0.0,
        }


def end(job: Job, how: str, reached: Reached) -> None:
    """Note that and where this session ended by itself."""
    for last in job.record.sessions[-1:] if reached.is_noted else ():
        last["ended"] = {
            "how": how,
            "epoch": reached.epoch,
            "batch": reached.batch,
            "trained_s": round(reached.trained_s(), 3),
            "prepared_s": round(reached.prepared_s(), 3),
        }
    job.experience.write(job.record)
    job.experience.pulse.unlink(missing_ok=True)


def write_sign_of_life(job: Job, reached: Reached) -> None:
    """Write how far the session is just now. Where the disk is full or gone, it is not written."""
    pulse = Pulse(
        session=len(job.record.sessions) - 1,
        epoch=reached.epoch,
        batch=reached.batch,
        batches=reached.batches,
        trained_s=round(reached.trained_s(), 3),
        unsaved_s=round(reached.unsaved_s(), 3),
        unsaved_batches=reached.unsaved_batches,
        at=now(),
    )
    with contextlib.suppress(OSError):  # a sign of life: what cannot be saved is said by the backup
        write_pulse(job.experience.pulse, pulse)


def _approximate_because(job: Job, session: dict[str, Any]) -> str | None:
    if gpu_is_visible():
        return "trained where a GPU is visible, whose arithmetic was never compared over a cut"
    goes_on = session["epoch"] or session["batch"]
    for before in _sessions_before(job)[-1:] if goes_on else ():
        for what, how in (("processor", "on another processor"), ("versions", "with other versions")):
            if session[what] != before.get(what):
                return f"it went on {how}: {before.get(what)}, then {session[what]}"
    return None


def _sessions_before(job: Job) -> list[dict[str, Any]]:
    """Return the sessions of this training, or, before its first, those of the shorter one that it extends."""
    parent = parent_of(job)
    return job.record.sessions or (parent.sessions if parent else [])


def parent_of(job: Job) -> Record | None:
    """Return the record of the shorter training that this one extends, or None."""
    name = job.record.parent
    return resume.read_record(Experience(job.experience.path.with_name(name))) if name else None
