"""Take in experiences that were trained under other roots, by their ids; nothing is overwritten."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep.errors import Misuse
from sweep.experience import backup_files, best_model, resume_start
from sweep.experience.damage import find_damages
from sweep.experience.folder import RECORDS, Experience, experiences_in
from sweep.experience.inventory import accepted_in
from sweep.experience.known_data import known_data
from sweep.experience.record import Record, State, state_of
from sweep.experience.trials import trials_by_number
from sweep.maintenance.merge_check import MergeCheck, sample_of
from sweep.space.source import SpaceSource
from sweep.system import files, plain_files
from sweep.system.files import copy_synced, move_to_quarantine, names_of, new_folder

NEW_HERE = "new here"
NO_RECORD = "its experience.json is missing or torn"
HEARTBEATS = names_of("pulse.json")


@dataclass(frozen=True)
class MergeResult:
    """What became of one experience of another root; ``what`` says it in words."""

    id_experience: str
    came_from: Path
    state: State
    what: str


def find_others(root: Path, others: list[Path]) -> list[Experience]:
    """Return the experiences of the other roots.

    Raises:
        Misuse: one of them is no folder, or is ``root`` itself.
    """
    for other in others:
        is_folder = plain_files.is_folder(other.resolve())
        if not is_folder or other.resolve() == root:
            problem = "this root itself" if is_folder else "no folder"
            raise Misuse(f"{other} is {problem}: name the root of another sweep.")
    return [experience for other in others for experience in experiences_in(other.resolve())]


def merge(
    root: Path, source: SpaceSource, others: list[Experience], accept_change: bool
) -> Iterator[MergeResult]:
    """Take in each experience of the others that is not here, or has more training than ours.

    If an experience of ours gives way, it goes to the quarantine. The caller has locked the root.

    Args:
        root: of our sweep.
        source: our search space.
        others: experiences of other roots.
        accept_change: take in what other code or other data have trained.

    Yields:
        What became of each experience.

    Raises:
        OSError: the disk is full or gone; what was taken in before is whole.
    """
    check, next_number = _check_for(root, source, accept_change)
    # The numbers that trials got here: the experiences of a repeated trial share one.
    numbers: dict[tuple[Any, ...], int] = {}
    for theirs in others:
        record = backup_files.read_record(theirs)
        refusal = check.refusal(theirs, record) if record else NO_RECORD
        if refusal or not record:
            what = f"not taken: {refusal}"
            yield MergeResult(theirs.id, theirs.path.parent, state_of(record), what)
            continue
        # What the other root has accepted is not accepted here.
        accepted = list(check.source.accepting([record.search_space]).accepted)
        record = replace(record, search_space={**record.search_space, "accepted": accepted})
        check = check.after(record)
        trial = _trial_key(theirs, record)
        result = _merge_one(root, theirs, record, numbers.get(trial, next_number))
        if result.what.startswith(NEW_HERE) and trial not in numbers:
            numbers[trial] = next_number
            next_number += 1
        yield result


def _check_for(root: Path, source: SpaceSource, accept_change: bool) -> tuple[MergeCheck, int]:
    """Return what experiences must agree with under this root, and the next number of a trial."""
    ours = []
    for experience in experiences_in(root):
        record = backup_files.read_record(experience)
        if record:
            ours.append((experience, record))
    records = [record for _, record in ours]
    trials = trials_by_number(ours)
    check = MergeCheck(
        source=accepted_in(records, source)[0],
        data=known_data(records),
        sample=sample_of(trials.values()),
        objectives=next((record.objectives for record in records if record.sessions), None),
        accept_change=accept_change,
    )
    return check, max(trials, default=-1) + 1


def _trial_key(theirs: Experience, record: Record) -> tuple[Any, ...]:
    """Return what names the trial of an experience; it is equal for all repeats of the trial."""
    entry = record.trials[0]
    is_repeated = (entry.repeats or 1) > 1
    own_id = "" if is_repeated else theirs.id
    return theirs.path.parent, entry.number, str(entry.begun), own_id


def _merge_one(root: Path, theirs: Experience, record: Record, number: int) -> MergeResult:
    """Take in one experience that may come in; ``number`` is that of its trial if it is new."""
    ours, came_from = Experience(root / theirs.id), theirs.path.parent
    our_record = backup_files.read_record(ours)
    if plain_files.kind_of(ours.path) is None:
        name = os.fsencode(came_from).decode(errors="replace")
        entry = record.trials[0].changed(number=number, came_from=name, attributes={})
        _take(theirs, ours, replace(record, trials=[entry]), root)
        text = f"{NEW_HERE}: trial {number}"
    elif not our_record:
        text = f"not taken: {ours.record} is missing or torn; see sweep verify"
    else:
        text = _settle(root, (theirs, record), (ours, our_record))
    return MergeResult(theirs.id, came_from, state_of(record), text)


def _settle(root: Path, theirs: tuple[Experience, Record], ours: tuple[Experience, Record]) -> str:
    """Keep the one of two folders of an id that has more training; return what was done."""
    (their_folder, their_record), (our_folder, our_record) = theirs, ours
    their_progress, our_progress = _progress(*theirs), _progress(*ours)
    if their_progress > our_progress:
        told_again = [entry.changed(ended=None) for entry in our_record.trials]
        record = replace(their_record, trials=told_again)
        aside = _take(their_folder, our_folder, record, root)
        return f"further on than ours, which is now {aside}"
    if their_progress < our_progress:
        return "ours is further on"
    return _compare(their_folder, our_folder)


def _progress(experience: Experience, record: Record) -> tuple[bool, int, int]:
    """Return how much of an experience need not be trained again.

    That is: whether it is finished and whole, otherwise its epoch and batch.
    """
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
    if _fingerprint(theirs) == _fingerprint(ours):
        return "equal to ours"
    return "differs from ours, which stays: log.csv or the weights are not the same"


def _fingerprint(experience: Experience) -> tuple[bytes, int | None]:
    """Return what two equal trainings share: the log, and the checksum of the best weights."""
    return experience.read_log(), best_model.checksum_of_weights(experience.meilleur)


def _take(theirs: Experience, ours: Experience, record: Record, root: Path) -> Path | None:
    """Copy a folder, with the user's files in it, and write this record into the copy.

    Return the path to which an experience of ours had to move, if there was one.
    """
    aside = None
    with new_folder(ours.path) as beside:
        files.copy_folder(theirs.path, beside, _copy)
        Experience(beside).write(record)
        if plain_files.kind_of(ours.path):
            aside = move_to_quarantine(ours.path, root)
    return aside


def _copy(source: Path, target: Path) -> None:
    """Copy a file, unless it tells how far a process is: the copy has no process."""
    not_copied = (backup_files.UNFINISHED_WRITES, HEARTBEATS, RECORDS)
    if not any(names.fullmatch(source.name) for names in not_copied):
        copy_synced(source, target)
