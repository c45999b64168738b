"""The files of sweep in the folder of an experience that nothing reads: doubled, or torn."""

from pathlib import Path

from sweep.experience import backup_files, position
from sweep.experience.folder import KEPT, Experience
from sweep.system import plain_files
from sweep.system.files import names_of

VERSIONS = names_of(*KEPT)
BACKUP_NAMES = {
    f"{name}{suffix}"
    for name in (backup_files.WEIGHTS, position.POSITION)
    for suffix in ("", backup_files.PREVIOUS)
}


def useless_files(experience: Experience, keep: set[Path]) -> list[Path]:
    """Return the files of sweep that nothing reads, without what a user keeps in the folder.

    Args:
        experience: whose folder is looked at.
        keep: versions of files that a repair puts in place.
    """
    versions = plain_files.files_in(experience.path, VERSIONS)
    doubled = [path for path in versions if path.name not in KEPT and path not in keep]
    return sorted([*doubled, *_useless_backup_files(experience.sauvegarde)])


def has_backup_files(sauvegarde: Path) -> bool:
    """Tell whether there is any file of a backup, whole or not."""
    return bool(_backup_files_in(sauvegarde))


def _useless_backup_files(sauvegarde: Path) -> list[Path]:
    positions = backup_files.read_positions(sauvegarde)
    backups = list(backup_files.whole_backups(sauvegarde))
    whole_positions = {metadata for _, metadata, _ in positions}
    used = {path for backup in backups for path in (backup.metadata, backup.weights)}
    files = [
        path
        for path in _backup_files_in(sauvegarde)
        if not backup_files.UNFINISHED_WRITES.fullmatch(path.name)
    ]
    position_files = [path for path in files if backup_files.POSITION_FILES.fullmatch(path.name)]
    torn = [path for path in position_files if path not in whole_positions]
    weights = [path for path in files if path not in position_files and path not in used]
    unpaired = [*weights, *(whole_positions - used)]
    if not backups:
        return torn + weights  # a position without weights still holds the log
    if backups[0].metadata != positions[0][1]:
        return torn + unpaired
    halves = _names_of_halves(backups[0])
    return torn + [path for path in unpaired if path.name not in halves]


def _names_of_halves(newest: backup_files.Generation) -> set[str]:
    """Return the names under which a cut in a save may leave a file without its other half.

    After the last step of a save, only the previous position may be left.
    """
    names = (newest.metadata.name, newest.weights.name)
    if names == (position.POSITION, backup_files.WEIGHTS):
        return {f"{position.POSITION}{backup_files.PREVIOUS}"}
    return BACKUP_NAMES


def _backup_files_in(sauvegarde: Path) -> list[Path]:
    return [
        path
        for names in (backup_files.POSITION_FILES, backup_files.WEIGHTS_FILES)
        for path in plain_files.files_in(sauvegarde, names)
    ]
