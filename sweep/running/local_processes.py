"""Trainings on this machine, each in a fresh child process."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker, spawn
from pathlib import Path
from typing import Any

from sweep.running import child_process
from sweep.running.child import CHILD_NAME, POLL_S, Child
from sweep.running.child_process import BLOCKED_SIGNALS, Work
from sweep.running.spares import Spares
from sweep.system import gpu
from sweep.system.host import cores, prepare_for_keras
from sweep.training.data.run_cache import RunCache
from sweep.training.protocol import PRELOAD_VARIABLE, End, Ending, Job, OnNews


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
        self._context: Any = multiprocessing.get_context(
            "spawn" if gpu.is_visible() else "forkserver"
        )
        self._preload, self._spares = preload, Spares(self._context)
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
            return self._train(replace(job, run=None), stop, on_news)
        try:
            end = self._load_once(self._cache_for(job), job, stop, on_news)
        except OSError:  # the cache cannot be written: the training loads its own data
            return self._train(replace(job, run=None), stop, on_news)
        return end or self._train(job, stop, on_news)

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

    def _train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train in the child that stands by; or where that cannot begin, in one that did nothing.

        A module of the user may need TensorFlow's runtime as it is before it begins.
        """
        with self._worker_number() as worker:
            child = self._children[worker] = self._spares.trainer_for(
                worker, child_process.train, job
            )
            self._spares.prepare(worker, job)
            end = child.hear_out(stop, on_news)
            has_begun = end.ending not in (Ending.REFUSED, Ending.UNPREPARED)
            if has_begun or child.threads is None or stop.is_set():
                return end
            self._spares.begin_no_runtime()
        return self._run(child_process.train, job, stop, on_news)

    def _run(self, work: Work, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        with self._worker_number() as worker:
            child = self._children[worker] = self._spares.child_for(worker, work, job)
            return child.hear_out(stop, on_news)

    def kill(self) -> None:
        """End all children at once."""
        self._spares.dismiss()
        for child in list(self._children.values()):
            if child:
                child.process.kill()

    def forget(self, run: str) -> None:
        """Remove the data that are kept for a run, and what stands by for its next training."""
        self._spares.dismiss()
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
