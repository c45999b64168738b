"""Optuna's journal file, opened whole after any cut."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock

from sweep.files import put_in_place


class Draft(BaseJournalBackend):
    """A journal in memory, which comes to the disk at once and whole: a cut leaves the old one, or none."""

    def __init__(self) -> None:
        self._logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return iter(self._logs[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._logs += json.loads(json.dumps(logs))  # as they will be read

    def write(self, path: Path) -> None:
        """Put the journal in place of ``path``.

        Raises:
            OSError: the disk is full or gone.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.absolute().with_name(path.name + ".part")
        beside.unlink(missing_ok=True)
        JournalFileBackend(str(beside), lock_obj=JournalFileOpenLock(str(beside))).append_logs(self._logs)
        put_in_place(beside, path)


def open_journal(path: Path) -> optuna.storages.JournalStorage:
    """Open a journal file, after mending what a cut may have left: half a line, and the lock of a process that is dead.

    The root is locked, so nobody else has the file open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.absolute()  # Optuna's lock spins for ever on a relative path in a subfolder
    with contextlib.suppress(FileNotFoundError):
        Path(f"{path}.lock").unlink()
    if path.exists():
        _cut_torn_tail(path)
    lock = JournalFileOpenLock(str(path))
    return optuna.storages.JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def _cut_torn_tail(path: Path) -> None:
    """Cut the journal back to its last whole line: Optuna forgives a torn one, then glues the next to it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    while whole and not _is_json(content[content.rfind(b"\n", 0, whole - 1) + 1 : whole]):
        whole = content.rfind(b"\n", 0, whole - 1) + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
