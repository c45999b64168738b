"""``untrained.json``: the trials that ``suggest`` has pruned or failed, which have no folder.

It is there to be shown. The study is rebuilt without it, for ``suggest`` is asked again.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from sweep.experience import schemas
from sweep.experience.record import State
from sweep.system import plain_files
from sweep.system.files import write_whole
from sweep.system.json_text import Unreadable, read

UNTRAINED = "untrained.json"


@dataclass(frozen=True)
class UntrainedTrial:
    """A trial that ended before any training: pruned or failed, and why."""

    number: int
    state: State
    reason: str


def read_untrained(root: Path) -> dict[int, UntrainedTrial]:
    """Return the trials of a root that ended before any training, by number.

    A file that is none of ours tells of none.
    """
    try:
        text = plain_files.read(root / UNTRAINED)
        content = read(text, list[schemas.UntrainedShape], schemas.MOST_BYTES_OF_UNTRAINED)
    except (OSError, Unreadable):
        return {}
    trials = [
        UntrainedTrial(entry["number"], State(entry["state"]), entry["reason"]) for entry in content
    ]
    return {trial.number: trial for trial in trials}


def note_untrained(root: Path, trial: UntrainedTrial) -> None:
    """Add a trial to those of a root.

    Raises:
        OSError: the disk is full or gone.
    """
    trials = {**read_untrained(root), trial.number: trial}
    content = [vars(trials[number]) for number in sorted(trials)]
    write_whole(root / UNTRAINED, json.dumps(content, indent=0).encode())


def forget_untrained(root: Path) -> None:
    """Remove the file, as a sweep that begins anew has no trials."""
    plain_files.remove(root / UNTRAINED)
