"""A training that is saved, and resumed in a fresh process, before it matters: is the resume exact?

A first process trains some batches, is saved in the middle of an epoch and at its end, and trains on. A fresh process
resumes from each of the two backups, and trains to the same batch. The backups of that batch hold all that decides a
training, and must be equal to the last bit. Epochs have a few batches and a short validation, and all of it lies in a folder
of its own.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras

from sweep.experience import backup_files, resume_start
from sweep.experience.folder import Experience
from sweep.experience.position import Position
from sweep.experience.resume_proof import NO_EVIDENCE, Proof
from sweep.space.search_space import SearchSpace
from sweep.training import preparation, session
from sweep.training.backup_callback import Backup, WorkWatcher
from sweep.training.callback_hooks import Logs
from sweep.training.data.batch_source import BatchSource
from sweep.training.endings import Stopped
from sweep.training.fit import fit
from sweep.training.measure import prepare, refusing
from sweep.training.protocol import SAVES, End, Exactness, Job, Link, Warned
from sweep.training.state.arrays_file import read_arrays
from sweep.training.train import savers

TRAINED, VALIDATED = 4, 2  # batches of an epoch, and of its validation
DATA = "data.txt"  # what the data are known by
LAST = 1, 2  # epoch and batch of the comparison


class Short:
    """The first batches of each epoch of something longer. See ``sweep.training.data.batch_source.BatchSource``."""

    def __init__(self, source: BatchSource, most: int) -> None:
        self.count = min(most, source.count)
        self.kind, self.in_graph, self.reads_ahead = (
            source.kind,
            source.in_graph,
            source.reads_ahead,
        )
        self.numbers, self.made_of = source.numbers.take(self.count), source.made_of
        self.begin, self.batch, self.first, self.spec = (
            source.begin,
            source.batch,
            source.first,
            source.spec,
        )
        self.why_approximate, self.compared = source.why_approximate, source.compared

    def end(self) -> None:
        """Do nothing: the epoch has more batches."""


class Stages(keras.callbacks.Callback):
    """Saves at the places of ``SAVES``, keeps each backup in a folder of its name, and ends the training at the last batch.

    Args:
        backup: saves.
        folder: of the experience.
        keeps: whether this is the first process, whose backups are kept.
        batches: of a short epoch.
    """

    def __init__(self, backup: Backup, folder: Path, keeps: bool, batches: int) -> None:
        super().__init__()
        self._backup, self._folder, self._epoch = backup, folder, 0
        self._saves = (
            {min(where, (where[0], batches)): name for name, where in SAVES.items()}
            if keeps
            else {}
        )
        self._last = LAST[0], min(LAST[1], batches)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._pass_by((self._epoch, batch + 1))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._pass_by((epoch + 1, 0))

    def _pass_by(self, here: tuple[int, int]) -> None:
        if here in self._saves or here == self._last:
            self._backup.save_the_end()
            self._backup.check_saved()
        if here in self._saves:
            shutil.copytree(self._folder / "sauvegarde", self._folder / self._saves[here])
        if here == self._last:
            raise Stopped


def certify(job: Job, link: Link) -> End:
    """Train as the first process, in the folder of the job's experience.

    Returns:
        How it ended: REFUSED, in one sentence, where the search space raises or cannot be trained.
    """
    return refusing(job, lambda: _train(job, link, keeps=True))


def certify_again(job: Job, link: Link, save: str) -> End:
    """Resume from a backup of the first process, and tell the link whether that came to the same end."""

    def work() -> None:
        first = job.experience
        again = Experience(first.path / f"resumed {save}")
        if not (first.path / save).exists():
            return
        shutil.copytree(first.path / save, again.sauvegarde)
        batches = _train(replace(job, experience=again), link, keeps=False)
        # What reads ahead has drawn more or fewer of the batches to come: a later resume draws those anew.
        left_out = ("random", "at_epoch") if batches.reads_ahead else ()
        difference = first_difference(first.sauvegarde, again.sauvegarde, left_out)
        if (first.path / DATA).read_text() != (again.path / DATA).read_text():
            difference = "what load_data returns"
        link.tell(Exactness(difference, job.record.approximate_because))

    return refusing(job, work)


def first_difference(one: Path, other: Path, left_out: tuple[str, ...] = ()) -> str | None:
    """Return in words where the newest of two backups differ, or None where they are equal to the last bit.

    Args:
        one, other: the folders of the backups.
        left_out: the parts of the state that are not compared.
    """
    (first, *_), (second, *_) = (
        backup_files.read_positions(sauvegarde) for sauvegarde in (one, other)
    )
    weights = _first(*(_datasets(sauvegarde / backup_files.WEIGHTS) for sauvegarde in (one, other)))
    arrays = (read_arrays(sauvegarde / backup_files.WEIGHTS) for sauvegarde in (one, other))
    positions = (_compared(position, left_out) for position, *_ in (first, second))
    return weights or _first(*map(_flat, positions, arrays))


def _compared(position: Position, left_out: tuple[str, ...]) -> dict[str, Any]:
    state = {name: part for name, part in position.state.items() if name not in left_out}
    return {"": state, "log.csv": position.log, "the running metrics": position.logs}


def _train(job: Job, link: Link, keeps: bool) -> BatchSource:
    """Train to the last batch, and return what was trained on."""

    def short_batches(space: SearchSpace) -> tuple[BatchSource, BatchSource]:
        train, validation = preparation.load_batches(
            job, space, lambda text: link.tell(Warned(text))
        )
        return Short(train, TRAINED), Short(validation, VALIDATED)

    record, made = job.record, prepare(job, short_batches)
    job.experience.path.mkdir(parents=True, exist_ok=True)
    job.experience.log.touch()
    (job.experience.path / DATA).write_text(
        str(record.data_identity and record.data_identity["digest"])
    )
    start = resume_start.make_ready(job.experience)
    position = start.backup.position if start.backup else None
    reached = (
        session.TrainingProgress(position.epoch, position.batch)
        if position
        else session.TrainingProgress()
    )
    best, log, backup = savers(
        job, link, made, start.backup, reached, Proof(NO_EVIDENCE, lambda _: None)
    )
    stages = Stages(backup, job.experience.path, keeps, made.batches.count)
    callbacks = [WorkWatcher(backup), best, log, *made.of_user, backup, stages]
    with contextlib.suppress(Stopped):
        fit(
            made.model,
            (made.batches, made.validation),
            callbacks,
            reached.epoch,
            record.parameters["epochs"],
        )
    return made.batches


def _datasets(weights: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("sweep/"):
            found[name] = item[()].tobytes()

    with h5py.File(weights, "r") as file:
        file.visititems(visit)
    return found


def _flat(position: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Return a position by the paths of what it holds; the names of arrays are replaced by their content."""
    return dict(_leaves(position, arrays, ""))


def _leaves(value: Any, arrays: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    if (
        isinstance(value, dict) and "path" in value and ("array" in value or "bytes" in value)
    ):  # a variable
        yield value["path"], arrays[value.get("array") or value["bytes"]].tobytes()
    elif isinstance(value, dict):
        for name, item in value.items():
            held = (
                arrays[item].tobytes()
                if name in ("array", "scalar") and isinstance(item, str)
                else item
            )
            yield from _leaves(held, arrays, f"{path}.{name}".strip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, arrays, f"{path}[{number}]")
    else:
        yield path, value if isinstance(value, bytes) else json.dumps(value)


def _first(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    return next((name for name in {**one, **other} if one.get(name) != other.get(name)), None)
