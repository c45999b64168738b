"""A finished experience is trained for more epochs, under the id of the longer training."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experience import backup_files, resume_start
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State
from sweep.experience.trials import TrialRecord
from sweep.running.context import SweepContext
from sweep.space.identity import id_experience
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.phases import are_extended
from sweep.space.search_space import SearchSpace
from sweep.system import plain_files
from sweep.system.files import copy_synced, new_folder, sha256_of
from sweep.system.host import now


def prepare_all(
    context: SweepContext,
    trial_records: Mapping[int, TrialRecord],
    epochs: int,
    best: int | None,
) -> None:
    """Make the folders of the longer trainings: trials, interrupted before their first session.

    Args:
        context: of the sweep; its user is told which of them cannot be extended.
        trial_records: its trials, by number.
        epochs: of the longer trainings, in all.
        best: how many of the best are extended; None is all of them.

    Raises:
        SweepError: there is none to extend.
    """
    extended = parents(trial_records, epochs, best)
    if not extended:
        raise SweepError(
            f"{context.root} has no finished experience of fewer than {epochs} epochs: "
            "see sweep results."
        )
    following = max(trial_records) + 1
    for parent in extended:
        if child_of(parent, epochs).path.exists():
            continue
        why_not = _other_phases(context.space, parent, epochs) or prepare(parent, epochs, following)
        if why_not:
            context.progress.say(f"{parent.experience.id} cannot be extended: {why_not}")
        else:
            following += 1


def made_for(trial_records: Mapping[int, TrialRecord], epochs: int) -> set[str]:
    """Return the ids that trainings of so many epochs have, where they extend one of these."""
    return {child_of(trial, epochs).id for trial in trial_records.values()}


def parents(
    trial_records: Mapping[int, TrialRecord], epochs: int, best: int | None
) -> list[TrialRecord]:
    """Return the trials to extend, the best first: each is finished and has fewer epochs.

    Where a training was extended already, the longer one stands for both.
    """
    longest: dict[str, TrialRecord] = {}
    for trial in sorted(trial_records.values(), key=lambda trial: (_epochs(trial), -trial.number)):
        is_finished = trial.outcome and trial.outcome.state is State.FINISHED
        if is_finished and _epochs(trial) < epochs:
            longest[child_of(trial, epochs).id] = trial
    return sorted(longest.values(), key=_rank)[:best]


def _rank(trial: TrialRecord) -> float:
    return trial.record.objective.rank_in(trial.outcome.values if trial.outcome else {})


def _epochs(trial: TrialRecord) -> int:
    return int(trial.record.parameters["epochs"])


def child_of(parent: TrialRecord, epochs: int) -> Experience:
    """Return the experience of the longer training, whether there is such a folder or not."""
    record = parent.record
    name = id_experience(record.search_space["name"], {**record.parameters, "epochs": epochs})
    return Experience(parent.experience.path.with_name(name))


def _other_phases(space: SearchSpace, parent: TrialRecord, epochs: int) -> str | None:
    """Return why the phases of the longer training do not continue those of its parent, or None."""
    parameters = parent.record.parameters
    try:
        phases = [
            space.phases_of({**parameters, "epochs": number})
            for number in (parameters["epochs"], epochs)
        ]
    except SearchSpaceWrong as error:
        return str(error)
    if are_extended(*phases):
        return None
    return "its phases would begin at other epochs; sweep run --epochs trains it from the beginning"


def prepare(parent: TrialRecord, epochs: int, number: int) -> str | None:
    """Make the folders of the longer trainings of a trial, each with the last backup in it.

    Args:
        parent: finished, with fewer epochs.
        epochs: of the longer training, in all.
        number: of the new trial.

    Returns:
        Why none of them can be extended, or None.

    Raises:
        OSError: the disk is full or gone; then nothing is there that was not there before.
    """
    begun = now()
    # The first repeat comes last: its folder tells ``prepare_all`` that the trial is prepared.
    are_made = [
        _prepare_repeat(repeat, epochs, {"number": number, "begun": begun})
        for repeat in reversed(parent.repeats)
    ]
    if any(are_made):
        return None
    return "its last backup is freed or lost; sweep run --epochs trains it from the beginning"


def _prepare_repeat(parent: TrialRecord, epochs: int, new: dict[str, Any]) -> bool:
    record, child = parent.record, child_of(parent, epochs)
    start = resume_start.find_start(parent.experience)
    if not start.backup or not start.model:
        return False
    if plain_files.kind_of(child.path):
        return True
    entry = parent.entry.changed(ended=None, attributes={}, came_from=None, **new)
    longer = Record(
        id_experience=child.id,
        search_space=record.search_space,
        parameters={**record.parameters, "epochs": epochs},
        seed=record.seed,
        threads=record.threads,
        trials=[entry],
        approximate_because=record.approximate_because,
        parent=parent.experience.id,
        objectives=record.objectives,
        data_identity=record.data_identity,
    )
    _write(child, longer, start.backup, start.model)
    return True


def _write(child: Experience, record: Record, backup: backup_files.Generation, model: Path) -> None:
    with new_folder(child.path) as folder:
        beside = Experience(folder)
        plain_files.make_folder(beside.sauvegarde)
        copy_synced(model, beside.meilleur)
        weights = beside.sauvegarde / backup_files.NEXT_WEIGHTS
        copy_synced(backup.weights, weights)
        position = replace(backup.position, record=record.as_content())
        backup_files.write_backup(beside.sauvegarde, position, sha256_of(weights))
        resume_start.restore_log(beside, backup.position.log.encode())
        beside.write(record)
