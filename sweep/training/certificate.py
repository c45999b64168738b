"""A check that a resume is exact, made on some batches before the first long training.

A first process trains some batches, saves in the middle of an epoch and at its end, and trains on.
A fresh process resumes from each of the two backups, and trains to the same batch. The backups of
that batch hold all that decides a training, and must be equal to the last bit. Epochs have a few
batches and a short validation, and all files lie in a folder of their own.
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
from sweep.space.search_space import SearchSpace
from sweep.training.callback_hooks import Logs
from sweep.training.callback_list import callbacks, make_savers
from sweep.training.data.batch_source import BatchSource
from sweep.training.endings import Stopped
from sweep.training.findings import Findings
from sweep.training.fit import fit
from sweep.training.measure import refusing
from sweep.training.preparation import prepare
from sweep.training.protocol import SAVES, SAVES_OF_PHASES, End, Exactness, Job, Link, Warned
from sweep.training.saving import event_files
from sweep.training.saving.saver import Saver
from sweep.training.session import TrainingSession
from sweep.training.state.arrays_file import read_arrays
from sweep.training.training_data import load_batches
from sweep.training.training_progress import TrainingProgress

TRAINED, VALIDATED = 4, 2  # batches of an epoch, and of its validation
DATA = "data.txt"  # the file with the digest of the data
LAST = 1, 2  # the epoch and the batch at which the two are compared


class FirstBatches:
    """A ``BatchSource`` of the first ``most`` batches of each epoch of a longer one."""

    def __init__(self, source: BatchSource, most: int) -> None:
        self.count = min(most, source.count)
        self.numbers = source.numbers.take(self.count)
        self.kind, self.in_graph = source.kind, source.in_graph
        self.reads_ahead, self.made_of = source.reads_ahead, source.made_of
        self.begin, self.batch = source.begin, source.batch
        self.first, self.spec = source.first, source.spec
        self.why_approximate, self.compared = source.why_approximate, source.compared

    def end(self) -> None:
        """Do nothing: the epoch has more batches."""


class StagedSaves(keras.callbacks.Callback):
    """A callback that saves at some positions, and ends the training at ``LAST``.

    Args:
        saver: saves.
        folder: of the experience; each backup is kept there, in a folder of its name.
        saves: the positions at which the first process saves, by name.
        batches: the number of batches of an epoch.
    """

    def __init__(
        self, saver: Saver, folder: Path, saves: dict[str, tuple[int, int]], batches: int
    ) -> None:
        super().__init__()
        self._saver, self._folder, self._epoch = saver, folder, 0
        self._last = LAST[0], min(LAST[1], batches)
        self._saves = {(epoch, min(batch, batches)): name for name, (epoch, batch) in saves.items()}
        self._saves.pop(self._last, None)  # nothing would be trained after it

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._reach((self._epoch, batch + 1))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._reach((epoch + 1, 0))

    def _reach(self, position: tuple[int, int]) -> None:
        if position in self._saves or position == self._last:
            self._saver.save_the_end()
            self._saver.check_saved()
        if position in self._saves:
            shutil.copytree(self._folder / "sauvegarde", self._folder / self._saves[position])
        if position == self._last:
            raise Stopped


def certify(job: Job, link: Link) -> End:
    """Train as the first process, in the folder of the job's experience.

    Returns:
        How it ended: REFUSED, with a sentence, where the search space raises or cannot be trained.
    """
    return refusing(job, lambda: _train(job, link, keeps=True))


def certify_again(job: Job, link: Link, save: str) -> End:
    """Resume from a backup of the first process, and tell the link whether the end is the same."""

    def resume_and_compare() -> None:
        first = job.experience
        again = Experience(first.path / f"resumed {save}")
        if not (first.path / save).exists():
            return
        shutil.copytree(first.path / save, again.sauvegarde)
        batches = _train(replace(job, experience=again), link, keeps=False)
        # A source that reads ahead has drawn more or fewer of the batches to come; a later resume
        # draws those anew.
        left_out = ("random", "at_epoch") if batches.reads_ahead else ()
        difference = first_difference(first.sauvegarde, again.sauvegarde, left_out)
        if (first.path / DATA).read_text() != (again.path / DATA).read_text():
            difference = "what load_data returns"
        link.tell(Exactness(difference, job.record.approximate_because))

    return refusing(job, resume_and_compare)


def first_difference(one: Path, other: Path, left_out: tuple[str, ...] = ()) -> str | None:
    """Return in words where the newest backups differ, or None if they are equal to the last bit.

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
    left_out = (*left_out, event_files.KEY)  # the name of a file has the time in it
    state = {name: part for name, part in position.state.items() if name not in left_out}
    return {"": state, "log.csv": position.log, "the running metrics": position.logs}


def _train(job: Job, link: Link, keeps: bool) -> BatchSource:
    """Train to the last batch, and return the batches of the training."""

    def short_batches(space: SearchSpace, findings: Findings) -> tuple[BatchSource, BatchSource]:
        train, validation = load_batches(job, space, findings, lambda text: link.tell(Warned(text)))
        return FirstBatches(train, TRAINED), FirstBatches(validation, VALIDATED)

    made = prepare(job, short_batches)
    # Each phase has one epoch, so that one of the resumes goes from one to the next.
    phases = [phase._replace(epochs=1) for phase in made.phases]
    made = replace(made, phases=(*phases[:-1], made.phases[-1]))
    job.experience.log.touch()
    identity = made.findings.data_identity
    digest = identity and identity["digest"]
    (job.experience.path / DATA).write_text(str(digest))
    start = resume_start.make_ready(job.experience)
    position = start.backup.position if start.backup else None
    progress = TrainingProgress()
    if position:
        progress.epoch, progress.batch = position.epoch, position.batch
        progress.phases = list(position.phases)
    session = TrainingSession(job, link, progress)
    session.note(made.findings)
    savers = make_savers(job, link, made, start.backup, session)
    saves = SAVES_OF_PHASES if len(phases) > 1 else SAVES
    count = made.batches.count
    stages = StagedSaves(savers.saver, job.experience.path, saves if keeps else {}, count)
    in_order = callbacks(savers, made.of_user, stages)
    data = made.batches, made.validation
    with contextlib.suppress(Stopped):
        fit(made.model, data, in_order, progress.epoch, savers.phases)
    return made.batches


def _datasets(weights: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("sweep/"):
            contents[name] = item[()].tobytes()

    with h5py.File(weights, "r") as file:
        file.visititems(visit)
    return contents


def _flat(position: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a position by their paths; arrays in place of their names."""
    return dict(_leaves(position, arrays, ""))


def _leaves(value: Any, arrays: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    if _is_variable(value):
        yield value["path"], arrays[value.get("array") or value["bytes"]].tobytes()
    elif isinstance(value, dict):
        for name, item in value.items():
            names_array = name in ("array", "scalar") and isinstance(item, str)
            content = arrays[item].tobytes() if names_array else item
            yield from _leaves(content, arrays, f"{path}.{name}".strip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, arrays, f"{path}[{number}]")
    else:
        yield path, value if isinstance(value, bytes) else json.dumps(value)


def _is_variable(value: Any) -> bool:
    return isinstance(value, dict) and "path" in value and ("array" in value or "bytes" in value)


def _first(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    return next((name for name in {**one, **other} if one.get(name) != other.get(name)), None)
