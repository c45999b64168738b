"""Where a study lies: a journal file, opened whole after any cut, or a database; and what it holds, only read."""

import contextlib
import json
import os
import tempfile
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import BaseJournalBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial

from sweep.errors import SweepError
from sweep.search.database import Away, has_tables, is_on_server, open_database, reason, shown
from sweep.search.optuna_adapter import PathJournalFile, study_ids
from sweep.system import plain_files
from sweep.system.files import copy_synced, is_unwritable_for_a_while, write_whole

STORAGES = str(Path(optuna.storages.__file__).parent)


class StudyUnreadable(SweepError):
    """The storage is there, and holds no study that this Optuna can read."""


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
        plain_files.make_folder(path.parent)
        write_whole(path, _lines(self._logs))


class Journal(PathJournalFile):
    """Optuna's journal file, written by one process, and not synced: the folders give back what a power cut takes of it.

    Optuna's own takes a lock, and waits for the disk, at each of some twenty lines a trial. Where the disk is full or gone
    for a while, it raises Away, as a database whose server does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with plain_files.changing(path) as file:  # else Optuna would make it, wherever a link leads
            super().__init__(
                plain_files.way_to(file.fileno(), path), lock_obj=JournalFileOpenLock(str(path))
            )

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        with _away(), plain_files.reading(self._path) as file:
            self.read_from(plain_files.way_to(file.fileno(), self._path))
            yield from super().read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with (
            _away(),
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


@contextlib.contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_unwritable_for_a_while(error):
            raise Away(str(error)) from error
        raise


def _lines(logs: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()


def open_storage(storage: str | Path | None) -> optuna.storages.BaseStorage:
    """Open the file of a journal, an URL, or, for None, a storage that is only in memory.

    Raises:
        Misuse: the driver of the database is not installed.
        Exception: whatever a file or an URL of the user's leads to.
    """
    if isinstance(storage, Path):
        return open_journal(storage)
    return open_database(storage) if storage else optuna.storages.InMemoryStorage()


def out_of_reach(storage: str | Path | None, error: Exception) -> SweepError:
    """Return the sentence for what the storage has raised."""
    if isinstance(storage, Path):
        mend = "mend the disk, or move that file away: the folders are the truth, and the same proposals come again"
    else:
        mend = "check that the server runs and that the URL of --storage is right"
    return SweepError(f"The study in {shown(storage)} is out of reach ({reason(error)}); {mend}.")


def is_of_storage(error: Exception) -> bool:
    """Tell whether an error that came through the code of a search space is one of the storage that it spoke to."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, Away) or any(
        frame.filename == __file__ or STORAGES in frame.filename for frame in frames
    )


def open_journal(path: Path) -> optuna.storages.JournalStorage:
    """Open a journal file, after mending what a cut may have left: half a line, and the lock of a process that is dead.

    The root is locked, so nobody else has the file open.

    Raises:
        StudyUnreadable: something else than a file has its name.
        OSError: the disk is full or gone.
    """
    path = path.absolute()  # Optuna's lock spins for ever on a relative path in a subfolder
    plain_files.make_folder(path.parent)
    plain_files.remove(Path(f"{path}.lock"))
    try:
        if plain_files.kind_of(path):
            _cut_torn_tail(path)
        return optuna.storages.JournalStorage(Journal(path))
    except plain_files.NotPlain as error:
        raise StudyUnreadable(f"The study in {path} cannot be read ({error.strerror})") from error


def _cut_torn_tail(path: Path) -> None:
    """Cut the journal back to its last whole line: Optuna forgives a torn one, then glues the next to it."""
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


def read_trials(name: str, storage: str | Path) -> list[FrozenTrial] | None:
    """Return the trials of a study, without writing anything; None where there is no such study.

    Raises:
        StudyUnreadable: it is damaged, or of another version.
        SweepError: its database is out of reach.
    """
    try:
        if not _is_there(storage):
            return None
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(
                storage, Path
            ):  # of which a copy is opened, for to open it is to mend its end
                copy = Path(folder).resolve() / storage.name
                copy_synced(storage, copy)
                return _load_trials(name, open_journal(copy))
            database = open_database(storage)
            try:
                return _load_trials(name, database)
            finally:
                database.engine.dispose()
    except SweepError:
        raise
    except Exception as error:
        if isinstance(storage, Path) and (
            not isinstance(error, OSError) or isinstance(error, plain_files.NotPlain)
        ):
            raise StudyUnreadable(
                f"The study in {storage} cannot be read ({type(error).__name__}: {error})"
            ) from error
        raise out_of_reach(storage, error) from error


def _is_there(storage: str | Path) -> bool:
    """Tell whether there may be a study: to open a database is to make its file, or its tables."""
    if isinstance(storage, Path):
        return plain_files.kind_of(storage) is not None
    if is_on_server(storage):
        return has_tables(storage)
    file = storage.removeprefix("sqlite:///")
    return file == storage or Path(file).exists()


def _load_trials(name: str, storage: optuna.storages.BaseStorage) -> list[FrozenTrial] | None:
    ids = study_ids(storage)
    return storage.get_all_trials(ids[name], deepcopy=False) if name in ids else None
