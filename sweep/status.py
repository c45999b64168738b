"""How far a sweep is, what it has cost, and what its cuts have, from its folders alone."""

import socket
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from sweep.experience import Experience, experiences_in
from sweep.host import is_alive
from sweep.record import State
from sweep.resume import newest_position, read_record
from sweep.root import read_asked, read_holder
from sweep.work import Work, work_of


def lines(root: Path, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what a person wants to know of a sweep that runs, was cut off or has ended.

    Args:
        root: of the sweep.
        rows: of ``sweep.results.rows``, the best first.
    """
    counts = Counter(row["state"] for row in rows)
    yield f"{root}: " + ", ".join(f"{counts[state]} {state}" for state in State if state != State.NEW)
    for row in sorted(rows, key=lambda row: row["trial"]):
        if row["state"] in (State.CUT_OFF, State.RUNNING, State.FAILED):
            yield f"trial {row['trial']} {row['id_experience']}: {row['state']}, {_more(root, row)}"
    for best in [row for row in rows if row["state"] == State.FINISHED and row["val_acc"] is not None][:1]:
        yield f"best val_acc {best['val_acc']:.4f}: trial {best['trial']} {best['id_experience']}"
    yield from _work_lines(root, rows)
    holder = read_holder(root)
    if holder:
        process = f"process {holder['pid']} on {holder['host']}, begun {holder['since'][:19]} UTC,"
        if holder["host"] != socket.gethostname():
            yield f"{process} has it, or was killed there"
        else:
            yield f"{process} {'is running it' if is_alive(holder) else 'was killed'}"


def _work_lines(root: Path, rows: list[dict[str, Any]]) -> Iterator[str]:
    records = [(experience, read_record(experience)) for experience in experiences_in(root)]
    work = work_of((experience, record) for experience, record in records if record)
    yield (
        f"trained {_duration(work.trained_s)} and {work.batches:,} batches, of it twice {_duration(work.twice_s)} and "
        f"{work.twice_batches:,} batches, in {work.sessions} sessions, {work.cuts} of them cut off"
    )
    states = {row["state"] for row in rows}
    if State.RUNNING in states:
        yield f"a cut now would lose {_duration(work.at_risk_s)} and {work.at_risk_batches:,} batches"
    elif State.CUT_OFF in states:
        yield f"the cut has lost {_duration(work.at_risk_s)} and {work.at_risk_batches:,} batches"
    rest_s = _rest_s(work, rows, read_asked(root))
    if rest_s:
        yield f"the rest will take about {_duration(rest_s)}"


def _rest_s(work: Work, rows: list[dict[str, Any]], asked: dict[str, Any]) -> float:
    """Return how long the batches that are left will take, those of trials that are still to be proposed included.

    A trial to come is taken for as long as those that were are on the average, equal proposals included.
    """
    ended = sum(row["state"] not in (State.RUNNING, State.CUT_OFF) for row in rows)
    to_do = max(0, asked.get("trials", 0) - len(rows))
    if not work.batches:
        return 0.0
    once = work.batches - work.twice_batches
    batches = work.left_batches + (to_do * once / ended if ended else 0)
    return float(batches * (work.trained_s + work.prepared_s) / work.batches / asked.get("workers", 1))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else str(timedelta(seconds=round(seconds)))


def _more(root: Path, row: dict[str, Any]) -> str:
    experience = Experience(root / row["id_experience"])
    if row["state"] == State.FAILED:
        record = experience.read()
        return str(record.outcome.reason) if record and record.outcome else ""
    position = newest_position(experience.sauvegarde)
    return f"its backup is at epoch {position.epoch}, batch {position.batch}" if position else "no backup yet"
