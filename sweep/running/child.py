"""The controller's side of a training process: begun, heard out, stopped in time."""

import contextlib
import signal
import threading
import time
from typing import Any

import psutil
from rich.filesize import decimal

from sweep.errors import SweepError
from sweep.running import child_process
from sweep.running.child_process import STOP, Work
from sweep.system import gpu
from sweep.training.protocol import End, Ending, EpochDone, Job, OnNews, SaveTakes

CHILD_NAME = "sweep"  # the name of our processes, by which ``local_processes`` knows them
POLL_S = 0.1
# A training hears a stop between two batches. One whose batch takes longer than this ends without
# another backup.
LAST_SAVE_S = 20.0


def last_save_s(save_s: float) -> float:
    """Return how long a stop waits for a training whose backups take so long, in seconds.

    One may be under way, and the last one follows it.
    """
    return LAST_SAVE_S + 2 * save_s


class Child:
    """A child process, begun, which works on a job once that is given to it.

    Args:
        context: the context of ``multiprocessing``.
        gpu_environment: what its environment says of GPUs.
        threads: with which it begins TensorFlow's runtime while it waits; None lets it do nothing.
    """

    def __init__(
        self, context: Any, gpu_environment: dict[str, str], threads: int | None = None
    ) -> None:
        self._pipe, childs_end = context.Pipe()
        self._prunes, self._peak_bytes = False, 0
        self._last_save_s, self.threads = LAST_SAVE_S, threads
        self.process: Any = context.Process(
            target=child_process.run_child,
            args=(childs_end, gpu_environment, threads),
            name=CHILD_NAME,
        )
        try:
            self.process.start()
        except (EOFError, ConnectionError) as error:
            raise SweepError(
                "The process that imports Keras ended before its time: see whether python -c "
                "'import keras' works and memory is free, and run the same command again."
            ) from error
        finally:
            childs_end.close()

    def give(self, work: Work, job: Job) -> bool:
        """Let the child work on the job, and return whether it was there to take it."""
        self._prunes = job.prunes
        try:
            self._pipe.send((work, job))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def dismiss(self) -> None:
        """Let a child end that was given nothing."""
        self._pipe.close()

    def hear_out(self, stop: threading.Event, on_news: OnNews) -> End:
        """Return how the child ended, once it has said so or died.

        One whose training has its outcome may take a moment to be gone, which nobody need wait for:
        unless it has a GPU, whose memory the next one needs.
        """
        try:
            end = self._converse(stop, on_news)
            if not end or end.ending is not Ending.OUTCOME or gpu.is_visible():
                self.process.join()
        finally:
            self._pipe.close()
        return end or (End(Ending.STOPPED) if stop.is_set() else End(Ending.DIED, self._death()))

    def _converse(self, stop: threading.Event, on_news: OnNews) -> End | None:
        stop_told_at: float | None = None
        try:
            while True:
                if stop.is_set() and stop_told_at is None:
                    stop_told_at = time.monotonic()
                    self._pipe.send(STOP)
                if stop_told_at is not None and time.monotonic() - stop_told_at > self._last_save_s:
                    self.process.kill()
                self._look_at_memory()
                if self._pipe.poll(POLL_S):
                    news = self._pipe.recv()
                    if isinstance(news, End):
                        return news
                    if isinstance(news, SaveTakes):
                        self._last_save_s = max(self._last_save_s, last_save_s(news.seconds))
                    answer = on_news(news)
                    if isinstance(news, EpochDone) and self._prunes:
                        self._pipe.send((answer,))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return None

    def _look_at_memory(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            resident = psutil.Process(self.process.pid).memory_info().rss
            self._peak_bytes = max(self._peak_bytes, resident)

    def _death(self) -> str:
        code = self.process.exitcode
        held = f"at its peak it was seen to hold {decimal(self._peak_bytes)} of memory"
        if code < 0:
            name = signal.Signals(-code).name
            return (
                f"its process was killed by {name} ({held}); "
                "if you did not do that, memory may have run out"
            )
        return f"its process ended with exit status {code} and without a word ({held})"
