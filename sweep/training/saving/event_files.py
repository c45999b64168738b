"""The event files of TensorBoard below the folder of an experience, which are cut back as its log.

A session that resumes writes its events into new files, and those after the backup once more.
Nothing in the files says so, and TensorBoard would show both. So a backup notes how long each file
is; what was written after it goes before the callbacks write it again.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from sweep.experience.folder import Experience
from sweep.experience.position import Position
from sweep.system import plain_files
from sweep.system.files import move_to_quarantine

NAMES = re.compile(r"events\.out\.tfevents\..+")
# In the state of a backup: the bytes of each file, by its path in the folder. Left out where there
# is none, as with older versions, whose callbacks were not given the folder.
KEY = "event_files"

Lengths = dict[str, int]


def lengths(folder: Path) -> Lengths:
    """Return the bytes of each event file below a folder, by its path in it."""
    return {
        str(path.relative_to(folder)): plain_files.status(path).st_size for path in _found(folder)
    }


def flush(callbacks: list[keras.callbacks.Callback]) -> None:
    """Let the callbacks of the search space write the events that they still hold in memory."""
    for writer in _writers(callbacks):
        with contextlib.suppress(Exception):  # it is closed, or its disk is full
            writer.flush()


def cut_back(experience: Experience, backup: Position | None) -> None:
    """Cut the event files back to what a backup knows of them.

    A file that was begun after it goes to the quarantine.

    Args:
        experience: whose folder is held, and has no callbacks yet.
        backup: the training resumes from it; None begins from the beginning.

    Raises:
        OSError: the disk is full or gone.
    """
    known = backup.state.get(KEY, {}) if backup else {}
    for name, length in lengths(experience.path).items():
        path, kept = experience.path / name, known.get(name)
        experience.fence()
        if kept is None:
            move_to_quarantine(path, experience.path.parent)
        elif kept < length:
            with plain_files.changing(path) as file:
                file.truncate(kept)


def _found(folder: Path) -> Iterator[Path]:
    for path, kind in plain_files.contents(folder).items():
        if kind == plain_files.FOLDER:
            yield from _found(path)
        elif kind == plain_files.FILE and NAMES.fullmatch(path.name):
            yield path


def _writers(callbacks: list[keras.callbacks.Callback]) -> Iterator[tf.summary.SummaryWriter]:
    """Yield the writers that callbacks hold in an attribute, or in a dict or a list of one."""
    for callback in callbacks:
        for value in vars(callback).values():
            for writer in _items(value):
                if isinstance(writer, tf.summary.SummaryWriter):
                    yield writer


def _items(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]
