"""Optuna's journal file, opened whole after any cut."""

import contextlib
import json
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock


def open_journal(path: Path) -> optuna.storages.JournalStorage:
    """Open a journal file, after mending what a cut may have left: half a line, and the lock of a process that is dead.

    The root is locked, so nobody else has the file open.
    """
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
