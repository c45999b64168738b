"""Damage to the files of an ended experience, and its repair."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sweep.experience import backup_files, best_model, resume_start
from sweep.experience.backup_files import (
    KEPT_FILES,
    POSITION_FILES,
    UNFINISHED_WRITES,
    WEIGHTS_FILES,
)
from sweep.experience.folder import Experience
from sweep.experience.log_csv import read_curve
from sweep.experience.record import Record, State
from sweep.system import plain_files
from sweep.system.files import move_to_quarantine, sha256_of, write_whole


@dataclass(frozen=True)
class Damage:
    """A file that is not the one that the training ended with.

    ``what`` says in words what is wrong. ``spare`` is a file with the right content, or that
    content itself; None where only a training can make the file again.
    """

    path: Path
    what: str
    spare: Path | bytes | None = None

    def __str__(self) -> str:
        return f"{self.path.name} is {self.what}"


def find_damages(experience: Experience, record: Record, thoroughly: bool = False) -> list[Damage]:
    """Return the damages to the files that an ended or paused experience is read from.

    Args:
        experience: in any state; one that was interrupted has none, for it resumes from its backup.
        record: of the experience.
        thoroughly: compare the content of the model, and not only its size.

    Raises:
        OSError: a file cannot be read, which is no reason to take it for damaged.
    """
    outcome, log, model = record.outcome, experience.log, experience.meilleur
    if record.is_paused():
        position = backup_files.newest_position(experience.sauvegarde)
        kept = position.log.encode() if position else None
        is_whole = kept is None or experience.read_log() == kept
        return [] if is_whole else [Damage(log, _what(log), kept)]
    if not outcome:
        return []
    damages = []
    if outcome.log and not _is(log, outcome.log, True):
        damages.append(Damage(log, _what(log), _spare_log(experience, outcome.log["sha256"])))
    if outcome.state is State.FINISHED:
        if not outcome.log and not read_curve(log, record.objective.name):
            damages.append(Damage(log, "without an epoch"))
        if outcome.model and not _is(model, outcome.model, thoroughly):
            damages.append(Damage(model, _what(model), _spare_model(experience, outcome.model)))
    return damages


def repair(experience: Experience, record: Record, damages: list[Damage]) -> str:
    """Put the spares in place, and return in words what was done.

    Where a spare is missing, the end is withdrawn, so that the next run trains the experience
    again. The damaged files are moved to the quarantine.
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
    withdraw_end(experience, record)
    return describe_retraining(experience)


def quarantine_misplaced(experience: Experience) -> list[str]:
    """Move what bears a name of sweep's and is no plain file to the quarantine.

    A link itself is moved; its target is left alone. Returns a sentence on each.
    """
    sentences = []
    for path, kind in find_misplaced(experience).items():
        aside = move_to_quarantine(path, experience.path.parent)
        sentences.append(f"{path} is {kind} that sweep has not made, and is now {aside}")
    return sentences


def restore_record(experience: Experience, record: Record) -> None:
    """Write a record that only a backup held."""
    if plain_files.kind_of(experience.record):
        move_to_quarantine(experience.record, experience.path.parent)
    experience.write(record)


def withdraw_end(experience: Experience, record: Record) -> None:
    """Turn an ended experience into an interrupted one."""
    record.outcome = None
    for entry in record.trials:
        entry.ended = None
    experience.write(record)


def describe_retraining(experience: Experience) -> str:
    """Return in words from where the next run trains this experience."""
    start = resume_start.find_start(experience)
    if start.backup:
        position = start.backup.position
        return f"trained again from epoch {position.epoch}, batch {position.batch}"
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
    """Return what bears a name of sweep's and is no plain file (or no folder), with its kind."""
    here = plain_files.contents(experience.path)
    kind = here.get(experience.sauvegarde)
    saved = plain_files.contents(experience.sauvegarde) if kind == plain_files.FOLDER else {}
    misplaced = {
        path: kind
        for paths, patterns in (
            (here, (KEPT_FILES, UNFINISHED_WRITES)),
            (saved, (WEIGHTS_FILES, POSITION_FILES)),
        )
        for path, kind in paths.items()
        if kind != plain_files.FILE and any(names.fullmatch(path.name) for names in patterns)
    }
    if kind not in (None, plain_files.FOLDER):
        misplaced[experience.sauvegarde] = kind
    return misplaced
