"""A finished experience goes on for more epochs, under the id of the longer training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sweep.experience import backup_files
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State
from sweep.experience.trials import TrialRecord
from sweep.space.identity import id_experience
from sweep.system import plain_files
from sweep.system.files import copy_synced, new_folder
from sweep.system.host import now


def parents(known: dict[int, TrialRecord], epochs: int, best: int | None) -> list[TrialRecord]:
    """Return a finished trial of fewer epochs for each that can be longer, the best first, and only so many.

    Of a training and its extension, the longer one.
    """
    longest: dict[str, TrialRecord] = {}
    for one in sorted(known.values(), key=lambda one: (_epochs(one), -one.number)):
        if one.outcome and one.outcome.state is State.FINISHED and _epochs(one) < epochs:
            longest[child_of(one, epochs).id] = one
    return sorted(longest.values(), key=_rank)[:best]


def _rank(known: TrialRecord) -> float:
    return known.record.aim.rank_in(known.outcome.values if known.outcome else {})


def _epochs(known: TrialRecord) -> int:
    return int(known.record.parameters["epochs"])


def child_of(parent: TrialRecord, epochs: int) -> Experience:
    """Return the experience of the longer training, whether there is such a folder or not."""
    record = parent.record
    name = id_experience(record.search_space["name"], {**record.parameters, "epochs": epochs})
    return Experience(parent.experience.path.with_name(name))


def prepare(parent: TrialRecord, epochs: int, number: int) -> str | None:
    """Make the folders of the longer trainings of a trial, with the last backups of the shorter ones in them.

    Args:
        parent: finished, with fewer epochs.
        epochs: of the longer training, in all.
        number: of its trial.

    Returns:
        Why none of them can be extended, or None.

    Raises:
        OSError: the disk is full or gone; nothing is there then that was not before.
    """
    begun = now()
    done = [
        _prepare_one(one, epochs, {"number": number, "begun": begun})
        for one in reversed(parent.parts)
    ]
    return (
        None
        if any(done)
        else "its last backup is freed or lost; sweep run --epochs trains it from the beginning"
    )


def _prepare_one(parent: TrialRecord, epochs: int, new: dict[str, Any]) -> bool:
    record, child = parent.record, child_of(parent, epochs)
    start = backup_files.find_start(parent.experience)
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
        aims=record.aims,
        data_identity=record.data_identity,
    )
    _write(child, longer, start.backup, start.model)
    return True


def _write(child: Experience, record: Record, backup: backup_files.Generation, model: Path) -> None:
    with new_folder(child.path) as folder:
        beside = Experience(folder)
        plain_files.make_folder(beside.sauvegarde)
        copy_synced(model, beside.meilleur)
        copy_synced(backup.weights, beside.sauvegarde / backup_files.NEXT_WEIGHTS)
        backup_files.write_backup(
            beside.sauvegarde, replace(backup.position, record=record.as_content())
        )
        backup_files.restore_log(beside, backup.position.log.encode())
        beside.write(record)
