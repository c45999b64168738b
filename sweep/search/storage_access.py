"""Serialized, retrying access to the storage of a study."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import optuna

from sweep.errors import StoppedWaiting, SweepError
from sweep.search.database import Away
from sweep.search.optuna_adapter import NOT_FOUND
from sweep.search.storage import out_of_reach
from sweep.system.files import PATIENCE_S, patiently, pauses
from sweep.wording import without_password

# How long a call that need not reach the storage waits for the call of another thread.
LOCK_PATIENCE_S = 5.0

T = TypeVar("T")


class StorageAccess:
    """Lets one call at a time, from any thread, reach the storage, and repeats it after a failure.

    Args:
        where: an URL, the path of a journal file, or None for memory.
        say: is told once that the server of a database is away, or the disk of a journal full, and
            once that it is back.
        stop: once set, nothing waits for the storage any more.
    """

    def __init__(
        self, where: str | Path | None, say: Callable[[str], None], stop: threading.Event
    ) -> None:
        self._where, self._say, self._stop = where, say, stop
        self._lock = threading.RLock()
        # The pauses between the calls of ``call_unless_away``, as long as the storage is away.
        self._pauses: Iterator[float] | None = None
        self._ask_again_at = 0.0

    def call(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, after waiting for a server, or ``PATIENCE_S`` for a disk.

        Args:
            work: can be called again after any part of it.

        Raises:
            StoppedWaiting: ``stop`` has ended the waiting.
            SweepError: the storage is out of reach, or what ``work`` asks for was deleted.
        """
        with self._lock:
            try:
                return patiently(
                    lambda: self._call_once(work),
                    self._note_away,
                    self._stop.is_set,
                    is_gone=lambda error: isinstance(error, Away),
                    patience_s=PATIENCE_S if isinstance(self._where, Path) else math.inf,
                )
            except Away as error:
                if not self._stop.is_set():
                    raise out_of_reach(self._where, error) from error
                raise StoppedWaiting(
                    f"The study in {without_password(self._where)} does not answer ({error}): "
                    "the same command tells it the rest."
                ) from error

    def call_unless_away(self, work: Callable[[], T]) -> T | None:
        """Return what ``work`` returns, or None at once where the storage is away.

        This is for what is told again later anyway.

        Raises:
            SweepError: as ``call``.
        """
        patience_s = 0 if self._pauses else LOCK_PATIENCE_S
        if time.monotonic() < self._ask_again_at or not self._lock.acquire(timeout=patience_s):
            return None
        try:
            return self._call_once(work)
        except Away as error:
            self._note_away(error)
            return None
        finally:
            self._lock.release()

    def _call_once(self, work: Callable[[], T]) -> T:
        """Call ``work`` once; any error of the storage but Away becomes a sentence."""
        try:
            answer = work()
        except Away:
            raise
        except (OSError, optuna.exceptions.StorageInternalError) as error:
            if self._where is None:  # memory is never out of reach: the search space has raised it
                raise
            raise out_of_reach(self._where, error) from error
        except KeyError as error:
            if error.args != (NOT_FOUND,):
                raise
            raise SweepError(
                f"The study in {without_password(self._where)} was deleted while the sweep ran: "
                "run the same command to resume, it is made again from the folders."
            ) from error
        self._note_answer()
        return answer

    def _note_away(self, error: OSError) -> None:
        if not self._pauses:
            self._pauses = pauses()
            self._say(
                f"the study in {without_password(self._where)} does not answer ({error}); "
                "waiting until it does"
            )
        self._ask_again_at = time.monotonic() + next(self._pauses)

    def _note_answer(self) -> None:
        if self._pauses:
            self._pauses, self._ask_again_at = None, 0.0
            self._say(f"the study in {without_password(self._where)} answers again")
