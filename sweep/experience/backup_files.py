"""From cut off to ready again: the newest whole backup, and ``log.csv`` cut back to what it knows.

A backup is two files of plain Keras, ``latest.weights.h5`` and ``training_metadata.json``, and the pair before them with
``.bkp`` behind the name. The second file holds the SHA-256 of the first, so a pair is whole or is not a pair: whichever
instant the cut came at, and whichever of the four names a file was left under.
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
from sweep.system.files import (
    UNFINISHED,
    names_of,
    put_in_place,
    sha256_of,
    unfenced,
    write_whole,
)
from sweep.system.json_text import Unreadable, check_for_reader

WEIGHTS = "latest.weights.h5"
PREVIOUS = ".bkp"
NEXT_WEIGHTS = "next.weights.h5"
WEIGHTS_FILES = names_of(WEIGHTS, WEIGHTS + PREVIOUS, NEXT_WEIGHTS)
KEPT_WEIGHTS = names_of(WEIGHTS, WEIGHTS + PREVIOUS)
POSITION_FILES = names_of(POSITION, POSITION + PREVIOUS, POSITION + UNFINISHED)
KEPT_FILES = names_of(*KEPT)
OF_A_CUT = names_of(*UNFINISHED_FILES, NEXT_WEIGHTS, POSITION + UNFINISHED)


@dataclass(frozen=True)
class Generation:
    """A whole backup: a position, the file it stands in, and the file with the weights of that instant."""

    position: Position
    metadata: Path
    weights: Path


def write_backup(
    sauvegarde: Path, position: Position, fence: Callable[[], None] = unfenced
) -> None:
    """Make ``next.weights.h5``, which is written already, and ``position`` the newest backup, unless the fence raises.

    Raises:
        OSError: the disk is full or gone, or the position is too large; at least one older backup, if there was one, is
            still whole.
    """
    text = as_text(position, sha256_of(sauvegarde / NEXT_WEIGHTS))
    weights, metadata = sauvegarde / WEIGHTS, sauvegarde / POSITION
    check_for_reader(text, MOST_BYTES_OF_POSITION, metadata)
    # After each of these steps some pair is whole, as a test that cuts between them shows.
    _keep_as_previous(weights, fence)
    put_in_place(sauvegarde / NEXT_WEIGHTS, weights, fence)
    _keep_as_previous(metadata, fence)
    write_whole(metadata, text, fence=fence)


def whole_backups(sauvegarde: Path) -> Iterator[Generation]:
    """Yield the backups that are whole, the newest first, under whatever names their files are found.

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
    """Return the position of the newest backup without reading its weights: for a quick look, not for training."""
    return next((position for position, _, _ in read_positions(sauvegarde)), None)


def read_record(experience: Experience) -> Record | None:
    """Return the record of ``experience.json``; where that is missing or torn, the one that its newest backup knows."""
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
    """Give back the disk that the backups of an ended training take.

    Its newest position stays, which holds the log, and from now on the record with the end in it.
    """
    for position, path, digest in read_positions(experience.sauvegarde)[:1]:
        if position.record != record.as_content():
            write_whole(path, as_text(replace(position, record=record.as_content()), digest))
    for path in plain_files.files_in(experience.sauvegarde, WEIGHTS_FILES):
        plain_files.remove(path)


def read_positions(sauvegarde: Path) -> list[tuple[Position, Path, str]]:
    """Return each whole position with its file and the digest of its weights, the newest first."""
    found = []
    for path in plain_files.files_in(sauvegarde, POSITION_FILES):
        try:
            position, digest = parse_position(plain_files.read(path))
        except (Unreadable, LogUnreadable, plain_files.NotPlain):
            continue  # torn, or written by plain Keras, which keeps no checksum: not a backup to go on from
        found.append((position, path, digest))
    return sorted(found, key=lambda one: (one[0].epoch, one[0].batch), reverse=True)


def _keep_as_previous(path: Path, fence: Callable[[], None]) -> None:
    if plain_files.is_file(path):
        fence()
        plain_files.replace(path, path.with_name(path.name + PREVIOUS))
