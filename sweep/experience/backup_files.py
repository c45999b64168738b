"""From cut off to ready again: the newest whole backup, and ``log.csv`` cut back to what it knows.

A backup is two files of plain Keras, ``latest.weights.h5`` and ``training_metadata.json``, and the pair before them with
``.bkp`` behind the name. The second file holds the SHA-256 of the first, so a pair is whole or is not a pair: whichever
instant the cut came at, and whichever of the four names a file was left under.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sweep.experience import best_model, schemas
from sweep.experience.folder import KEPT, UNFINISHED_FILES, Experience
from sweep.experience.log_csv import BestEpoch, LogUnreadable, best_of, check_header, curve_of
from sweep.experience.record import Record
from sweep.experience.schemas import MOST_BYTES_OF_POSITION
from sweep.space.objectives import DEFAULT, Objective
from sweep.system import plain_files
from sweep.system.files import (
    QUARANTINE,
    UNFINISHED,
    move_to_quarantine,
    names_of,
    put_in_place,
    sha256_of,
    unfenced,
    write_whole,
)
from sweep.system.json_text import Unreadable, check, check_for_reader, parse

WEIGHTS = "latest.weights.h5"
POSITION = "training_metadata.json"
PREVIOUS = ".bkp"
NEXT_WEIGHTS = "next.weights.h5"
WEIGHTS_FILES = names_of(WEIGHTS, WEIGHTS + PREVIOUS, NEXT_WEIGHTS)
KEPT_WEIGHTS = names_of(WEIGHTS, WEIGHTS + PREVIOUS)
POSITION_FILES = names_of(POSITION, POSITION + PREVIOUS, POSITION + UNFINISHED)
KEPT_FILES = names_of(*KEPT)
OF_A_CUT = names_of(*UNFINISHED_FILES, NEXT_WEIGHTS, POSITION + UNFINISHED)


@dataclass(frozen=True)
class Position:
    """Where a training stands and all that its files and weights do not say. The first two are what plain Keras reads.

    ``epoch`` and ``batch`` count what is trained: the next batch is ``batch`` of ``epoch``, both from 0.
    ``log`` is the whole ``log.csv`` of that moment, ``logs`` what the last batch gave, ``state`` what ``sweep.training.state.training_state``
    captured, ``record`` the content of ``experience.json``, ``saved`` the time in UTC.
    """

    epoch: int
    batch: int
    stop_training: bool
    log: str
    logs: dict[str, Any]
    state: dict[str, Any]
    saved: str
    record: dict[str, Any] | None = None

    def best(self) -> BestEpoch | None:
        """Return the best of the epochs that are trained."""
        return best_of(self.curve(), self._objective())

    def curve(self) -> list[float]:
        """Return what is monitored, by epoch that is trained."""
        return curve_of(self.log.encode(), Path(POSITION), self._objective().name)

    def _objective(self) -> Objective:
        return Objective(*((self.record or {}).get("aims") or DEFAULT)[0])


@dataclass(frozen=True)
class Generation:
    """A whole backup: a position, the file it stands in, and the file with the weights of that instant."""

    position: Position
    metadata: Path
    weights: Path


@dataclass(frozen=True)
class Start:
    """Where a training goes on: a backup and the best model that belongs to it, or neither, and why it begins anew.

    ``passed_over`` are whole backups that are newer, and whose best model is lost. ``beyond`` has the header and the rows of
    ``log.csv`` that are cut back to the backup. ``aside`` is where that is now which it cannot go on from.
    """

    backup: Generation | None
    model: Path | None = None
    why_anew: str = ""
    passed_over: tuple[Generation, ...] = field(default=(), compare=False)
    beyond: tuple[str, ...] = field(default=(), compare=False)
    aside: Path | None = field(default=None, compare=False)


def write_backup(
    sauvegarde: Path, position: Position, fence: Callable[[], None] = unfenced
) -> None:
    """Make ``next.weights.h5``, which is written already, and ``position`` the newest backup, unless the fence raises.

    Raises:
        OSError: the disk is full or gone, or the position is too large; at least one older backup, if there was one, is
            still whole.
    """
    text = _as_text(position, sha256_of(sauvegarde / NEXT_WEIGHTS))
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


def find_start(experience: Experience) -> Start:
    """Return the newest backup whose best model is there too.

    Raises:
        OSError: a file cannot be read.
    """
    why, passed_over = "no backup of it had been made", list[Generation]()
    if plain_files.files_in(experience.sauvegarde, POSITION_FILES):
        why = "none of its backups is whole"
    elif plain_files.files_in(experience.sauvegarde, KEPT_WEIGHTS):
        why = f"its {POSITION} is missing"
    for backup in whole_backups(experience.sauvegarde):
        curve, best = backup.position.curve(), backup.position.best()
        model = best_model.find(experience.path, best, len(curve)) if best else None
        if model or not best:
            return Start(backup, model, passed_over=tuple(passed_over))
        why = f"its best model, of epoch {best.epoch}, is lost"
        passed_over.append(backup)
    return Start(None, why_anew=why, passed_over=tuple(passed_over))


def make_ready(experience: Experience) -> Start:
    """Bring the folder back to its newest backup, and return where the training starts.

    Raises:
        LogUnreadable: ``log.csv`` is foreign.
        OSError: the disk is full or gone.
    """
    start = find_start(experience)
    log = start.backup.position.log.encode() if start.backup else b""
    start = replace(
        start, beyond=_rows_beyond(experience, log), aside=_set_aside(experience, start)
    )
    restore_log(experience, log)
    if start.backup:
        start = replace(start, backup=_under_its_own_names(start.backup, experience.sauvegarde))
    if start.model and start.model != experience.meilleur:
        plain_files.replace(start.model, experience.meilleur)
    _remove_unfinished(experience)
    return start


def _set_aside(experience: Experience, start: Start) -> Path | None:
    """Move to the quarantine what of the backups the training cannot go on from, and return where it is now.

    Where it begins anew, that is all of them, the log, and the best model.
    """
    root, sauvegarde = experience.path.parent, experience.sauvegarde
    if start.backup:
        passed_over = {
            path for backup in start.passed_over for path in (backup.metadata, backup.weights)
        }
        files = sorted(passed_over - {start.backup.metadata, start.backup.weights})
    else:
        torn = [path for path in _backups_in(sauvegarde) if not OF_A_CUT.fullmatch(path.name)]
        files = [*torn, experience.log, experience.meilleur] if torn else []
    moved = [move_to_quarantine(path, root) for path in files if plain_files.is_file(path)]
    return root / QUARANTINE / experience.id if moved else None


def free_backup(experience: Experience, record: Record) -> None:
    """Give back the disk that the backups of an ended training take.

    Its newest position stays, which holds the log, and from now on the record with the end in it.
    """
    for position, path, digest in read_positions(experience.sauvegarde)[:1]:
        if position.record != record.as_content():
            write_whole(path, _as_text(replace(position, record=record.as_content()), digest))
    for path in plain_files.files_in(experience.sauvegarde, WEIGHTS_FILES):
        plain_files.remove(path)


def begin_anew(experience: Experience) -> Path:
    """Move the files of a training that failed to the quarantine, and return where they are now.

    It begins at the beginning then.
    """
    files = [
        *plain_files.files_in(experience.path, KEPT_FILES),
        *_backups_in(experience.sauvegarde),
    ]
    for path in files:
        move_to_quarantine(path, experience.path.parent)
    return experience.path.parent / QUARANTINE / experience.id


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


def check_logs(experience: Experience) -> None:
    """Raises LogUnreadable where ``log.csv`` has other columns than the log of a backup, from which no run could go on."""
    there = experience.read_log()
    for position, path, _ in read_positions(experience.sauvegarde):
        header = check_header(position.log.encode(), path, "epoch")
        check_header(there, experience.log, "epoch", header or None)


def restore_log(experience: Experience, log: bytes) -> None:
    """Make ``log.csv`` the ``log`` of a backup: cut back byte for byte where it is longer, whole again where it is torn.

    Raises:
        LogUnreadable: the file is not of this training: its header is foreign.
    """
    there = experience.read_log()
    check_header(there, experience.log, "epoch", check_header(log, experience.log, "epoch") or None)
    if there != log:
        write_whole(experience.log, log, fence=experience.fence)


def _rows_beyond(experience: Experience, log: bytes) -> tuple[str, ...]:
    """Return the header of ``log.csv`` and its whole rows after those of ``log``; nothing where it does not begin so."""
    there = experience.read_log()
    if not there.startswith(log):
        return ()
    rows = there.splitlines(keepends=True)
    beyond = rows[max(1, len(log.splitlines())) :]
    return tuple(row.decode(errors="replace") for row in rows[:1] + beyond if row.endswith(b"\n"))


def read_positions(sauvegarde: Path) -> list[tuple[Position, Path, str]]:
    """Return each whole position with its file and the digest of its weights, the newest first."""
    found = []
    for path in plain_files.files_in(sauvegarde, POSITION_FILES):
        try:
            position, digest = _parse_position(plain_files.read(path))
        except (Unreadable, LogUnreadable, plain_files.NotPlain):
            continue  # torn, or written by plain Keras, which keeps no checksum: not a backup to go on from
        found.append((position, path, digest))
    return sorted(found, key=lambda one: (one[0].epoch, one[0].batch), reverse=True)


def _parse_position(text: bytes) -> tuple[Position, str]:
    """Return the position and the digest of its weights.

    Raises:
        Unreadable: it is torn, or no position of ours; a newer version's may need what this one does not know.
        LogUnreadable: its log is foreign.
    """
    content = parse(text, MOST_BYTES_OF_POSITION)
    checksum = content.pop("checksum", None) if isinstance(content, dict) else None
    check(content, schemas.Position)
    if (
        checksum != _checksum(content)
        or not content.keys() <= schemas.Position.__annotations__.keys()
    ):
        raise Unreadable("its checksum is another one, or it has more than a position")
    digest = content.pop("weights")
    position = Position(**content)
    position.curve()
    return position, digest


def _under_its_own_names(backup: Generation, sauvegarde: Path) -> Generation:
    """Else the next backup would put aside a torn file in place of this whole one."""
    weights, metadata = sauvegarde / WEIGHTS, sauvegarde / POSITION
    plain_files.replace(backup.weights, weights)
    plain_files.replace(backup.metadata, metadata)
    return Generation(backup.position, metadata, weights)


def _as_text(position: Position, digest: str) -> bytes:
    content = {"weights": digest, **vars(position)}
    return json.dumps({"checksum": _checksum(content), **content}).encode()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _keep_as_previous(path: Path, fence: Callable[[], None]) -> None:
    if plain_files.is_file(path):
        fence()
        plain_files.replace(path, path.with_name(path.name + PREVIOUS))


def _remove_unfinished(experience: Experience) -> None:
    """Remove what was being written beside its place when the cut came."""
    for folder in (experience.path, experience.sauvegarde):
        for path in plain_files.files_in(folder, OF_A_CUT):
            plain_files.remove(path)


def _backups_in(sauvegarde: Path) -> list[Path]:
    """Return the files of whole and torn backups."""
    return [
        path
        for names in (POSITION_FILES, WEIGHTS_FILES)
        for path in plain_files.files_in(sauvegarde, names)
    ]
