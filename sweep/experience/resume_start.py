"""Where an interrupted training resumes, and how its folder is brought back to that moment."""

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweep.experience import best_model
from sweep.experience.backup_files import (
    KEPT_FILES,
    KEPT_WEIGHTS,
    POSITION_FILES,
    UNFINISHED_WRITES,
    WEIGHTS,
    WEIGHTS_FILES,
    Generation,
    read_positions,
    whole_backups,
)
from sweep.experience.folder import Experience
from sweep.experience.log_csv import check_header
from sweep.experience.position import POSITION
from sweep.system import plain_files
from sweep.system.files import QUARANTINE, move_to_quarantine, write_whole


@dataclass(frozen=True)
class Start:
    """Where a training resumes: from a backup with its best model, or from the beginning.

    ``why_anew`` says why there is no backup to resume from. ``skipped`` are newer whole backups,
    whose best model is lost. ``rows_beyond`` has the header of ``log.csv`` and its rows after those
    of the backup. ``moved_to`` is the folder in the quarantine with the files that the training
    cannot resume from, or None where there are none.
    """

    backup: Generation | None
    model: Path | None = None
    why_anew: str = ""
    skipped: tuple[Generation, ...] = field(default=(), compare=False)
    rows_beyond: tuple[str, ...] = field(default=(), compare=False)
    moved_to: Path | None = field(default=None, compare=False)


def find_start(experience: Experience) -> Start:
    """Return the newest whole backup whose best model exists too.

    Raises:
        OSError: a file cannot be read.
    """
    why, skipped = "no backup of it had been made", list[Generation]()
    if plain_files.files_in(experience.sauvegarde, POSITION_FILES):
        why = "none of its backups is whole"
    elif plain_files.files_in(experience.sauvegarde, KEPT_WEIGHTS):
        why = f"its {POSITION} is missing"
    for backup in whole_backups(experience.sauvegarde):
        curve, best = backup.position.curve(), backup.position.best()
        model = best_model.find(experience.path, best, len(curve)) if best else None
        if model or not best:
            return Start(backup, model, skipped=tuple(skipped))
        why = f"its best model, of epoch {best.epoch}, is lost"
        skipped.append(backup)
    return Start(None, why_anew=why, skipped=tuple(skipped))


def make_ready(experience: Experience) -> Start:
    """Bring the folder back to its newest usable backup, and return where the training starts.

    Raises:
        LogUnreadable: ``log.csv`` is foreign.
        OSError: the disk is full or gone.
    """
    start = find_start(experience)
    log = start.backup.position.log.encode() if start.backup else b""
    rows_beyond = _rows_beyond(experience, log)
    moved_to = _quarantine_unusable(experience, start)
    start = replace(start, rows_beyond=rows_beyond, moved_to=moved_to)
    restore_log(experience, log)
    if start.backup:
        start = replace(start, backup=_under_its_own_names(start.backup, experience.sauvegarde))
    if start.model and start.model != experience.meilleur:
        plain_files.replace(start.model, experience.meilleur)
    _remove_unfinished(experience)
    return start


def _quarantine_unusable(experience: Experience, start: Start) -> Path | None:
    """Move what the training cannot resume from to the quarantine, and return the folder there.

    That is each newer backup; or all backups, the log and the best model, where the training starts
    from the beginning.
    """
    root, sauvegarde = experience.path.parent, experience.sauvegarde
    if start.backup:
        skipped = {path for backup in start.skipped for path in (backup.metadata, backup.weights)}
        files = sorted(skipped - {start.backup.metadata, start.backup.weights})
    else:
        torn = [
            path for path in _backups_in(sauvegarde) if not UNFINISHED_WRITES.fullmatch(path.name)
        ]
        files = [*torn, experience.log, experience.meilleur] if torn else []
    moved = [move_to_quarantine(path, root) for path in files if plain_files.is_file(path)]
    return root / QUARANTINE / experience.id if moved else None


def begin_anew(experience: Experience) -> Path:
    """Move the files of a training to the quarantine, and return their folder there.

    The training then starts from the beginning.
    """
    files = [
        *plain_files.files_in(experience.path, KEPT_FILES),
        *_backups_in(experience.sauvegarde),
    ]
    for path in files:
        move_to_quarantine(path, experience.path.parent)
    for folder in (experience.sauvegarde, experience.path):
        with contextlib.suppress(OSError):  # the user has something there
            folder.rmdir()
    return experience.path.parent / QUARANTINE / experience.id


def check_logs(experience: Experience) -> None:
    """Refuse a ``log.csv`` with other columns than the log of a backup: no run could resume then.

    Raises:
        LogUnreadable: the columns differ.
    """
    log = experience.read_log()
    for position, path, _ in read_positions(experience.sauvegarde):
        header = check_header(position.log.encode(), path, "epoch")
        check_header(log, experience.log, "epoch", header or None)


def restore_log(experience: Experience, log: bytes) -> None:
    """Make ``log.csv`` equal to the ``log`` of a backup, whether the file is longer or torn.

    Raises:
        LogUnreadable: the header is foreign, so the file is not of this training.
    """
    present = experience.read_log()
    header = check_header(log, experience.log, "epoch")
    check_header(present, experience.log, "epoch", header or None)
    if present != log:
        write_whole(experience.log, log, fence=experience.fence)


def _rows_beyond(experience: Experience, log: bytes) -> tuple[str, ...]:
    """Return the header of ``log.csv`` and its whole rows after those of ``log``.

    None are returned where the file does not start with ``log``.
    """
    present = experience.read_log()
    if not present.startswith(log):
        return ()
    rows = present.splitlines(keepends=True)
    beyond = rows[max(1, len(log.splitlines())) :]
    return tuple(row.decode(errors="replace") for row in rows[:1] + beyond if row.endswith(b"\n"))


def _under_its_own_names(backup: Generation, sauvegarde: Path) -> Generation:
    """Give the backup the names of the newest one.

    Otherwise the next backup would keep a torn file in place of it.
    """
    weights, metadata = sauvegarde / WEIGHTS, sauvegarde / POSITION
    plain_files.replace(backup.weights, weights)
    plain_files.replace(backup.metadata, metadata)
    return Generation(backup.position, metadata, weights)


def _remove_unfinished(experience: Experience) -> None:
    """Remove the files that were being written when the training was interrupted."""
    for folder in (experience.path, experience.sauvegarde):
        for path in plain_files.files_in(folder, UNFINISHED_WRITES):
            plain_files.remove(path)


def _backups_in(sauvegarde: Path) -> list[Path]:
    """Return the files of all backups, whole or torn."""
    return [
        path
        for names in (POSITION_FILES, WEIGHTS_FILES)
        for path in plain_files.files_in(sauvegarde, names)
    ]
