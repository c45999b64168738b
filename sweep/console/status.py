"""How far a sweep is, what it has cost, and what its cuts have, in lines."""

import socket
from collections.abc import Iterator

from sweep.experience.accounting import Work
from sweep.experience.backup_files import newest_position
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot, TrainingView
from sweep.system.host import is_alive
from sweep.wording import as_words, duration


def status_lines(sight: Snapshot) -> Iterator[str]:
    """Yield what a person wants to know of a sweep that runs, was cut off or has ended."""
    counts, best = sight.counts(), sight.best()
    yield f"{sight.root}: " + ", ".join(
        f"{counts[state]} {state}" for state in State if state != State.NEW
    )
    for trial in sight.trials:
        for one in trial.parts:
            if one.state in (State.CUT_OFF, State.RUNNING, State.FAILED):
                yield f"trial {trial.number} {one.experience.id}: {one.state}, {_more(one)}"
    if best:
        yield f"best {as_words(best.values)}: trial {best.number} {best.best.experience.id}"
    yield from _work_lines(sight)
    holder = sight.holder
    if holder:
        process = f"process {holder.pid} on {holder.host}, begun {holder.since[:19]} UTC,"
        if holder.host != socket.gethostname():
            yield f"{process} has it, or was killed there"
        else:
            yield f"{process} {'is running it' if is_alive(holder) else 'was killed'}"


def _work_lines(sight: Snapshot) -> Iterator[str]:
    work, counts, rest_s = sight.work(), sight.counts(), sight.rest_s()
    yield (
        f"trained {duration(work.trained_s)} and {work.batches:,} batches, of it twice {duration(work.twice_s)} and "
        f"{work.twice_batches:,} batches, in {work.sessions} sessions, {work.cuts} of them cut off"
    )
    if work.resumes:
        yield _proof(work)
    if counts[State.RUNNING]:
        yield f"a cut now would lose {duration(work.at_risk_s)} and {work.at_risk_batches:,} batches"
    elif counts[State.CUT_OFF]:
        yield f"the cut has lost {duration(work.at_risk_s)} and {work.at_risk_batches:,} batches"
    if rest_s:
        yield f"the rest will take about {duration(rest_s)}"


def _proof(work: Work) -> str:
    unproven = work.resumes - work.proven - work.inexact
    words = [
        f"{work.resumes} resume{'' if work.resumes == 1 else 's'}",
        f"{work.proven} proven exact",
    ]
    words += [f"{work.inexact} not exact (see approximate_because)"] if work.inexact else []
    return ", ".join(words + ([f"{unproven} without anything to compare"] if unproven else []))


def _more(training: TrainingView) -> str:
    if training.state is State.FAILED:
        return str(training.record.outcome.reason) if training.record.outcome else ""
    position = newest_position(training.experience.sauvegarde)
    return (
        f"its backup is at epoch {position.epoch}, batch {position.batch}"
        if position
        else "no backup yet"
    )
