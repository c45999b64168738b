"""What has happened to the files of an experience that had ended, and the way back."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sweep.experience import backup_files, best_model, resume_start
from sweep.experience.backup_files import KEPT_FILES, OF_A_CUT, POSITION_FILES, WEIGHTS_FILES
from sweep.experience.folder import Experience
from sweep.experience.log_csv import (
    read_curve,
)
from sweep.experience.record import Record, State
from sweep.system import plain_files
from sweep.system.files import (
    move_to_quarantine,
    sha256_of,
    write_whole,
)


@dataclass(frozen=True)
class Damage:
    """A file that is not the one that the training ended with.

    ``what`` has happened to it, in words; ``spare`` holds the same bytes as the right one, or is those bytes; None where
    nothing does, and only a training can make the file again.
    """

    path: Path
    what: str
    spare: Path | bytes | None = None

    def __str__(self) -> str:
        return f"{self.path.name} is {self.what}"


def find_damages(experience: Experience, record: Record, thoroughly: bool = False) -> list[Damage]:
    """Return what is wrong with the files that an ended experience is read from.

    Args:
        experience: of any state; one that has not ended has no such files.
        record: of it.
        thoroughly: read the whole model, and not only its size.

    Raises:
        OSError: a file cannot be read, which is no reason to take it for damaged.
    """
    outcome, found = record.outcome, []
    if outcome and outcome.log and not _is(experience.log, outcome.log, True):
        found.append(
            Damage(
                experience.log, _what(experience.log), _spare_log(experience, outcome.log["sha256"])
            )
        )
    if outcome and outcome.state is State.FINISHED:
        if not outcome.log and not read_curve(experience.log, record.objective.name):
            found.append(Damage(experience.log, "without an epoch"))
        if outcome.model and not _is(experience.meilleur, outcome.model, thoroughly):
            found.append(
                Damage(
                    experience.meilleur,
                    _what(experience.meilleur),
                    _spare_model(experience, outcome.model),
                )
            )
    return found


def mend(experience: Experience, record: Record, damages: list[Damage]) -> str:
    """Put the spares in place; where there is none, take back the end, so that the next run trains it again.

    What stood there is moved to the quarantine. Returns what was done, in words.
    """
    root = experience.path.parent
    for damage in damages:
        if plain_files.kind_of(damage.path):
            move_to_quarantine(damage.path, root)
        if isinstance(damage.spare, bytes):
            write_whole(damage.path, damage.spare)
        elif damage.spare:
            plain_files.replace(damage.spare, damage.path)
    if all(damage.spare is not None for damage in damages):
        return "put in place again"
    take_back_the_end(experience, record)
    return what_training_again_costs(experience)


def set_aside(experience: Experience) -> list[str]:
    """Move what has a name of ours and is no plain file to the quarantine, and return a sentence for each.

    Of a link, the link itself is moved; nothing is done to what it leads to.
    """
    moved = []
    for path, kind in find_misplaced(experience).items():
        aside = move_to_quarantine(path, experience.path.parent)
        moved.append(f"{path} is {kind} that sweep has not made, and is now {aside}")
    return moved


def put_record_in_place(experience: Experience, record: Record) -> None:
    """Write a record that was known to a backup only."""
    if plain_files.kind_of(experience.record):
        move_to_quarantine(experience.record, experience.path.parent)
    experience.write(record)


def take_back_the_end(experience: Experience, record: Record) -> None:
    """Let an experience be cut off that had ended."""
    record.outcome = None
    for entry in record.trials:
        entry.ended = None
    experience.write(record)


def what_training_again_costs(experience: Experience) -> str:
    """Return from where the next run trains this experience, in words."""
    start = resume_start.find_start(experience)
    if start.backup:
        return f"trained again from epoch {start.backup.position.epoch}, batch {start.backup.position.batch}"
    return f"trained again from the beginning, for {start.why_anew}"


def _is(path: Path, expected: dict[str, int | str], thoroughly: bool) -> bool:
    try:
        same_size = plain_files.status(path).st_size == expected["bytes"]
    except (FileNotFoundError, plain_files.NotPlain):
        return False
    return same_size and (not thoroughly or sha256_of(path) == expected["sha256"])


def _what(path: Path) -> str:
    return "not the one that the training ended with" if plain_files.kind_of(path) else "missing"


def _spare_log(experience: Experience, sha256: int | str) -> bytes | None:
    logs = (
        position.log.encode()
        for position, _, _ in backup_files.read_positions(experience.sauvegarde)
    )
    return next((log for log in logs if hashlib.sha256(log).hexdigest() == sha256), None)


def _spare_model(experience: Experience, expected: dict[str, int | str]) -> Path | None:
    return next(
        (path for path in best_model.versions_in(experience.path) if _is(path, expected, True)),
        None,
    )


def find_misplaced(experience: Experience) -> dict[Path, str]:
    """Return what has a name of ours and is no plain file, or no folder, with what it is instead."""
    in_backup = (WEIGHTS_FILES, POSITION_FILES)
    found = {
        path: kind
        for folder, ours in (
            (experience.path, (KEPT_FILES, OF_A_CUT)),
            (experience.sauvegarde, in_backup),
        )
        for path, kind in plain_files.contents(folder).items()
        if kind != plain_files.FILE and any(names.fullmatch(path.name) for names in ours)
    }
    instead = plain_files.kind_of(experience.sauvegarde)
    return (
        found
        if instead in (None, plain_files.FOLDER)
        else {**found, experience.sauvegarde: instead}
    )
