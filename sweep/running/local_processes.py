"""Trainings on this machine, each in a fresh child process."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker, spawn
from pathlib import Path
from typing import Any

import psutil
from rich.filesize import decimal

from sweep.errors import SweepError
from sweep.running import child_process
from sweep.running.child_process import BLOCKED_SIGNALS, STOP, Work
from sweep.system import gpu
from sweep.system.host import cores, prepare_for_keras
from sweep.training.data.run_cache import RunCache
from sweep.training.protocol import PRELOAD_VARIABLE, End, Ending, EpochDone, Job, OnNews

CHILD_NAME = "sweep"  # the name of our processes, by which ``_preparation_data`` knows them
POLL_S = 0.1
# A training hears a stop between two batches. One whose batch takes longer than this ends without
# another backup.
LAST_SAVE_S = 20.0


class LocalProcesses:
    """Trains each job in a child process of its own, see ``sweep.training.protocol.Place``.

    Children are forked from a server that has imported Keras. Where there is a GPU, they are
    spawned.

    Args:
        preload: further modules that the server imports, so that no training has to.
    """

    cluster = None

    def __init__(self, preload: list[str]) -> None:
        prepare_for_keras()
        keep_main_out_of_our_children()
        self._gpus = gpu.gpus()
        self._context: Any = multiprocessing.get_context(
            "spawn" if gpu.is_visible() else "forkserver"
        )
        self._preload = preload
        self._children: dict[int, Child | None] = {}
        self._caches: dict[Path, RunCache] = {}
        self._lock = threading.Lock()
        self._first_child = threading.Thread(target=self._run_nothing, daemon=True)

    def workers(self) -> int:
        """Return 1: the user says how many."""
        return 1

    def threads(self, workers: int) -> int:
        """Return each worker's share of the cores."""
        return max(1, cores() // workers)

    def start(self) -> None:
        """Begin to import Keras in the server, which no signal reaches."""
        if self._context.get_start_method() == "spawn":
            return
        os.environ[PRELOAD_VARIABLE] = ",".join(self._preload)
        self._context.set_forkserver_preload(["sweep.training.preload"])
        with _signals_blocked():
            forkserver.ensure_running()
        self._first_child.start()

    def wait_until_warm(self, stop: threading.Event) -> None:
        """Return once Keras is imported, or ``stop`` is set."""
        while self._first_child.is_alive() and not stop.is_set():
            self._first_child.join(POLL_S)

    def train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train the job in a child process, once another child has loaded its data."""
        if not job.run or not job.keep_data:
            return self._run(child_process.train, replace(job, run=None), stop, on_news)
        try:
            end = self._load_once(self._cache_for(job), job, stop, on_news)
        except OSError:  # the cache cannot be written: the training loads its own data
            return self._run(child_process.train, replace(job, run=None), stop, on_news)
        return end or self._run(child_process.train, job, stop, on_news)

    def measure(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Measure in a child process what the job costs; nothing is written."""
        return self._run(child_process.measure, job, stop, on_news)

    def certify(
        self, job: Job, stop: threading.Event, on_news: OnNews, save: str | None = None
    ) -> End:
        """Train some batches of the job in a child process, or resume them from a save.

        See ``sweep.training.certificate``.
        """
        work = functools.partial(child_process.certify, save=save)
        return self._run(work, job, stop, on_news)

    def _run(self, work: Work, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        with self._worker_number() as worker:
            child = Child(self._context, work, job, gpu.environment_of(worker, self._gpus))
            self._children[worker] = child
            return child.hear_out(stop, on_news)

    def kill(self) -> None:
        """End all children at once."""
        for child in list(self._children.values()):
            if child:
                child.process.kill()

    def forget(self, run: str) -> None:
        """Remove the data that are kept for a run."""
        with self._lock:
            for root in [root for root, cache in self._caches.items() if cache.run == run]:
                self._caches.pop(root).release()

    def _load_once(
        self, cache: RunCache, job: Job, stop: threading.Event, on_news: OnNews
    ) -> End | None:
        """Load the data of the job, unless its run keeps them already.

        Return how that ended where no training can follow, else None.
        """
        parameters = job.record.parameters
        if cache.is_settled(parameters):  # none that loads other data is waited for
            return None
        with cache.loading_lock():
            if not cache.is_settled(parameters):
                end = self._run(child_process.load_data, job, stop, on_news)
                if end.ending is Ending.DIED:
                    return End(Ending.DIED, f"while its data were loaded, {end.why}")
                if end.ending is not Ending.OUTCOME:
                    return end
                cache.note_loaded(parameters)
        return None

    def _cache_for(self, job: Job) -> RunCache:
        """Return the folder for the data of the job's run.

        There is one run at a time under a root. The data of an earlier one, whose controller was
        killed, are not needed any more.

        Raises:
            OSError: the cache cannot be written.
        """
        root = job.experience.path.parent
        with self._lock:
            if root in self._caches and self._caches[root].run != job.run:
                self._caches.pop(root).release()
            if root not in self._caches:
                self._caches[root] = RunCache(str(job.run))
            return self._caches[root]

    @contextlib.contextmanager
    def _worker_number(self) -> Iterator[int]:
        """Give the lowest number that no other worker has."""
        with self._lock:
            worker = next(number for number in itertools.count() if number not in self._children)
            self._children[worker] = None
        try:
            yield worker
        finally:
            del self._children[worker]

    def _run_nothing(self) -> None:
        child = self._context.Process(target=child_process.run_nothing, name=CHILD_NAME)
        # Where the server was killed, the first training finds that out.
        with contextlib.suppress(EOFError, ConnectionError):
            child.start()
            child.join()


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the signals that stop a sweep, so that a process started meanwhile inherits the block.

    Ctrl-C, the end of a terminal and a SIGTERM to all are for the controller alone. It hears
    afterwards what comes meanwhile.
    """
    resource_tracker.ensure_running()  # where it starts, it ends such a block
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_SIGNALS)


def keep_main_out_of_our_children() -> None:
    """Patch ``multiprocessing``, so that our children do not run the main module again.

    ``multiprocessing`` lets every child run the main module once more, and offers no way to leave
    that out. A user's script that calls ``sweep.run`` outside of ``if __name__ == "__main__"``
    would begin a sweep in each child. To call this again changes nothing.
    """
    spawn.get_preparation_data = _preparation_data


_get_preparation_data = spawn.get_preparation_data  # multiprocessing's own


def _preparation_data(name: str) -> dict[str, Any]:
    """Return what ``multiprocessing`` gives to a child, without the main module if it is ours."""
    data: dict[str, Any] = _get_preparation_data(name)
    return {
        key: value
        for key, value in data.items()
        if name != CHILD_NAME or not key.startswith("init_main")
    }


class Child:
    """A child process that works on a job, begun.

    Args:
        context: the context of ``multiprocessing``.
        work: what the child does with the job.
        job: what it trains.
        gpu_environment: what its environment says of GPUs.
    """

    def __init__(self, context: Any, work: Work, job: Job, gpu_environment: dict[str, str]) -> None:
        self._pipe, childs_end = context.Pipe()
        self._prunes, self._peak_bytes = job.prunes, 0
        self.process: Any = context.Process(
            target=child_process.run_child,
            args=(work, job, childs_end, gpu_environment),
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

    def hear_out(self, stop: threading.Event, on_news: OnNews) -> End:
        """Return how the child ended, once it has said so or died."""
        try:
            end = self._converse(stop, on_news)
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
                if stop_told_at is not None and time.monotonic() - stop_told_at > LAST_SAVE_S:
                    self.process.kill()
                self._look_at_memory()
                if self._pipe.poll(POLL_S):
                    news = self._pipe.recv()
                    if isinstance(news, End):
                        return news
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
