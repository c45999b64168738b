"""What is under a root: one finding per experience, whether it is whole, and what to do if not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import SweepError
from sweep.experience import backup_files, damage, resume_start
from sweep.experience.damage import Damage
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.log_csv import LogUnreadable
from sweep.experience.record import ID, Record, State, state_of
from sweep.experience.resume_start import Start
from sweep.experience.root import ASKED, HOLDER, LOCK, RAPPORT, STUDY
from sweep.maintenance.useless_files import has_backup_files, useless_files
from sweep.search.enqueued import ENQUEUED
from sweep.system import plain_files
from sweep.system.files import QUARANTINE, UNFINISHED, move_to_quarantine
from sweep.wording import as_words

FOLDERS = (RAPPORT, QUARANTINE)
FILES = (STUDY, f"{STUDY}.lock", LOCK, HOLDER, ASKED, ENQUEUED)
UNFINISHED_IN_ROOT = rf"({'|'.join(map(re.escape, FILES))}|\.{ID}){re.escape(UNFINISHED)}"


@dataclass(frozen=True)
class Finding:
    """One line of a verification.

    ``name`` says what it is about. ``kind`` is a state of ``State``, well, unchecked, damaged or
    foreign.
    ``to_move`` are paths that only stand in the way: nothing is lost when they are moved away.
    """

    name: str
    kind: str
    text: str
    to_move: tuple[Path, ...] = ()

    @property
    def is_well(self) -> bool:
        return self.kind not in ("damaged", "foreign")


def verify_root(root: Path, search_space: str) -> Iterator[Finding]:
    """Yield a finding for each experience, and for each thing in the root that is not sweep's.

    Nothing is written.

    Args:
        root: of the sweep.
        search_space: its name.
    """
    experiences = list(experiences_in(root))
    for experience in experiences:
        yield verify_experience(experience, search_space)
    paths = {experience.path for experience in experiences}
    for path, kind in plain_files.contents(root).items():
        finding = None if path in paths else _verify_other(path, kind)
        if finding:
            yield finding


def _verify_other(path: Path, kind: str) -> Finding | None:
    """Return what there is to say of something in the root that is no experience."""
    names = {plain_files.FOLDER: FOLDERS, plain_files.FILE: FILES}
    if path.name in names.get(kind, ()) or re.fullmatch(UNFINISHED_IN_ROOT, path.name):
        return None
    if path.name in (*FOLDERS, *FILES):
        to_move = (path,) if path.name != QUARANTINE else ()
        return Finding(
            path.name, "damaged", f"is {kind} that sweep has not made: move it away", to_move
        )
    is_usual = kind in names
    text = f"is {'' if is_usual else f'{kind}, and '}none of sweep's; run leaves it alone"
    return Finding(path.name, "foreign", text)


def verify_experience(experience: Experience, search_space: str) -> Finding:
    """Return what there is to say of one experience."""
    misplaced = damage.find_misplaced(experience)
    if misplaced:
        names = [
            f"{path.name} is {kind} that sweep has not made" for path, kind in misplaced.items()
        ]
        text = f"{'; '.join(names)}: run moves it out of the way"
        return Finding(experience.id, "damaged", text, tuple(misplaced))
    record = backup_files.read_record(experience)
    if not record:
        return _without_record(experience)
    state = state_of(record)
    if state is State.RUNNING:
        return Finding(experience.id, state, "it is being trained, so it is not checked")
    try:
        experience.check(record, search_space)
        start = resume_start.find_start(experience) if not record.outcome else None
        problems, to_move = _problems_of(experience, record, start)
    except LogUnreadable as error:
        return Finding(experience.id, "damaged", str(error), (experience.log,))
    except SweepError as error:
        # One of another search space is whole, and in nobody's way: its own sweep names it.
        is_of_another = record.search_space["name"] != search_space
        to_move_away = () if is_of_another else (experience.path,)
        return Finding(experience.id, "foreign", str(error), to_move_away)
    if problems:
        text = f"{state}: {'; '.join(problems)}"
        return Finding(experience.id, "damaged", text, tuple(to_move))
    return Finding(experience.id, state, _progress_text(record, start))


def repair(finding: Finding, root: Path) -> None:
    """Move away what only stands in the way.

    The files that a finished experience lost are put in place when its folder is settled.
    """
    for path in finding.to_move:
        move_to_quarantine(path, root)


def _problems_of(
    experience: Experience, record: Record, start: Start | None
) -> tuple[list[str], list[Path]]:
    """Return a text for all that is wrong with the files, and those files that nothing needs."""
    problems, to_move = [], []
    if not experience.read():
        problems.append(
            "experience.json is missing or torn: run writes it again, as the newest backup knows it"
        )
        to_move += [experience.record] if plain_files.is_file(experience.record) else []
    damages = damage.find_damages(experience, record, thoroughly=True)
    problems += [_damage_text(experience, found) for found in damages]
    spares = {found.spare for found in damages if isinstance(found.spare, Path)}
    useless = useless_files(experience, keep=spares)
    if useless:
        names = ", ".join(path.name for path in useless)
        problems.append(f"{names}: nothing reads that, so run does without")
        to_move += useless
    if start and not start.backup and has_backup_files(experience.sauvegarde):
        problems.append(f"{start.why_anew}: run begins again from the beginning")
    return problems, to_move


def _damage_text(experience: Experience, found: Damage) -> str:
    if found.spare is not None:
        return f"{found}: run puts it in place again"
    return f"{found}: {damage.describe_retraining(experience)}"


def _without_record(experience: Experience) -> Finding:
    backup = resume_start.find_start(experience).backup
    action = f"resumes {_at(backup)}" if backup else "begins again from the beginning"
    text = f"experience.json is missing or torn: once its trial comes, it {action}"
    return Finding(experience.id, "damaged", text)


def _at(backup: backup_files.Generation) -> str:
    return f"at epoch {backup.position.epoch}, batch {backup.position.batch}"


def _progress_text(record: Record, start: Start | None) -> str:
    """Return how an experience ended, or from where it resumes."""
    outcome = record.outcome
    if not outcome:
        return _at(start.backup) if start and start.backup else "before its first backup"
    if not outcome.values:
        return outcome.reason or ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{as_words(outcome.values)} (epoch {outcome.epoch}){reason}"
