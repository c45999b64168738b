"""A finished experience goes on for more epochs, under the id of the longer training."""

import shutil
from dataclasses import replace
from pathlib import Path

from sweep import resume
from sweep.experience import Experience, Record, State
from sweep.host import now
from sweep.identity import id_experience
from sweep.known import Known
from sweep.log import best_val_acc


def parents(known: dict[int, Known], epochs: int, best: int | None) -> list[Known]:
    """Return a trial of each finished experience of fewer epochs, the best val_acc first, and only so many."""
    one_each = {one.experience.id: one for _, one in sorted(known.items()) if one.record.outcome}
    shorter = [
        one
        for one in one_each.values()
        if one.record.outcome and one.record.outcome.state is State.FINISHED and one.record.parameters["epochs"] < epochs
    ]
    ranked = sorted(shorter, key=lambda one: (best_val_acc(one.val_acc()) or (0.0,))[0], reverse=True)
    return ranked[:best]


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
    """Make the folder beside its place, and put it in place at once."""
    beside = Experience(child.path.with_name(f".{child.path.name}.part"))
    shutil.rmtree(beside.path, ignore_errors=True)
    beside.sauvegarde.mkdir(parents=True)
    shutil.copyfile(model, beside.meilleur)
    shutil.copyfile(backup.weights, beside.sauvegarde / resume.NEXT_WEIGHTS)
    resume.write_backup(beside.sauvegarde, replace(backup.position, record=record.as_content()))
    resume.restore_log(beside, backup.position.log.encode())
    beside.write(record)
    beside.path.rename(child.path)
