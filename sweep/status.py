"""How far a sweep is, from its folders alone."""

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweep.experience import Experience, State
from sweep.host import is_alive
from sweep.resume import newest_position
from sweep.root import read_holder


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
    for best in [row for row in rows if row["state"] == State.FINISHED][:1]:
        yield f"best val_acc {best['val_acc']:.4f}: trial {best['trial']} {best['id_experience']}"
    holder = read_holder(root)
    if holder:
        process = f"process {holder['pid']} on {holder['host']}, begun {holder['since'][:19]} UTC,"
        if holder["host"] != socket.gethostname():
            yield f"{process} has it, or was killed there"
        else:
            yield f"{process} {'is running it' if is_alive(holder) else 'was killed'}"


def _more(root: Path, row: dict[str, Any]) -> str:
    experience = Experience(root / row["id_experience"])
    if row["state"] == State.FAILED:
        record = experience.read()
        return str(record.outcome.reason) if record and record.outcome else ""
    position = newest_position(experience.sauvegarde)
    return f"its backup is at epoch {position.epoch}, batch {position.batch}" if position else "no backup yet"
