"""The progress of a sweep, what it and its cuts have cost, and who runs it, in lines."""

import socket
from collections import Counter
from collections.abc import Iterator

from sweep.experience.accounting import Work
from sweep.experience.backup_files import newest_position
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView
from sweep.system.host import is_alive
from sweep.wording import as_words, counted, duration


def status_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield the lines of the status of a sweep that runs, was interrupted or has ended."""
    counts, best = snapshot.counts(), snapshot.best()
    left_out = {State.NEW} if counts[State.PAUSED] else {State.NEW, State.PAUSED}
    states = [f"{counts[state]} {state}" for state in State if state not in left_out]
    yield f"{snapshot.root}: {', '.join(states)}"
    for trial in snapshot.trials:
        for training in trial.trainings:
            if training.state in (State.CUT_OFF, State.RUNNING, State.FAILED):
                name = f"trial {trial.number} {training.experience.id}"
                yield f"{name}: {training.state}, {_explanation(training)}"
    yield from _paused_lines(snapshot)
    for untrained in snapshot.untrained:
        if untrained.state is State.FAILED:
            yield f"trial {untrained.number}: failed, {untrained.reason}"
    if best:
        yield f"best {as_words(best.values)}: trial {best.number} {best.best.experience.id}"
    yield from _work_lines(snapshot)
    holder = snapshot.holder
    if holder:
        process = f"process {holder.pid} on {holder.host}, begun {holder.since[:19]} UTC,"
        if holder.host != socket.gethostname():
            yield f"{process} is running it, or was killed there"
        else:
            yield f"{process} {'is running it' if is_alive(holder) else 'was killed'}"


def _paused_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield after how many epochs trials are paused, and the best of these."""
    paused = [trial for trial in snapshot.ranked if trial.state is State.PAUSED]
    if not paused:
        return
    counts = Counter(trial.trial_record.record.paused_at() for trial in paused)
    parts = [
        f"{count} after {counted(epochs, 'epoch')}" for epochs, count in sorted(counts.items())
    ]
    yield f"paused: {', '.join(parts)}"
    best = paused[0]
    if best.values:
        name = f"trial {best.number} {best.best.experience.id}"
        yield f"best of the paused ones {as_words(best.values)}: {name}"


def _work_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield what was trained, what was repeated, what a cut loses, and the time that is left."""
    work, counts, rest_s = snapshot.work(), snapshot.counts(), snapshot.rest_s()
    sessions = counted(work.sessions, "session")
    trained = f"trained {work.batches:,} batches in {duration(work.trained_s)}"
    repeated = f"{work.repeated_batches:,} batches ({duration(work.repeated_s)})"
    yield f"{trained} ({sessions}, {work.cuts} interrupted); {repeated} were repeated after cuts"
    if work.resumes:
        yield _proof_line(work)
    at_risk = f"{duration(work.at_risk_s)} and {work.at_risk_batches:,} batches"
    if counts[State.RUNNING]:
        yield f"a cut now would lose {at_risk}"
    elif counts[State.CUT_OFF]:
        yield f"the cut has lost {at_risk}"
    if rest_s:
        yield f"the rest will take about {duration(rest_s)}"


def _proof_line(work: Work) -> str:
    """Return how many resumes there were, and how many of them were compared and exact."""
    not_compared = work.resumes - work.proven - work.inexact
    parts = [
        counted(work.resumes, "resume"),
        f"{work.proven} proven exact",
    ]
    if work.inexact:
        parts.append(f"{work.inexact} not exact (see approximate_because)")
    if not_compared:
        parts.append(f"{not_compared} without anything to compare")
    return ", ".join(parts)


def _explanation(training: TrainingView) -> str:
    """Return why a training failed, or from which backup it resumes and when the next ones come."""
    outcome = training.record.outcome
    if training.state is State.FAILED:
        return str(outcome.reason) if outcome else ""
    position = newest_position(training.experience.sauvegarde)
    where = "no backup yet"
    if position:
        where = f"its backup is at epoch {position.epoch}, batch {position.batch}"
    heartbeat = training.heartbeat
    if training.state is not State.RUNNING or not heartbeat or not heartbeat.saves_every_s:
        return where
    return f"{where}; one every {duration(heartbeat.saves_every_s)}: {heartbeat.saves_because}"
