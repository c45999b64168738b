"""The storage of a study: a journal file, a database or memory, its errors, and its trials."""

import contextlib
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from sweep.errors import SweepError
from sweep.search import journal
from sweep.search.database import (
    Away,
    has_tables,
    is_on_server,
    open_database,
    reason,
)
from sweep.search.journal import StudyUnreadable, open_journal
from sweep.search.optuna_adapter import study_ids
from sweep.system import plain_files
from sweep.system.files import copy_synced
from sweep.wording import without_password

FOLDER_OF_OPTUNAS_STORAGES = str(Path(optuna.storages.__file__).parent)
FILES_OF_OUR_STORAGES = {__file__, journal.__file__}


def open_storage(where: str | Path | None) -> BaseStorage:
    """Open the file of a journal, an URL, or, for None, a storage that is only in memory.

    Raises:
        Misuse: the driver of the database is not installed.
        Exception: whatever a file or an URL of the user's leads to.
    """
    if isinstance(where, Path):
        return open_journal(where)
    return open_database(where) if where else optuna.storages.InMemoryStorage()


@contextlib.contextmanager
def opening(where: str | Path | None) -> Iterator[None]:
    """Turn an error of opening a storage into a sentence.

    Raises:
        StudyUnreadable: the file is no journal that this Optuna can read.
        SweepError: the storage is out of reach.
    """
    try:
        yield
    except SweepError:
        raise
    except Exception as error:  # a file or an URL of the user's may hold anything
        sentence = out_of_reach(where, error)
        if isinstance(where, Path) and not isinstance(error, OSError):
            raise StudyUnreadable(str(sentence)) from error
        raise sentence from error


def out_of_reach(where: str | Path | None, error: Exception) -> SweepError:
    """Return the error that says, in a sentence, what a storage has raised."""
    if isinstance(where, Path):
        mend = (
            "mend the disk, or move that file away: the folders are the truth, and the same "
            "proposals come again"
        )
    else:
        mend = "check that the server runs and that the URL of --storage is right"
    return SweepError(
        f"The study in {without_password(where)} is out of reach ({reason(error)}); {mend}."
    )


def is_of_storage(error: Exception) -> bool:
    """Tell whether the storage raised an error that came through the code of a search space."""
    files = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
    return (
        isinstance(error, Away)
        or not files.isdisjoint(FILES_OF_OUR_STORAGES)
        or any(FOLDER_OF_OPTUNAS_STORAGES in file for file in files)
    )


def read_trials(name: str, where: str | Path) -> list[FrozenTrial] | None:
    """Return the trials of a study, without writing anything; None where there is no such study.

    Raises:
        StudyUnreadable: it is damaged, or of another version.
        SweepError: its database is out of reach.
    """
    try:
        if not _may_exist(where):
            return None
        if isinstance(where, Path):
            return _read_journal(name, where)
        return _read_database(name, where)
    except SweepError:
        raise
    except Exception as error:
        is_of_disk = isinstance(error, OSError) and not isinstance(error, plain_files.NotPlain)
        if isinstance(where, Path) and not is_of_disk:
            raise StudyUnreadable(
                f"The study in {where} cannot be read ({type(error).__name__}: {error})"
            ) from error
        raise out_of_reach(where, error) from error


def _may_exist(where: str | Path) -> bool:
    """Tell whether there may be a study: opening a database would make its file, or its tables."""
    if isinstance(where, Path):
        return plain_files.kind_of(where) is not None
    if is_on_server(where):
        return has_tables(where)
    file = where.removeprefix("sqlite:///")
    return file == where or Path(file).exists()


def _read_journal(name: str, path: Path) -> list[FrozenTrial] | None:
    """Read a copy of the journal: opening the journal itself would cut its torn end."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / path.name
        copy_synced(path, copy)
        return _load_trials(name, open_journal(copy))


def _read_database(name: str, url: str) -> list[FrozenTrial] | None:
    database = open_database(url)
    try:
        return _load_trials(name, database)
    finally:
        database.engine.dispose()


def _load_trials(name: str, storage: BaseStorage) -> list[FrozenTrial] | None:
    ids = study_ids(storage)
    return storage.get_all_trials(ids[name], deepcopy=False) if name in ids else None
