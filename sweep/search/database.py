"""A database: opened so that a server that is away raises Away, and named without its password."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from sweep.errors import Misuse
from sweep.wording import first_line, without_password

if TYPE_CHECKING:  # SQLAlchemy is imported as late as Optuna does it: a journal needs none of it
    from sqlalchemy.engine import ExceptionContext

# Options of libpq. Without them, the kernel takes a quarter of an hour to notice that a connection
# was cut on its way, and two hours if the connection was idle.
OPTIONS_TO_NOTICE_A_CUT = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Away(ConnectionError):
    """The server of a database, or the disk of a journal, does not answer; the message says why."""


def is_on_server(storage: str | Path | None) -> bool:
    """Tell whether this is the URL of a database on a server."""
    return isinstance(storage, str) and not storage.startswith("sqlite")


def open_database(url: str) -> optuna.storages.RDBStorage:
    """Open a database; from then on, one on a server raises Away where the server does not answer.

    Raises:
        Misuse: its driver is not installed.
        Exception: whatever an URL of the user's leads to.
    """
    if not is_on_server(url):
        return optuna.storages.RDBStorage(url)
    import sqlalchemy

    with _driver_of(url):
        parsed = sqlalchemy.make_url(url)
        if parsed.get_driver_name().startswith("psycopg"):
            parsed = parsed.set(query={**OPTIONS_TO_NOTICE_A_CUT, **parsed.query})
        storage = optuna.storages.RDBStorage(parsed.render_as_string(hide_password=False))
    # After an error of SQLAlchemy's, Optuna tries again to make a trial. If only the answer was
    # lost, that would make two trials, so another error is raised in place of SQLAlchemy's.
    sqlalchemy.event.listen(storage.engine, "handle_error", _away_in_place_of)
    return storage


def has_tables(url: str) -> bool:
    """Tell whether Optuna's tables exist, without making them.

    Raises:
        Misuse: the driver is not installed.
        Exception: whatever an URL of the user's leads to.
    """
    import sqlalchemy

    with _driver_of(url):
        engine = sqlalchemy.create_engine(url)
    try:
        return sqlalchemy.inspect(engine).has_table("studies")
    finally:
        engine.dispose()


def reason(error: BaseException) -> str:
    """Return the first line of the message of the disk or the driver.

    What Optuna and SQLAlchemy add to it is left out.
    """
    if isinstance(error, optuna.exceptions.StorageInternalError):
        error = error.__cause__ or error
    error = getattr(error, "orig", None) or error
    return without_password(first_line(error))


@contextlib.contextmanager
def _driver_of(url: str) -> Iterator[None]:
    import sqlalchemy

    try:
        yield
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as error:
        why = reason(error.__cause__ or error)
        raise Misuse(
            f"--storage {without_password(url)} needs a driver that is not installed ({why}): for "
            "PostgreSQL write postgresql+psycopg://…, and pip install 'keras-sweep[postgresql]'."
        ) from error


def _away_in_place_of(context: "ExceptionContext") -> Away | None:
    """Return Away for an error that says that the server is away; None for any other."""
    import sqlalchemy

    error = context.sqlalchemy_exception  # None for a Ctrl-C, which is a disconnect as well
    is_away = isinstance(error, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError))
    if is_away or (error and context.is_disconnect):
        return Away(reason(context.original_exception))
    return None
