"""One session of a training in the record: its beginning, its comparisons and its end.

The record has one writer a phase: the controller makes it, a process that is to train enters
itself as its holder, and from the first batch to the end ``TrainingSession`` alone changes it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from sweep.experience.accounting import session_ends
from sweep.experience.entries import Comparison, Session, SessionEnd
from sweep.experience.heartbeat import last_heartbeat
from sweep.experience.record import Outcome
from sweep.experience.resume_proof import NO_EVIDENCE, Evidence, Proof
from sweep.experience.resume_start import Start
from sweep.system import gpu
from sweep.system.host import machine, now, processor, this_process, versions
from sweep.training.findings import Findings
from sweep.training.heartbeat_writer import HeartbeatWriter
from sweep.training.machine_differences import describe_differences
from sweep.training.parent_comparison import parent_of
from sweep.training.protocol import Job, Link, Warned
from sweep.training.training_progress import TrainingProgress


class TrainingSession:
    """The one writer of the record while a training runs.

    Args:
        job: what is trained.
        link: is told what makes the training approximate, and of a resume that is not exact.
        progress: how far the training is.
    """

    def __init__(self, job: Job, link: Link, progress: TrainingProgress) -> None:
        self._job, self._link, self.progress = job, link, progress
        self._heartbeat: HeartbeatWriter | None = None
        self.proof = Proof(NO_EVIDENCE, self.compare)

    @property
    def has_begun(self) -> bool:
        """Whether the session stands in the record."""
        return self._heartbeat is not None

    def note(self, findings: Findings) -> None:
        """Put what the preparation has found out into the record, which is not written yet."""
        record = self._job.record
        record.data, record.data_identity = findings.data, findings.data_identity
        record.objectives = list(findings.objectives)
        record.count_params = findings.count_params
        for why in findings.approximate_because:
            record.mark_approximate(why)

    def begin(self, start: Start, batches: int, findings: Findings) -> None:
        """Write the session into ``experience.json``, before its first batch.

        From then on, ``proof`` has what the session must reach again.

        Args:
            start: where the training resumes, or begins.
            batches: the number of batches of an epoch.
            findings: those of the preparation.
        """
        record, progress = self._job.record, self.progress
        known = record.approximate_because
        self.note(findings)
        session = self._new_session(start, batches)
        for why in self._why_approximate(session):
            record.mark_approximate(why)
        if record.approximate_because != known:
            self._tell_approximate(str(record.approximate_because))
        evidence = self._evidence(start).after(session.epoch, session.batch)
        if not evidence.is_empty():
            session.evidence = evidence.as_content()
        self._close_the_one_before()
        record.sessions.append(session)
        self._job.experience.write(record)
        progress.epoch, progress.batch, progress.batches = session.epoch, session.batch, batches
        self._heartbeat = HeartbeatWriter(self._job, progress)
        self.proof = Proof(evidence, self.compare)

    def is_to_be_paused(self) -> bool:
        """Tell whether the training has come to the epoch before which it is paused."""
        until, progress = self._job.until, self.progress
        return until is not None and progress.epoch >= until and not progress.batch

    def heartbeat(self) -> None:
        """Write how far the session is, unless that was written just now."""
        if self._heartbeat:
            self._heartbeat.beat()

    def mark_approximate(self, reason: str) -> None:
        """Write into the record why the training may differ from an uninterrupted one."""
        self._job.record.mark_approximate(reason)
        self._job.experience.write(self._job.record)
        self._tell_approximate(reason)

    def _tell_approximate(self, why: str) -> None:
        self._link.tell(Warned(f"approximate: {why}", once=True))

    def compare(self, difference: str | None) -> None:
        """Record a comparison with what the session before has left.

        Args:
            difference: in words, or None.
        """
        record = self._job.record
        session, evidence = record.sessions[-1], self.proof.evidence
        proof = session.proof = session.proof or Comparison()
        proof.compared += 1
        is_complete = evidence.is_empty()
        session.evidence = None if is_complete else evidence.as_content()
        is_first = difference is not None and not proof.differs
        if difference and is_first:
            proof.differs.append(difference)
            where = f"at epoch {session.epoch}, batch {session.batch}"
            why = f"it was resumed {where}, and did not continue as before: {difference}"
            self._link.tell(Warned(why))
            if not any(before.proof and before.proof.differs for before in record.sessions[:-1]):
                record.mark_approximate(why)
        if is_first or proof.compared == 1 or is_complete:
            with contextlib.suppress(OSError):  # the end of the session writes it again
                self._job.experience.write(record)

    def end(self, how: str, outcome: Outcome | None = None) -> None:
        """Record how and where the session ended, and how the training did.

        Args:
            how: outcome, paused, stopped or raised.
            outcome: of the training, where it has ended.
        """
        record, progress = self._job.record, self.progress
        if self._heartbeat:
            record.sessions[-1].ended = SessionEnd(
                how=how,
                epoch=progress.epoch,
                batch=progress.batch,
                trained_s=round(progress.trained_s(), 3),
                prepared_s=round(progress.prepared_s(), 3),
                sample=[*vars(progress.sample).values()] if progress.sample else None,
            )
        if outcome:
            outcome.values, outcome.epoch = self._job.experience.values(record)
            record.outcome = outcome
        self._job.experience.write(record)
        if self._heartbeat:
            self._heartbeat.end()

    def _new_session(self, start: Start, batches: int) -> Session:
        position = start.backup.position if start.backup else None
        return Session(
            begun=now(),
            epoch=position.epoch if position else 0,
            batch=position.batch if position else 0,
            batches=batches,
            process=this_process(),
            processor=processor(),
            versions=versions(),
            machine=machine(),
            cluster=self._job.cluster or None,
            until=self._job.until,
        )

    def _evidence(self, start: Start) -> Evidence:
        """Return what the session before has left, and what it had not reached again itself."""
        record = self._job.record
        if not record.sessions:
            return NO_EVIDENCE
        before, heartbeat = record.sessions[-1], last_heartbeat(self._job.experience, record)
        sample = (before.ended and before.ended.sample) or (
            heartbeat and heartbeat.logs and [heartbeat.epoch, heartbeat.batch, heartbeat.logs]
        )
        header, *rows = start.rows_beyond or ("",)
        left = {"header": header, "rows": rows, "samples": [sample] if sample else []}
        return Evidence.from_content(left) + Evidence.from_content(before.evidence)

    def _close_the_one_before(self) -> None:
        """Record how far an interrupted session came, by its last heartbeat."""
        record = self._job.record
        if record.sessions and not record.sessions[-1].ended:
            end = session_ends(record, last_heartbeat(self._job.experience, record))[-1]
            record.sessions[-1].ended = replace(end, how="cut")

    def _why_approximate(self, session: Session) -> Iterator[str]:
        """Yield how this machine differs from the one before, where that decides the bits."""
        if gpu.is_visible():
            yield "trained where a GPU is visible, whose arithmetic was never compared over a cut"
        before = self._session_before() if session.epoch or session.batch else None
        if not before:
            return
        for change, old, new in (
            ("on another processor", before.processor, session.processor),
            ("with other versions", before.versions, session.versions),
        ):
            if new != old:
                yield f"it went on {change}: {old}, then {new}"
        if before.machine and session.machine:
            for change in describe_differences(before.machine, session.machine):
                yield f"it went on {change}"

    def _session_before(self) -> Session | None:
        """Return the latest session of this training, or of the shorter one that it extends."""
        parent = parent_of(self._job)
        sessions = self._job.record.sessions or (parent.sessions if parent else [])
        return sessions[-1] if sessions else None
