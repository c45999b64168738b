"""What the folders know of each trial: enough to make the study again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sweep import resume
from sweep.experience import Experience
from sweep.log import read_val_acc
from sweep.record import Outcome, Record

Folders = Iterable[tuple[Experience, Record]]


@dataclass(frozen=True)
class Known:
    """One trial as its folder knows it. ``entry`` is the one of ``Record.trials``."""

    experience: Experience
    record: Record
    entry: dict[str, Any]

    @property
    def number(self) -> int:
        return int(self.entry["number"])

    @property
    def outcome(self) -> Outcome | None:
        """How the trial ended; None where it is still to be brought to its end, or told."""
        return self.record.outcome if self.entry["ended"] else None

    def val_acc(self) -> list[float]:
        """Return the val_acc of each epoch that will not be trained again.

        Raises:
            LogUnreadable: ``log.csv`` is foreign.
        """
        if self.record.outcome:
            return read_val_acc(self.experience.log)
        position = resume.newest_position(self.experience.sauvegarde)
        return position.val_acc() if position else []


def known_trials(folders: Folders) -> dict[int, Known]:
    """Return the trials that the folders know, by number. Where two claim one number, the one that began first has it."""
    claims = [Known(experience, record, entry) for experience, record in folders for entry in record.trials]
    return {known.number: known for known in sorted(claims, key=_begun, reverse=True)}


def number_anew(folders: Folders, say: Callable[[str], None]) -> None:
    """Give new numbers to trials whose number an earlier one has: their folders were copied here by hand."""
    folders = list(folders)
    known = known_trials(folders)
    following = max(known, default=-1) + 1
    for experience, record in folders:
        for entry in record.trials:
            number = entry["number"]
            if known[number].entry is not entry:
                entry["number"], following = following, following + 1
                say(f"trial {number} of {experience.id} is now trial {entry['number']}: {number} was given twice")
                experience.write(record)


def _begun(known: Known) -> tuple[str, str]:
    return str(known.entry.get("begun")), known.experience.id
