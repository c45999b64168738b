"""Experiences that were trained elsewhere come in by their ids; nothing is overwritten."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep import resume
from sweep.errors import Misuse
from sweep.experience import Experience, Record, RecordWrong, State, experiences_in, state_of
from sweep.files import move_to_quarantine
from sweep.frozen import frozen_of
from sweep.known import Known
from sweep.log import LogUnreadable
from sweep.search_space import Source, what_changed

RANKS = {State.FINISHED: 3, State.PRUNED: 2, State.CUT_OFF: 1, State.RUNNING: 1, State.FAILED: 0, State.NEW: -1}
WEIGHTS_IN_ARCHIVE = "model.weights.h5"


@dataclass(frozen=True)
class Merged:
    """What became of one experience of another root."""

    id_experience: str
    came_from: Path
    state: State
    what: str
    is_taken: bool = False


def find_others(root: Path, others: list[Path]) -> list[Experience]:
    """Return the experiences of the other roots.

    Raises:
        Misuse: one is no folder, or is ``root`` itself.
    """
    for other in others:
        if not other.is_dir() or other.resolve() == root:
            what = "this root itself" if other.is_dir() else "no folder"
            raise Misuse(f"{other} is {what}: name the root of another sweep.")
    return [experience for other in others for experience in experiences_in(other.resolve())]


def merge(root: Path, source: Source, others: list[Experience], accept_change: bool) -> Iterator[Merged]:
    """Take in each experience of the others that is not here, or is further on than the one here; yield what was done.

    The root is locked. Where an experience of ours gives way, it goes to the quarantine.

    Raises:
        OSError: the disk is full or gone; what was taken in before is whole.
    """
    numbers = [entry["number"] for one in experiences_in(root) for entry in _trials(one)]
    following = max(numbers, default=-1) + 1
    for theirs in others:
        record = resume.read_record(theirs)
        refused = _why_not(theirs, record, source, accept_change)
        if refused or not record:
            state = state_of(record)
            yield Merged(theirs.id, theirs.path.parent, state, f"not taken: {refused}")
            continue
        merged, following = _merge_one(root, theirs, record, following)
        yield merged


def _merge_one(root: Path, theirs: Experience, record: Record, following: int) -> tuple[Merged, int]:
    ours = Experience(root / theirs.id)
    came_from, state = theirs.path.parent, state_of(record)
    our_record = resume.read_record(ours)
    if not our_record and not ours.path.exists():
        entry = {**record.trials[0], "number": following, "came_from": str(came_from), "attributes": {}}
        _take(theirs, ours, replace(record, trials=[entry]), root)
        return Merged(theirs.id, came_from, state, f"new here: trial {following}", True), following + 1
    if not our_record:
        why = f"not taken: {ours.record} is missing or torn; see sweep verify"
        return Merged(theirs.id, came_from, state, why), following
    if _how_far(theirs, record) > _how_far(ours, our_record):
        told_again = [{**entry, "ended": None} for entry in our_record.trials]
        aside = _take(theirs, ours, replace(record, trials=told_again), root)
        return Merged(theirs.id, came_from, state, f"further on than ours, which is now {aside}", True), following
    return Merged(theirs.id, came_from, state, _compare(theirs, record, ours, our_record)), following


def _why_not(theirs: Experience, record: Record | None, source: Source, accept_change: bool) -> str | None:
    """Return why an experience cannot come in: what others wrote is not to be trusted."""
    if not record:
        return "its experience.json is missing or torn"
    if any(path.is_symlink() for path in (theirs.path, *theirs.path.rglob("*"))):
        return "there is a symbolic link in its folder"
    try:
        theirs.check(record, source.name)
        if not record.trials:
            return "it has no trial"
        frozen_of(Known(theirs, record, record.trials[0]))
    except (RecordWrong, LogUnreadable) as error:
        return str(error)
    changed = what_changed(record.search_space["fingerprint"], source.fingerprint())
    if changed and not accept_change:
        return f"it was trained by another {', '.join(changed)}; see --accept-change"
    return "it is being trained" if state_of(record) is State.RUNNING else None


def _how_far(experience: Experience, record: Record) -> tuple[int, int, int]:
    position = resume.newest_position(experience.sauvegarde)
    state = state_of(record)
    if state is not State.CUT_OFF or not position:
        return RANKS[state], 0, 0
    return RANKS[state], position.epoch, position.batch


def _compare(theirs: Experience, record: Record, ours: Experience, our_record: Record) -> str:
    if _how_far(theirs, record) < _how_far(ours, our_record):
        return "ours is further on"
    if _seen(theirs) == _seen(ours):
        return "equal to ours"
    return "differs from ours, which stays: log.csv or the weights are not the same"


def _seen(experience: Experience) -> tuple[bytes, int | None]:
    """Return what two equal trainings have in common: the log, and the checksum of the best weights."""
    log = experience.log.read_bytes() if experience.log.exists() else b""
    try:
        with zipfile.ZipFile(experience.meilleur) as archive:
            return log, archive.getinfo(WEIGHTS_IN_ARCHIVE).CRC
    except (FileNotFoundError, zipfile.BadZipFile, KeyError):
        return log, None


def _take(theirs: Experience, ours: Experience, record: Record, root: Path) -> Path | None:
    """Copy the folder beside its place, with this record in it, and put it in place; return where ours is now, if it was."""
    beside = Experience(ours.path.with_name(f".{ours.path.name}.part"))
    shutil.rmtree(beside.path, ignore_errors=True)
    no_state = shutil.ignore_patterns("*.part", "next.*", "pulse.json")
    shutil.copytree(theirs.path, beside.path, copy_function=_copy_synced, ignore=no_state)
    beside.write(record)
    aside = move_to_quarantine(ours.path, root) if ours.path.exists() else None
    beside.path.rename(ours.path)
    return aside


def _copy_synced(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trials(experience: Experience) -> list[dict[str, Any]]:
    record = resume.read_record(experience)
    return record.trials if record else []
