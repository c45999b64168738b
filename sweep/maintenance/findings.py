"""What is under a root, an experience a line: whole, or damaged and what is to be done about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import SweepError
from sweep.experience import backup_files, damage, position, resume_start
from sweep.experience.damage import find_misplaced
from sweep.experience.folder import KEPT, Experience, experiences_in
from sweep.experience.log_csv import LogUnreadable
from sweep.experience.record import ID, Record, State, state_of
from sweep.experience.resume_start import Start
from sweep.experience.root import ASKED, HOLDER, LOCK, RAPPORT, STUDY
from sweep.search.enqueued import ENQUEUED
from sweep.system import plain_files
from sweep.system.files import QUARANTINE, UNFINISHED, move_to_quarantine, names_of
from sweep.wording import as_words

FOLDERS = (RAPPORT, QUARANTINE)
FILES = (STUDY, f"{STUDY}.lock", LOCK, HOLDER, ASKED, ENQUEUED)
UNFINISHED_IN_ROOT = rf"({'|'.join(map(re.escape, FILES))}|\.{ID}){re.escape(UNFINISHED)}"
BACKUP_NAMES = {
    f"{name}{old}"
    for name in (backup_files.WEIGHTS, position.POSITION)
    for old in ("", backup_files.PREVIOUS)
}
VERSIONS = names_of(*KEPT)


@dataclass(frozen=True)
class Finding:
    """One line: what it is about, a state of ``State`` or damaged or foreign, and the words.

    ``to_move`` only stands in the way: nothing is lost when it is moved away.
    """

    name: str
    kind: str
    text: str
    to_move: tuple[Path, ...] = ()

    @property
    def is_well(self) -> bool:
        return self.kind not in ("damaged", "foreign")


def verify_root(root: Path, search_space: str) -> Iterator[Finding]:
    """Yield a line for each experience, and one for each thing in the root that is none of ours. Nothing is written."""
    there = list(experiences_in(root))
    for experience in there:
        yield verify_experience(experience, search_space)
    known = {experience.path for experience in there}
    for path, kind in plain_files.contents(root).items():
        ours = {plain_files.FOLDER: FOLDERS, plain_files.FILE: FILES}
        if (
            path in known
            or path.name in ours.get(kind, ())
            or re.fullmatch(UNFINISHED_IN_ROOT, path.name)
        ):
            continue
        if path.name in (*FOLDERS, *FILES):
            to_move = (path,) if path.name != QUARANTINE else ()
            yield Finding(
                path.name, "damaged", f"is {kind} that sweep has not made: move it away", to_move
            )
        else:
            what = f"{kind}, and " if kind not in ours else ""
            yield Finding(path.name, "foreign", f"is {what}none of sweep's; run leaves it alone")


def verify_experience(experience: Experience, search_space: str) -> Finding:
    """Return what is to be said of one experience."""
    misplaced = find_misplaced(experience)
    if misplaced:
        text = "; ".join(
            f"{path.name} is {kind} that sweep has not made" for path, kind in misplaced.items()
        )
        return Finding(
            experience.id, "damaged", f"{text}: run moves it out of the way", tuple(misplaced)
        )
    record = backup_files.read_record(experience)
    if not record:
        return _without_record(experience)
    state = state_of(record)
    if state is State.RUNNING:
        return Finding(experience.id, state, "it is being trained: not looked into")
    try:
        experience.check(record, search_space)
        start = resume_start.find_start(experience) if not record.outcome else None
        wrong, to_move = _what_is_wrong(experience, record, start)
    except LogUnreadable as error:
        return Finding(experience.id, "damaged", str(error), (experience.log,))
    except SweepError as error:
        # One of another search space is whole, and in the way of nobody who names its own.
        is_of_another = record.search_space["name"] != search_space
        return Finding(
            experience.id, "foreign", str(error), () if is_of_another else (experience.path,)
        )
    if wrong:
        return Finding(experience.id, "damaged", f"{state}: {'; '.join(wrong)}", tuple(to_move))
    return Finding(experience.id, state, _more(record, start))


def repair(finding: Finding, root: Path) -> None:
    """Move away what only stands in the way. What a finished experience lost is mended when its folder is settled."""
    for path in finding.to_move:
        move_to_quarantine(path, root)


def _what_is_wrong(
    experience: Experience, record: Record, start: Start | None
) -> tuple[list[str], list[Path]]:
    """Return in words all that is wrong with the files, and those of them that nothing needs."""
    wrong, to_move = [], []
    if not experience.read():
        wrong.append(
            "experience.json is missing or torn: run writes it again, as the newest backup knows it"
        )
        to_move += [experience.record] if plain_files.is_file(experience.record) else []
    damages = damage.find_damages(experience, record, thoroughly=True)
    for one in damages:
        again = (
            "run puts it in place again"
            if one.spare is not None
            else damage.what_training_again_costs(experience)
        )
        wrong.append(f"{one}: {again}")
    useless = _useless_files(
        experience, keep={one.spare for one in damages if isinstance(one.spare, Path)}
    )
    if useless:
        wrong.append(
            f"{', '.join(path.name for path in useless)}: nothing reads that, so run does without"
        )
        to_move += useless
    if start and not start.backup and _backups_of(experience.sauvegarde):
        wrong.append(f"{start.why_anew}: run begins again from the beginning")
    return wrong, to_move


def _useless_files(experience: Experience, keep: set[Path]) -> list[Path]:
    """Return the files of ours that nothing reads: doubled by a drive, or torn. What else a user keeps here is no matter."""
    versions = plain_files.files_in(experience.path, VERSIONS)
    doubles = [path for path in versions if path.name not in KEPT and path not in keep]
    return sorted([*doubles, *_useless_backups(experience.sauvegarde)])


def _useless_backups(sauvegarde: Path) -> list[Path]:
    positions, backups = (
        backup_files.read_positions(sauvegarde),
        list(backup_files.whole_backups(sauvegarde)),
    )
    whole = {metadata for _, metadata, _ in positions}
    used = {path for backup in backups for path in (backup.metadata, backup.weights)}
    left = [
        path for path in _backups_of(sauvegarde) if not backup_files.OF_A_CUT.fullmatch(path.name)
    ]
    is_position = {path: bool(backup_files.POSITION_FILES.fullmatch(path.name)) for path in left}
    torn = [path for path in left if is_position[path] and path not in whole]
    weights = [path for path in left if not is_position[path] and path not in used]
    if backups and backups[0].metadata == positions[0][1]:
        # A cut between the steps of a save may leave a file without its other half; after the last step, only a position.
        is_done = (backups[0].metadata.name, backups[0].weights.name) == (
            position.POSITION,
            backup_files.WEIGHTS,
        )
        halves = {f"{position.POSITION}{backup_files.PREVIOUS}"} if is_done else BACKUP_NAMES
        rest = [path for path in [*weights, *(whole - used)] if path.name not in halves]
    else:
        rest = [
            *weights,
            *(whole - used if backups else ()),
        ]  # alone, a position still holds the log
    return torn + rest


def _backups_of(sauvegarde: Path) -> list[Path]:
    names = (backup_files.POSITION_FILES, backup_files.WEIGHTS_FILES)
    return [path for one in names for path in plain_files.files_in(sauvegarde, one)]


def _without_record(experience: Experience) -> Finding:
    backup = resume_start.find_start(experience).backup
    where = f"goes on {_at(backup)}" if backup else "begins again from the beginning"
    text = f"experience.json is missing or torn: once its trial comes, it {where}"
    return Finding(experience.id, "damaged", text)


def _at(backup: backup_files.Generation) -> str:
    return f"at epoch {backup.position.epoch}, batch {backup.position.batch}"


def _more(record: Record, start: Start | None) -> str:
    outcome = record.outcome
    if not outcome:
        return _at(start.backup) if start and start.backup else "before its first backup"
    if not outcome.values:
        return outcome.reason or ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{as_words(outcome.values)} (epoch {outcome.epoch}){reason}"
