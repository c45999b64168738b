"""One voice speaks to a storage: one call at a time, one sentence for what goes wrong, and patience with a server."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import optuna

from sweep.errors import StoppedWaiting, SweepError
from sweep.search.database import Away, shown
from sweep.search.optuna_adapter import NOT_FOUND
from sweep.search.storage import out_of_reach
from sweep.system.files import PATIENCE_S, patiently, pauses

IN_PASSING_S = 5.0

T = TypeVar("T")


class StorageAccess:
    """Speaks to the storage of a study. Its methods may be called from any thread; one at a time does its work.

    Args:
        storage: an URL, the path of a journal file, or None.
        say: is told once that the server of a database is away, or the disk of a journal full, and once that it is back.
        stop: once set, there is no more waiting for it.
    """

    def __init__(
        self, storage: str | Path | None, say: Callable[[str], None], stop: threading.Event
    ) -> None:
        self._where, self._say, self._stop = storage, say, stop
        self._lock = threading.RLock()
        self._pauses: Iterator[float] | None = (
            None  # of speaking in passing, while the server is away
        )
        self._ask_again_at = 0.0

    def speak(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns; where the server is away, once it is back. A disk is waited for ``PATIENCE_S``.

        Args:
            work: can be done again after any part of it.

        Raises:
            StoppedWaiting: ``stop`` has ended the waiting.
            SweepError: the storage is out of reach, or what ``work`` asks for is not there any more.
        """
        with self._lock:
            try:
                return patiently(
                    lambda: self._speak(work),
                    self._note_away,
                    self._stop.is_set,
                    is_gone=lambda error: isinstance(error, Away),
                    patience_s=PATIENCE_S if isinstance(self._where, Path) else math.inf,
                )
            except Away as error:
                if not self._stop.is_set():
                    raise out_of_reach(self._where, error) from error
                raise StoppedWaiting(
                    f"The study in {shown(self._where)} does not answer ({error}): the same command tells it the rest."
                ) from error

    def speak_in_passing(self, work: Callable[[], T]) -> T | None:
        """Return what ``work`` returns, or at once None where the server is away: for what is told again later anyway.

        Raises:
            SweepError: as ``speak``.
        """
        if time.monotonic() < self._ask_again_at or not self._lock.acquire(
            timeout=0 if self._pauses else IN_PASSING_S
        ):
            return None
        try:
            return self._speak(work)
        except Away as error:
            self._note_away(error)
            return None
        finally:
            self._lock.release()

    def _speak(self, work: Callable[[], T]) -> T:
        """Let through what says that the server is away; all else that goes wrong in the storage becomes one sentence."""
        try:
            answer = work()
        except Away:
            raise
        except (OSError, optuna.exceptions.StorageInternalError) as error:
            if (
                self._where is None
            ):  # what is in memory is never out of reach: the search space has raised it
                raise
            raise out_of_reach(self._where, error) from error
        except KeyError as error:
            if error.args != (NOT_FOUND,):
                raise
            raise SweepError(
                f"The study in {shown(self._where)} was deleted while the sweep ran: run the same command to go on, it is "
                "made again from the folders."
            ) from error
        self._note_answer()
        return answer

    def _note_away(self, error: OSError) -> None:
        if not self._pauses:
            self._pauses = pauses()
            self._say(
                f"the study in {shown(self._where)} does not answer ({error}); waiting until it does"
            )
        self._ask_again_at = time.monotonic() + next(self._pauses)

    def _note_answer(self) -> None:
        if self._pauses:
            self._pauses, self._ask_again_at = None, 0.0
            self._say(f"the study in {shown(self._where)} answers again")
