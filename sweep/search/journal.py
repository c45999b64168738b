"""A study's journal file: written by one process, opened whole after any cut."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import BaseJournalBackend

from sweep.errors import SweepError
from sweep.search.database import Away
from sweep.system import plain_files
from sweep.system.files import is_unwritable_for_a_while, write_whole

LINES_AT_ONCE = 10_000  # some megabytes


class StudyUnreadable(SweepError):
    """The file of a study exists, and holds no study that this Optuna can read."""


class Draft(BaseJournalBackend):
    """A journal in memory, written to the disk at once: a cut leaves the old file, or none."""

    def __init__(self) -> None:
        self._logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return iter(self._logs[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._logs += json.loads(json.dumps(logs))  # as they will be read

    def write(self, path: Path) -> None:
        """Replace the file ``path`` by this journal.

        Raises:
            OSError: the disk is full or gone.
        """
        plain_files.make_folder(path.parent)
        write_whole(path, _lines(self._logs))


class Journal(BaseJournalBackend):
    """A journal file in the format of Optuna's, without its lock and without ``fsync``.

    Optuna takes a lock, and waits for the disk, at each of some twenty lines a trial, and parses
    each line by itself. Here one process writes, and the folders give back what a power cut takes.
    Where the disk is full or gone for a while, it raises Away, as a database does whose server is
    away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines, self._bytes = 0, 0  # that have been read
        with plain_files.changing(path):  # makes an empty file where there is none
            pass

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        if log_number_from != self._lines:
            self._lines, self._bytes = 0, 0
        with _away_while_unwritable(), plain_files.reading(self._path) as file:
            file.seek(self._bytes)
            while lines := list(itertools.islice(file, LINES_AT_ONCE)):
                if not lines[-1].endswith(b"\n"):  # it is just being written
                    lines.pop()
                logs = json.loads(b"[%b]" % b",".join(lines))
                if len(logs) != len(lines):
                    raise ValueError(f"{self._path} has a line that is not one value")
                skipped = max(0, log_number_from - self._lines)
                self._lines += len(lines)
                self._bytes += sum(map(len, lines))
                yield from logs[skipped:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with (
            _away_while_unwritable(),
            os.fdopen(plain_files.open_plain(self._path, flags), "ab", buffering=0) as file,
        ):
            end = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(_lines(logs))
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(end)  # half a line, to which the next would be glued
                raise


def open_journal(path: Path) -> optuna.storages.JournalStorage:
    """Open a journal file, after removing what a cut may have left: half a line, and a stale lock.

    The root is locked, so nobody else has the file open.

    Raises:
        StudyUnreadable: something else than a file has its name.
        OSError: the disk is full or gone.
    """
    path = path.absolute()  # a notebook may change its working folder
    plain_files.make_folder(path.parent)
    plain_files.remove(Path(f"{path}.lock"))
    try:
        if plain_files.kind_of(path):
            _cut_torn_tail(path)
        return optuna.storages.JournalStorage(Journal(path))
    except plain_files.NotPlain as error:
        raise StudyUnreadable(f"The study in {path} cannot be read ({error.strerror})") from error


@contextlib.contextmanager
def _away_while_unwritable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_unwritable_for_a_while(error):
            raise Away(str(error)) from error
        raise


def _lines(logs: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()


def _cut_torn_tail(path: Path) -> None:
    """Cut the journal back to its last whole line.

    Optuna forgives a torn line, and then glues the next one to it.
    """
    content = plain_files.read(path, most=None)
    whole = content.rfind(b"\n") + 1
    while whole and not _is_json(content[content.rfind(b"\n", 0, whole - 1) + 1 : whole]):
        whole = content.rfind(b"\n", 0, whole - 1) + 1
    if whole < len(content):
        with plain_files.changing(path) as file:
            file.truncate(whole)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
