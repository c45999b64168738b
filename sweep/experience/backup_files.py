"""The files of a backup: the weights, and the position that holds their digest.

A backup is the two files of plain Keras, ``latest.weights.h5`` and ``training_metadata.json``. The
pair before it has ``.bkp`` behind both names. The second file holds the SHA-256 of the first, so
any two files can be told to be a pair: whenever the training was interrupted, and whichever of the
four names a file was left under.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sweep.experience.folder import KEPT, UNFINISHED_FILES, Experience
from sweep.experience.log_csv import LogUnreadable
from sweep.experience.position import POSITION, Position, as_text, parse_position
from sweep.experience.record import Record
from sweep.experience.schemas import MOST_BYTES_OF_POSITION
from sweep.system import plain_files
from sweep.system.files import UNFINISHED, names_of, put_in_place, sha256_of, unfenced, write_whole
from sweep.system.json_text import Unreadable, are_equal, check_for_reader

WEIGHTS = "latest.weights.h5"
PREVIOUS = ".bkp"
NEXT_WEIGHTS = "next.weights.h5"
WEIGHTS_FILES = names_of(WEIGHTS, WEIGHTS + PREVIOUS, NEXT_WEIGHTS)
KEPT_WEIGHTS = names_of(WEIGHTS, WEIGHTS + PREVIOUS)
POSITION_FILES = names_of(POSITION, POSITION + PREVIOUS, POSITION + UNFINISHED)
KEPT_FILES = names_of(*KEPT)
UNFINISHED_WRITES = names_of(*UNFINISHED_FILES, NEXT_WEIGHTS, POSITION + UNFINISHED)


@dataclass(frozen=True)
class Generation:
    """A whole backup: a position, its file, and the file with the weights of that moment."""

    position: Position
    metadata: Path
    weights: Path


def write_backup(
    sauvegarde: Path, position: Position, digest: str, fence: Callable[[], None] = unfenced
) -> None:
    """Make ``position`` and the weights already in ``next.weights.h5`` the newest backup.

    Args:
        sauvegarde: the folder of the backups.
        position: of the backup.
        digest: the SHA-256 of the weights, in hexadecimal.
        fence: see ``Experience``.

    Raises:
        OSError: the disk is full or gone, or the position is too large. If there was an older
            backup, at least one is still whole.
    """
    text = as_text(position, digest)
    weights, metadata = sauvegarde / WEIGHTS, sauvegarde / POSITION
    check_for_reader(text, MOST_BYTES_OF_POSITION, metadata)
    # After each of these steps some pair is whole, as a test shows that interrupts between them.
    _keep_as_previous(weights, fence)
    put_in_place(sauvegarde / NEXT_WEIGHTS, weights, fence)
    _keep_as_previous(metadata, fence)
    write_whole(metadata, text, fence=fence)


def whole_backups(sauvegarde: Path) -> Iterator[Generation]:
    """Yield the whole backups, the newest first, whatever the names of their files.

    Raises:
        OSError: a file cannot be read, which is no reason to take it for torn.
    """
    files = plain_files.files_in(sauvegarde, WEIGHTS_FILES)
    digests: dict[Path, str] = {}
    for position, metadata, digest in read_positions(sauvegarde):
        for weights in files:
            if weights not in digests:
                digests[weights] = sha256_of(weights)
            if digests[weights] == digest:
                yield Generation(position, metadata, weights)
                break


def newest_position(sauvegarde: Path) -> Position | None:
    """Return the position of the newest backup, whose weights are not checked.

    So it is good enough to look at, and not to resume from.
    """
    return next((position for position, _, _ in read_positions(sauvegarde)), None)


def read_record(experience: Experience) -> Record | None:
    """Return the record in ``experience.json``, or if that is unreadable, in the newest backup."""
    record = experience.read()
    if record:
        return record
    for position, _, _ in read_positions(experience.sauvegarde):
        try:
            return Record.from_content(position.record)
        except Unreadable:
            continue
    return None


def free_backup(experience: Experience, record: Record) -> None:
    """Remove the weights of the backups of an ended training.

    The positions stay, for they hold the log; the newest one gets the record with the outcome.
    """
    for position, path, digest in read_positions(experience.sauvegarde)[:1]:
        if not are_equal(position.record, record.as_content()):
            write_whole(path, as_text(replace(position, record=record.as_content()), digest))
    for path in plain_files.files_in(experience.sauvegarde, WEIGHTS_FILES):
        plain_files.remove(path)


def read_positions(sauvegarde: Path) -> list[tuple[Position, Path, str]]:
    """Return each whole position with its file and the digest of its weights, the newest first."""
    positions = []
    for path in plain_files.files_in(sauvegarde, POSITION_FILES):
        try:
            position, digest = parse_position(plain_files.read(path))
        except (Unreadable, LogUnreadable, plain_files.NotPlain):
            continue  # torn, or of plain Keras, which keeps no checksum: nothing to resume from
        positions.append((position, path, digest))
    return sorted(positions, key=lambda entry: (entry[0].epoch, entry[0].batch), reverse=True)


def _keep_as_previous(path: Path, fence: Callable[[], None]) -> None:
    if plain_files.is_file(path):
        fence()
        plain_files.replace(path, path.with_name(path.name + PREVIOUS))
