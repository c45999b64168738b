"""Experiences that were trained elsewhere come in by their ids; nothing is overwritten."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from sweep.errors import Misuse, SweepError
from sweep.experience import backup_files, best_model, resume_start
from sweep.experience.damage import find_damages
from sweep.experience.folder import RECORDS, Experience, experiences_in
from sweep.experience.inventory import accepted_in, latest_data
from sweep.experience.record import Record, State, state_of
from sweep.experience.trials import TrialRecord, trials_by_number
from sweep.search.study_check import check_compatible
from sweep.search.trial_conversion import frozen_of
from sweep.space.objectives import Objective
from sweep.space.source import SpaceSource
from sweep.system import plain_files
from sweep.system.files import copy_synced, move_to_quarantine, names_of, new_folder

NEW_HERE = "new here"
PULSES = names_of("pulse.json")


@dataclass(frozen=True)
class MergeResult:
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
        is_folder = plain_files.is_folder(other.resolve())
        if not is_folder or other.resolve() == root:
            what = "this root itself" if is_folder else "no folder"
            raise Misuse(f"{other} is {what}: name the root of another sweep.")
    return [experience for other in others for experience in experiences_in(other.resolve())]


def merge(
    root: Path, source: SpaceSource, others: list[Experience], accept_change: bool
) -> Iterator[MergeResult]:
    """Take in each experience of the others that is not here, or is further on than the one here; yield what was done.

    The root is locked. Where an experience of ours gives way, it goes to the quarantine.

    Raises:
        OSError: the disk is full or gone; what was taken in before is whole.
    """
    here = [
        (one, record) for one in experiences_in(root) if (record := backup_files.read_record(one))
    ]
    source, _ = accepted_in([record for _, record in here], source)
    data = latest_data(record for _, record in here)
    known = trials_by_number(here)
    following = max(known, default=-1) + 1
    numbers: dict[
        tuple[Any, ...], int
    ] = {}  # what ours are, for those of the others that are repeated
    objectives = next((record.objectives for _, record in here), None)
    sample = {
        name: frozen
        for one in known.values()
        for frozen in [_frozen(one)]
        if frozen
        for name in frozen.distributions
    }
    for theirs in others:
        record = backup_files.read_record(theirs)
        refused = _why_not(
            theirs, record, source, data, accept_change, list(sample.values()), objectives
        )
        if refused or not record:
            yield MergeResult(
                theirs.id, theirs.path.parent, state_of(record), f"not taken: {refused}"
            )
            continue
        entry = record.trials[0]
        is_repeated = (entry.repeats or 1) > 1
        trial = (
            theirs.path.parent,
            entry.number,
            str(entry.begun),
            "" if is_repeated else theirs.id,
        )
        # What its own root has accepted is not accepted here.
        accepted = list(source.accepting([record.search_space]).accepted)
        record = replace(record, search_space={**record.search_space, "accepted": accepted})
        data = data or record.data_identity
        merged = _merge_one(root, theirs, record, numbers.get(trial, following))
        if merged.what.startswith(NEW_HERE) and trial not in numbers:
            numbers[trial] = following
            following += 1
        yield merged


def _merge_one(root: Path, theirs: Experience, record: Record, following: int) -> MergeResult:
    ours, came_from, state = Experience(root / theirs.id), theirs.path.parent, state_of(record)
    our_record = backup_files.read_record(ours)
    if plain_files.kind_of(ours.path) is None:
        name = os.fsencode(came_from).decode(errors="replace")
        entry = record.trials[0].changed(number=following, came_from=name, attributes={})
        _take(theirs, ours, replace(record, trials=[entry]), root)
        return MergeResult(theirs.id, came_from, state, f"{NEW_HERE}: trial {following}")
    if not our_record:
        return MergeResult(
            theirs.id,
            came_from,
            state,
            f"not taken: {ours.record} is missing or torn; see sweep verify",
        )
    there, here = _progress(theirs, record), _progress(ours, our_record)
    if there > here:
        told_again = [entry.changed(ended=None) for entry in our_record.trials]
        aside = _take(theirs, ours, replace(record, trials=told_again), root)
        return MergeResult(
            theirs.id, came_from, state, f"further on than ours, which is now {aside}"
        )
    return MergeResult(
        theirs.id,
        came_from,
        state,
        "ours is further on" if there < here else _compare(theirs, ours),
    )


def _why_not(
    theirs: Experience,
    record: Record | None,
    source: SpaceSource,
    data: dict[str, Any] | None,
    accept_change: bool,
    ours: list[FrozenTrial],
    objectives: list[Objective] | None,
) -> str | None:
    """Return why an experience cannot come in: what others wrote is not to be trusted."""
    if not record:
        return "its experience.json is missing or torn"
    other = _first_other(theirs.path)
    if other:
        return f"there is {other} in its folder"
    try:
        theirs.check(record, source.name)
        if not record.trials:
            return "it has no trial"
        if objectives and record.objectives != objectives:
            return f"it was trained for {', '.join(name for name, _ in record.objectives)}, and ours for another MONITOR"
        frozen = frozen_of(TrialRecord(theirs, record, record.trials[0]))
        for one in ours:
            check_compatible(frozen, one)
        damages = find_damages(theirs, record, thoroughly=True)
        resume_start.check_logs(theirs)
    except (SweepError, ValueError) as error:
        return str(error)
    if damages:
        return f"its {damages[0]}; mend that there, see sweep verify"
    if not (accept_change or source.counts(record.search_space)):
        return f"it was trained by another {', '.join(source.changes_since(record.search_space))}; see --accept-change"
    if (
        not accept_change
        and data
        and record.data_identity
        and record.data_identity["digest"] != data["digest"]
    ):
        return "load_data gave it other data than ours; see --accept-change"
    return "it is being trained" if state_of(record) is State.RUNNING else None


def _frozen(known: TrialRecord) -> FrozenTrial | None:
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
    backup = resume_start.find_start(experience).backup
    return (False, backup.position.epoch, backup.position.batch) if backup else (False, 0, 0)


def _compare(theirs: Experience, ours: Experience) -> str:
    if _seen(theirs) == _seen(ours):
        return "equal to ours"
    return "differs from ours, which stays: log.csv or the weights are not the same"


def _seen(experience: Experience) -> tuple[bytes, int | None]:
    """Return what two equal trainings have in common: the log, and the checksum of the best weights."""
    return experience.read_log(), best_model.checksum_of_weights(experience.meilleur)


def _take(theirs: Experience, ours: Experience, record: Record, root: Path) -> Path | None:
    """Copy the folder, with this record in it; return where ours is now, if there was one.

    What a user has put into it is copied as well.
    """
    aside = None
    with new_folder(ours.path) as beside:
        plain_files.copy_folder(theirs.path, beside, _copy)
        Experience(beside).write(record)
        if plain_files.kind_of(ours.path):
            aside = move_to_quarantine(ours.path, root)
    return aside


def _copy(source: Path, target: Path) -> None:
    """Copy a file, but none of what says how far a process is: of that, the copy has its own."""
    if not any(names.fullmatch(source.name) for names in (backup_files.OF_A_CUT, PULSES, RECORDS)):
        copy_synced(source, target)


def _first_other(folder: Path) -> str | None:
    """Return what the first thing in a folder is that is neither a file nor a folder, or None."""
    for path, kind in plain_files.contents(folder).items():
        if kind not in (plain_files.FILE, plain_files.FOLDER):
            return kind
        found = _first_other(path) if kind == plain_files.FOLDER else None
        if found:
            return found
    return None
