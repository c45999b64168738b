"""Where an interrupted training resumes: the newest usable backup, and its folder brought back to it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from sweep.experience import best_model
from sweep.experience.backup_files import (
    KEPT_FILES,
    KEPT_WEIGHTS,
    OF_A_CUT,
    POSITION_FILES,
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
        start, beyond=_rows_beyond(experience, log), aside=_set_unusable_aside(experience, start)
    )
    restore_log(experience, log)
    if start.backup:
        start = replace(start, backup=_under_its_own_names(start.backup, experience.sauvegarde))
    if start.model and start.model != experience.meilleur:
        plain_files.replace(start.model, experience.meilleur)
    _remove_unfinished(experience)
    return start


def _set_unusable_aside(experience: Experience, start: Start) -> Path | None:
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


def _under_its_own_names(backup: Generation, sauvegarde: Path) -> Generation:
    """Else the next backup would put aside a torn file in place of this whole one."""
    weights, metadata = sauvegarde / WEIGHTS, sauvegarde / POSITION
    plain_files.replace(backup.weights, weights)
    plain_files.replace(backup.metadata, metadata)
    return Generation(backup.position, metadata, weights)


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
