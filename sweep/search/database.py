"""A database on a server: opened so that its absence is known as such, and shown without its password."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from sweep.errors import Misuse
from sweep.wording import first_line

if TYPE_CHECKING:  # SQLAlchemy is imported as late as Optuna does it: a journal needs none of it
    from sqlalchemy.engine import ExceptionContext

# For libpq. By itself, a kernel notices after a quarter of an hour that a connection was cut on its way, and after two hours
# that one was cut which was idle.
NOTICE_A_CUT = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Away(ConnectionError):
    """The server does not answer; why not, its driver says."""


def is_on_server(storage: str | Path | None) -> bool:
    """Tell whether this is the URL of a database on a server."""
    return isinstance(storage, str) and not storage.startswith("sqlite")


def open_database(url: str) -> optuna.storages.RDBStorage:
    """Open a database. One on a server raises Away from then on where that does not answer.

    Raises:
        Misuse: its driver is not installed.
        Exception: whatever an URL of the user's leads to.
    """
    if not is_on_server(url):
        return optuna.storages.RDBStorage(url)
    import sqlalchemy

    with _driver_of(url):
        where = sqlalchemy.make_url(url)
        if where.get_driver_name().startswith("psycopg"):
            where = where.set(query={**NOTICE_A_CUT, **where.query})
        storage = optuna.storages.RDBStorage(where.render_as_string(hide_password=False))
    # What SQLAlchemy raises, Optuna itself tries again where it makes a trial. That would make two of them where only the
    # answer was lost, so another error is raised in its place.
    sqlalchemy.event.listen(storage.engine, "handle_error", _away)
    return storage


def has_tables(url: str) -> bool:
    """Tell whether Optuna's tables are there, without making them.

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


def without_password(storage: str | Path | None) -> str:
    """Return where a study is, without the password."""
    return re.sub(r"(://[^:/@]*:)[^@]*(?=@)|(\bpassword=)[^&\s]*", r"\1\2***", str(storage))


def reason(error: BaseException) -> str:
    """Return the first line of what the disk or the driver says, without what Optuna and SQLAlchemy say of it."""
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
        raise Misuse(
            f"--storage {without_password(url)} needs a driver that is not installed ({reason(error.__cause__ or error)}): for "
            "PostgreSQL write postgresql+psycopg://…, and pip install 'keras-sweep[postgresql]'."
        ) from error


def _away(context: "ExceptionContext") -> Away | None:
    """Return what is to be raised in place of an error that says that the server is away; None for any other."""
    import sqlalchemy

    error = context.sqlalchemy_exception  # None for a Ctrl-C, which is a disconnect as well
    is_away = isinstance(error, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError))
    return (
        Away(reason(context.original_exception))
        if is_away or (error and context.is_disconnect)
        else None
    )
