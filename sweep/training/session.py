"""One session of a training: how its beginning and its end stand in the record, and its signs of life between."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sweep.experience import backup_files, resume_start
from sweep.experience.accounting import session_ends
from sweep.experience.entries import Comparison, Session, SessionEnd
from sweep.experience.folder import Experience
from sweep.experience.heartbeat import Heartbeat, last_heartbeat, write_heartbeat
from sweep.experience.lease import Superseded
from sweep.experience.record import Outcome, Record
from sweep.experience.resume_proof import NO_EVIDENCE, Evidence, Proof, Sample
from sweep.system import gpu, plain_files
from sweep.system.host import Machine, is_on_drive, machine, now, processor, this_process, versions
from sweep.training.protocol import Job, Link, Warned

EVERY_S, EVERY_S_ON_DRIVE = 0.5, 30.0  # Drive keeps every file that is overwritten in its trash
BEAT_S = 5.0  # what keeps a lease, of which there are a few a minute


@dataclass
class TrainingProgress:
    """How far a session is: the next batch to train, of ``batches`` an epoch, and what of it is in no backup yet.

    ``logs`` are the running metrics after the last batch of this epoch, and ``measure`` returns what else is known of this
    moment. It ``is_at_work`` once it has trained a batch, or has begun to validate. ``sign`` is there once the session
    stands in the record. ``sample`` is what a session that was stopped leaves as evidence.
    """

    epoch: int = 0
    batch: int = 0
    batches: int = 0
    process_at: float = field(default_factory=time.monotonic)
    begun_at: float | None = None
    saved_at: float = 0.0
    unsaved_batches: int = 0
    logs: dict[str, Any] | None = None
    measure: Callable[[], dict[str, Any]] = dict
    is_at_work: bool = False
    sign: "HeartbeatWriter | None" = None
    sample: Sample | None = None

    def trained_s(self) -> float:
        """Return the seconds since the first batch of the session."""
        return time.monotonic() - self.begun_at if self.begun_at else 0.0

    def prepared_s(self) -> float:
        """Return the seconds before the first batch of the session."""
        return (self.begun_at or time.monotonic()) - self.process_at

    def unsaved_s(self) -> float:
        """Return the seconds since the latest backup, or since the first batch where there is none yet."""
        return time.monotonic() - self.saved_at if self.begun_at else 0.0


class HeartbeatWriter:
    """Keeps ``pulse.json``: how far a session is, and that it lives. Where the disk is full or gone, it is not written.

    Args:
        job: whose record has the session already.
        reached: how far the session is.
    """

    def __init__(self, job: Job, reached: TrainingProgress) -> None:
        self._experience, self._session, self._reached = (
            job.experience,
            len(job.record.sessions) - 1,
            reached,
        )
        self._every_s = EVERY_S_ON_DRIVE if is_on_drive(job.experience.path) else EVERY_S
        self._written_at = -math.inf
        self._lock, self._ended = threading.Lock(), threading.Event()
        self.beat()
        threading.Thread(target=self._keep_beating, daemon=True).start()

    def beat(self) -> None:
        """Say how far the session is, unless it was said just now."""
        if time.monotonic() - self._written_at > self._every_s:
            self._latest = self._heartbeat()
            self._write(self._latest)

    def end(self) -> None:
        """Take the sign away."""
        with self._lock:
            self._ended.set()
            self._experience.fence()
            plain_files.remove(self._experience.heartbeat)

    def _keep_beating(self) -> None:
        """Between two batches much time may pass: say again what was said last."""
        while not self._ended.wait(self._every_s):
            if time.monotonic() - self._written_at > max(BEAT_S, self._every_s):
                self._write(replace(self._latest, at=now()))

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            session=self._session,
            epoch=self._reached.epoch,
            batch=self._reached.batch,
            batches=self._reached.batches,
            trained_s=round(self._reached.trained_s(), 3),
            unsaved_s=round(self._reached.unsaved_s(), 3),
            unsaved_batches=self._reached.unsaved_batches,
            at=now(),
            logs=self._reached.logs and {**self._reached.logs, **self._reached.measure()},
        )

    def _write(self, heartbeat: Heartbeat) -> None:
        # What cannot be saved, or is another's by now, is said by the backup.
        with self._lock, contextlib.suppress(OSError, Superseded):
            if not self._ended.is_set():
                write_heartbeat(self._experience.heartbeat, heartbeat, self._experience.fence)
                self._written_at = time.monotonic()


def begin(
    job: Job, link: Link, start: resume_start.Start, batches: int, reached: TrainingProgress
) -> Proof:
    """Write ``experience.json``, before the first batch, and return the proof that the session has to give."""
    record = job.record
    position = start.backup.position if start.backup else None
    session = Session(
        begun=now(),
        epoch=position.epoch if position else 0,
        batch=position.batch if position else 0,
        batches=batches,
        process=this_process(),
        processor=processor(),
        versions=versions(),
        machine=machine(),
        cluster=job.cluster or None,
    )
    for why in _why_approximate(job, session):
        record.mark_approximate(why)
    evidence = _evidence(job, start).after(session.epoch, session.batch)
    if not evidence.is_empty():
        session.evidence = evidence.as_content()
    _close_the_one_before(job)
    record.sessions.append(session)
    job.experience.write(record)
    reached.epoch, reached.batch, reached.batches = session.epoch, session.batch, batches
    reached.sign = HeartbeatWriter(job, reached)
    proof = Proof(evidence, lambda difference: _note_comparison(job, link, proof, difference))
    return proof


def _evidence(job: Job, start: resume_start.Start) -> Evidence:
    """Return what the session before has left, and what it had not come to meet itself."""
    if not job.record.sessions:
        return NO_EVIDENCE
    before, heartbeat = job.record.sessions[-1], last_heartbeat(job.experience, job.record)
    sample = (before.ended and before.ended.sample) or (
        heartbeat and heartbeat.logs and [heartbeat.epoch, heartbeat.batch, heartbeat.logs]
    )
    header, *rows = start.rows_beyond or ("",)
    left = {"header": header, "rows": rows, "samples": [sample] if sample else []}
    return Evidence.from_content(left) + Evidence.from_content(before.evidence)


def _note_comparison(job: Job, link: Link, proof: Proof, difference: str | None) -> None:
    session = job.record.sessions[-1]
    noted = session.proof = session.proof or Comparison()
    noted.compared += 1
    is_empty = proof.evidence.is_empty()
    session.evidence = None if is_empty else proof.evidence.as_content()
    is_first = difference is not None and not noted.differs
    if difference and is_first:
        noted.differs.append(difference)
        where = f"at epoch {session.epoch}, batch {session.batch}"
        why = f"it was resumed {where}, and did not continue as before: {difference}"
        link.tell(Warned(why))
        if not any(before.proof and before.proof.differs for before in job.record.sessions[:-1]):
            job.record.mark_approximate(why)
    if is_first or noted.compared == 1 or is_empty:
        with contextlib.suppress(OSError):  # the end of the session writes it again
            job.experience.write(job.record)


def _close_the_one_before(job: Job) -> None:
    """Note how far the session before this one came; its last sign of life says so."""
    sessions = job.record.sessions
    if sessions and not sessions[-1].ended:
        end = session_ends(job.record, last_heartbeat(job.experience, job.record))[-1]
        sessions[-1].ended = replace(end, how="cut")


def end(job: Job, how: str, reached: TrainingProgress, outcome: Outcome | None = None) -> None:
    """Note that and where this session ended by itself, and how the training did, where it did."""
    if reached.sign:
        job.record.sessions[-1].ended = SessionEnd(
            how=how,
            epoch=reached.epoch,
            batch=reached.batch,
            trained_s=round(reached.trained_s(), 3),
            prepared_s=round(reached.prepared_s(), 3),
            sample=[*vars(reached.sample).values()] if reached.sample else None,
        )
    if outcome:
        outcome.values, outcome.epoch = job.experience.values(job.record)
        job.record.outcome = outcome
    job.experience.write(job.record)
    if reached.sign:
        reached.sign.end()


def _why_approximate(job: Job, session: Session) -> Iterator[str]:
    """Yield how this machine differs from the one before, in what decides the bits."""
    if gpu.is_visible():
        yield "trained where a GPU is visible, whose arithmetic was never compared over a cut"
    resumes = session.epoch or session.batch
    for before in _sessions_before(job)[-1:] if resumes else ():
        for how, was, now_is in (
            ("on another processor", before.processor, session.processor),
            ("with other versions", before.versions, session.versions),
        ):
            if now_is != was:
                yield f"it went on {how}: {was}, then {now_is}"
        if before.machine and session.machine:
            yield from (f"it went on {how}" for how in differences(before.machine, session.machine))


def differences(before: Machine, now: Machine) -> Iterator[str]:
    """Yield in words what two sessions have not in common of their machines."""
    lost, won = (
        sorted(set(one.flags) - set(other.flags)) for one, other in ((before, now), (now, before))
    )
    if lost or won:
        said = [*(f"without {flag}" for flag in lost), *(f"with {flag}" for flag in won)]
        yield f"with another instruction set: {', '.join(said)}"
    was, there_is = before.environment, now.environment
    for name in sorted({*was, *there_is}):
        if was.get(name) != there_is.get(name):
            yield f"with {name}={there_is.get(name, 'nothing')} in place of {was.get(name, 'nothing')}"
    for what, then, today in (
        ("hash seed", before.hash_seed, now.hash_seed),
        ("C library", before.libc, now.libc),
    ):
        if then != today:
            yield f"with another {what}: {then}, then {today}"


def _sessions_before(job: Job) -> list[Session]:
    """Return the sessions of this training, or, before its first, those of the shorter one that it extends."""
    parent = parent_of(job)
    return job.record.sessions or (parent.sessions if parent else [])


def parent_of(job: Job) -> Record | None:
    """Return the record of the shorter training that this one extends, or None."""
    name = job.record.parent
    return (
        backup_files.read_record(Experience(job.experience.path.with_name(name))) if name else None
    )
