"""A finished experience goes on for more epochs, under the id of the longer training."""

from dataclasses import replace
from pathlib import Path

from sweep import resume
from sweep.experience import Experience
from sweep.files import copy_synced, new_folder
from sweep.host import now
from sweep.identity import id_experience
from sweep.known import Known
from sweep.log import best_val_acc
from sweep.record import Record, State


def parents(known: dict[int, Known], epochs: int, best: int | None) -> list[Known]:
    """Return a trial of each finished experience of fewer epochs, the best val_acc first, and only so many.

    Of a training and its extension, the longer one.
    """
    longest: dict[str, Known] = {}
    for one in sorted(known.values(), key=lambda one: (_epochs(one), -one.number)):
        if one.record.outcome and one.record.outcome.state is State.FINISHED and _epochs(one) < epochs:
            longest[child_of(one, epochs).id] = one
    return sorted(longest.values(), key=lambda one: (best_val_acc(one.val_acc()) or (0.0,))[0], reverse=True)[:best]


def _epochs(known: Known) -> int:
    return int(known.record.parameters["epochs"])


def child_of(parent: Known, epochs: int) -> Experience:
    """Return the experience of the longer training, whether there is such a folder or not."""
    record = parent.record
    name = id_experience(record.search_space["name"], {**record.parameters, "epochs": epochs})
    return Experience(parent.experience.path.with_name(name))


def prepare(parent: Known, epochs: int, number: int) -> str | None:
    """Make the folder of the longer training, with the last backup of the shorter one in it.

    Args:
        parent: finished, with fewer epochs.
        epochs: of the longer training, in all.
        number: of its trial.

    Returns:
        Why it cannot be extended, or None.

    Raises:
        OSError: the disk is full or gone; nothing is there then that was not before.
    """
    record, child = parent.record, child_of(parent, epochs)
    start = resume.find_start(parent.experience)
    if not start.backup or not start.model:
        return "its last backup is freed or lost; sweep run --epochs trains it from the beginning"
    entry = {**parent.entry, "number": number, "begun": now(), "ended": None, "attributes": {}, "came_from": None}
    longer = Record(
        id_experience=child.id,
        search_space=record.search_space,
        parameters={**record.parameters, "epochs": epochs},
        seed=record.seed,
        threads=record.threads,
        trials=[entry],
        approximate_because=record.approximate_because,
        parent=parent.experience.id,
    )
    _write(child, longer, start.backup, start.model)
    return None


def _write(child: Experience, record: Record, backup: resume.Generation, model: Path) -> None:
    with new_folder(child.path) as folder:
        beside = Experience(folder)
        beside.sauvegarde.mkdir()
        copy_synced(model, beside.meilleur)
        copy_synced(backup.weights, beside.sauvegarde / resume.NEXT_WEIGHTS)
        resume.write_backup(beside.sauvegarde, replace(backup.position, record=record.as_content()))
        resume.restore_log(beside, backup.position.log.encode())
        beside.write(record)
