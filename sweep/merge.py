"""Experiences that were trained elsewhere come in by their ids; nothing is overwritten."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from sweep import meilleur, resume
from sweep.aims import Aim
from sweep.damage import find_damages
from sweep.errors import Misuse, SweepError
from sweep.experience import Experience, experiences_in
from sweep.files import copy_synced, move_to_quarantine, new_folder
from sweep.folders import accepted_in, latest_data
from sweep.frozen import check_compatible, frozen_of
from sweep.known import Known, known_trials
from sweep.record import Record, State, state_of
from sweep.search_space import Source

NEW_HERE = "new here"


@dataclass(frozen=True)
class Merged:
    """What became of one experience of another root."""

    id_experience: str
    came_from: Path
    state: State
    what: str


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
    here = [(one, record) for one in experiences_in(root) if (record := resume.read_record(one))]
    source, _ = accepted_in([record for _, record in here], source)
    data = latest_data(record for _, record in here)
    known = known_trials(here)
    following = max(known, default=-1) + 1
    numbers: dict[tuple[Any, ...], int] = {}  # what ours are, for those of the others that are repeated
    aims = next((record.aims for _, record in here), None)
    sample = {name: frozen for one in known.values() for frozen in [_frozen(one)] if frozen for name in frozen.distributions}
    for theirs in others:
        record = resume.read_record(theirs)
        refused = _why_not(theirs, record, source, data, accept_change, list(sample.values()), aims)
        if refused or not record:
            yield Merged(theirs.id, theirs.path.parent, state_of(record), f"not taken: {refused}")
            continue
        entry = record.trials[0]
        is_repeated = entry.get("repeats", 1) > 1
        trial = (theirs.path.parent, entry["number"], str(entry.get("begun")), "" if is_repeated else theirs.id)
        # What its own root has accepted is not accepted here.
        accepted = list(source.accepting([record.search_space]).accepted)
        record = replace(record, search_space={**record.search_space, "accepted": accepted})
        data = data or record.data_identity
        merged = _merge_one(root, theirs, record, numbers.get(trial, following))
        if merged.what.startswith(NEW_HERE) and trial not in numbers:
            numbers[trial] = following
            following += 1
        yield merged


def _merge_one(root: Path, theirs: Experience, record: Record, following: int) -> Merged:
    ours, came_from, state = Experience(root / theirs.id), theirs.path.parent, state_of(record)
    our_record = resume.read_record(ours)
    if not ours.path.exists():
        name = os.fsencode(came_from).decode(errors="replace")
        entry = {**record.trials[0], "number": following, "came_from": name, "attributes": {}}
        _take(theirs, ours, replace(record, trials=[entry]), root)
        return Merged(theirs.id, came_from, state, f"{NEW_HERE}: trial {following}")
    if not our_record:
        return Merged(theirs.id, came_from, state, f"not taken: {ours.record} is missing or torn; see sweep verify")
    there, here = _progress(theirs, record), _progress(ours, our_record)
    if there > here:
        told_again = [{**entry, "ended": None} for entry in our_record.trials]
        aside = _take(theirs, ours, replace(record, trials=told_again), root)
        return Merged(theirs.id, came_from, state, f"further on than ours, which is now {aside}")
    return Merged(theirs.id, came_from, state, "ours is further on" if there < here else _compare(theirs, ours))


def _why_not(
    theirs: Experience,
    record: Record | None,
    source: Source,
    data: dict[str, Any] | None,
    accept_change: bool,
    ours: list[FrozenTrial],
    aims: list[Aim] | None,
) -> str | None:
    """Return why an experience cannot come in: what others wrote is not to be trusted."""
    if not record:
        return "its experience.json is missing or torn"
    if any(path.is_symlink() for path in (theirs.path, *theirs.path.rglob("*"))):
        return "there is a symbolic link in its folder"
    try:
        theirs.check(record, source.name)
        if not record.trials:
            return "it has no trial"
        if aims and record.aims != aims:
            return f"it was trained for {', '.join(name for name, _ in record.aims)}, and ours for another MONITOR"
        frozen = frozen_of(Known(theirs, record, record.trials[0]))
        for one in ours:
            check_compatible(frozen, one)
        damages = find_damages(theirs, record, thoroughly=True)
    except (SweepError, ValueError) as error:
        return str(error)
    if damages:
        return f"its {damages[0]}; mend that there, see sweep verify"
    if not (accept_change or source.counts(record.search_space)):
        return f"it was trained by another {', '.join(source.changes_since(record.search_space))}; see --accept-change"
    if not accept_change and data and record.data_identity and record.data_identity["digest"] != data["digest"]:
        return "load_data gave it other data than ours; see --accept-change"
    return "it is being trained" if state_of(record) is State.RUNNING else None


def _frozen(known: Known) -> FrozenTrial | None:
    """Return a trial of ours, None where its folder is damaged, which is no matter of the merge."""
    try:
        return frozen_of(known)
    except SweepError:
        return None


def _progress(experience: Experience, record: Record) -> tuple[bool, int, int]:
    """Return how far an experience is: finished and whole, or how much of it need not be trained again."""
    state = state_of(record)
    if state is State.FINISHED and not find_damages(experience, record, thoroughly=True):
        return True, 0, 0
    if state is State.PRUNED:
        return False, (record.outcome.epoch or 0) + 1 if record.outcome else 0, 0
    if state is State.FAILED:
        return False, -1, 0
    backup = resume.find_start(experience).backup
    return (False, backup.position.epoch, backup.position.batch) if backup else (False, 0, 0)


def _compare(theirs: Experience, ours: Experience) -> str:
    if _seen(theirs) == _seen(ours):
        return "equal to ours"
    return "differs from ours, which stays: log.csv or the weights are not the same"


def _seen(experience: Experience) -> tuple[bytes, int | None]:
    """Return what two equal trainings have in common: the log, and the checksum of the best weights."""
    log = experience.log.read_bytes() if experience.log.exists() else b""
    return log, meilleur.checksum_of_weights(experience.meilleur)


def _take(theirs: Experience, ours: Experience, record: Record, root: Path) -> Path | None:
    """Copy the folder, with this record in it; return where ours is now, if there was one."""
    aside = None
    no_state = shutil.ignore_patterns("*.part", "next.*", "pulse.json", "experience*.json")
    with new_folder(ours.path) as beside:
        shutil.copytree(theirs.path, beside, copy_function=copy_synced, ignore=no_state, dirs_exist_ok=True)
        Experience(beside).write(record)
        if ours.path.exists():
            aside = move_to_quarantine(ours.path, root)
    return aside
