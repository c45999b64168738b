"""Where a training runs: a fresh process on this machine."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import connection, forkserver, spawn
from pathlib import Path
from typing import Any

import psutil
from rich.filesize import decimal

from sweep.errors import SweepError
from sweep.system import gpu
from sweep.system.host import cores, prepare_for_keras, stop_signals
from sweep.system.output import calm
from sweep.training.data.run_cache import RunCache
from sweep.training.protocol import End, Ending, EpochDone, Job, Link, News, OnNews

STOP = "stop"
OURS = "sweep"  # the name of our processes
DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_S = 0.1
LEFT_BEHIND_S = 1.0
Work = Callable[[Job, Link], End]
# A stop is heard between two batches. A training whose batch takes longer than this ends without another backup.
LAST_SAVE_S = 20.0


class LocalProcesses:
    """Trains each job in a child of its own, forked from a server that has Keras imported; spawned where there is a GPU.

    Args:
        preload: further modules that the server imports, so that no training has to.
    """

    cluster = None

    def __init__(self, preload: list[str]) -> None:
        prepare_for_keras()
        self._gpus = gpu.gpus()
        self._context: Any = multiprocessing.get_context(
            "spawn" if gpu.is_visible() else "forkserver"
        )
        self._preload = preload
        self._children: dict[int, Child | None] = {}
        self._kept: dict[Path, RunCache] = {}
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
        os.environ["SWEEP_WARM"] = ",".join(self._preload)
        self._context.set_forkserver_preload(["sweep.training.preload"])
        with _deaf():
            forkserver.ensure_running()
        self._first_child.start()

    def wait_until_warm(self, stop: threading.Event) -> None:
        """Return once Keras is imported, or ``stop`` is set."""
        while self._first_child.is_alive() and not stop.is_set():
            self._first_child.join(POLL_S)

    def train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train the job in a child process, see ``sweep.training.protocol.Place``; another one before loads the data of its run."""
        if not job.run or not job.keep_data:
            return self._run(_train, replace(job, run=None), stop, on_news)
        try:
            end = self._load_once(self._kept_for(job), job, stop, on_news)
        except OSError:  # the cache cannot be written: the training loads them
            return self._run(_train, replace(job, run=None), stop, on_news)
        return end or self._run(_train, job, stop, on_news)

    def measure(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Measure what the job costs, in a child process as ``train`` has one; nothing is written."""
        return self._run(_measure, job, stop, on_news)

    def certify(
        self, job: Job, stop: threading.Event, on_news: OnNews, save: str | None = None
    ) -> End:
        """Train some batches of the job in a child process, or resume them from a save; see ``sweep.training.certificate``."""
        return self._run(functools.partial(_certify, save=save), job, stop, on_news)

    def _run(self, work: Work, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        with self._worker() as worker:
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
            for root in [root for root, kept in self._kept.items() if kept.run == run]:
                self._kept.pop(root).let_go()

    def _load_once(
        self, kept: RunCache, job: Job, stop: threading.Event, on_news: OnNews
    ) -> End | None:
        """Load the data of the job's run, unless that is done; return how it ended, where no training can follow."""
        with kept.alone():
            if not kept.is_settled():
                end = self._run(_load, job, stop, on_news)
                if end.ending is Ending.DIED:
                    return End(Ending.DIED, f"while its data were loaded, {end.why}")
                if end.ending is not Ending.OUTCOME:
                    return end
                kept.was_tried = True
        return None

    def _kept_for(self, job: Job) -> RunCache:
        """Return the folder for the data of the job's run.

        Under a root there is one run at a time: of one before, whose controller was killed, nothing is needed any more.

        Raises:
            OSError: the cache cannot be written.
        """
        root = job.experience.path.parent
        with self._lock:
            if root in self._kept and self._kept[root].run != job.run:
                self._kept.pop(root).let_go()
            if root not in self._kept:
                self._kept[root] = RunCache(str(job.run))
            return self._kept[root]

    @contextlib.contextmanager
    def _worker(self) -> Iterator[int]:
        """Give the lowest number that no other worker has."""
        with self._lock:
            worker = next(number for number in itertools.count() if number not in self._children)
            self._children[worker] = None
        try:
            yield worker
        finally:
            del self._children[worker]

    def _run_nothing(self) -> None:
        child = self._context.Process(target=_nothing, name=OURS)
        with contextlib.suppress(
            EOFError, ConnectionError
        ):  # the server was killed: the first training finds out
            child.start()
            child.join()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Let what is started meanwhile hear no Ctrl-C or end of a terminal, nor a SIGTERM to all: the controller alone is to.

    What comes meanwhile is heard afterwards.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, DEAF_TO)


def _prepare(name: str) -> dict[str, Any]:
    """Return what a child is given to begin with, and not the main module where the child is ours.

    ``multiprocessing`` lets every child run the main module once more, and offers no way to leave that out. A script of a
    user's that calls ``sweep.run`` outside of ``if __name__ == "__main__"`` would begin a sweep in each of them.
    """
    data: dict[str, Any] = _prepare_any(name)
    return {
        key: value for key, value in data.items() if name != OURS or not key.startswith("init_main")
    }


_prepare_any = spawn.get_preparation_data
spawn.get_preparation_data = _prepare


class Child:
    """A process that trains, or measures, begun.

    Args:
        context: of ``multiprocessing``.
        work: what it does with the job.
        job: what it trains.
        of_gpu: what its environment says of GPUs.
    """

    def __init__(self, context: Any, work: Work, job: Job, of_gpu: dict[str, str]) -> None:
        self._pipe, theirs = context.Pipe()
        self._prunes, self._peak = job.prunes, 0
        self.process: Any = context.Process(
            target=_child, args=(work, job, theirs, of_gpu), name=OURS
        )
        try:
            self.process.start()
        except (EOFError, ConnectionError) as error:
            raise SweepError(
                "The process that imports Keras ended before its time: see whether python -c 'import keras' works and "
                "memory is free, and run the same command again."
            ) from error
        finally:
            theirs.close()

    def hear_out(self, stop: threading.Event, on_news: OnNews) -> End:
        """Hear it until it says its end or dies, and return which."""
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
            self._peak = max(self._peak, psutil.Process(self.process.pid).memory_info().rss)

    def _death(self) -> str:
        code, held = (
            self.process.exitcode,
            f"at its peak it was seen to hold {decimal(self._peak)} of memory",
        )
        if code < 0:
            name = signal.Signals(-code).name
            return f"its process was killed by {name} ({held}); if you did not do that, memory may have run out"
        return f"its process ended with exit status {code} and without a word ({held})"


def _nothing() -> None:
    """The first child: once it has run, Keras is imported."""


def _child(work: Work, job: Job, ours: connection.Connection, of_gpu: dict[str, str]) -> None:
    os.environ.update(of_gpu)  # before TensorFlow looks for GPUs
    # The controller says when to stop. But a process that the search space forks must end when it is asked to.
    for number in stop_signals():
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DEAF_TO)
    os.dup2(2, 1)  # stdout is for results: what a search space prints goes to stderr
    sys.stdout, sys.stderr = calm(sys.stdout), calm(sys.stderr)
    status = 1
    try:
        ours.send(work(job, LinkToController(ours)))
        status = 0
    finally:
        _end_soon(status)


def _end_soon(status: int) -> None:
    """End this process in good order, or at once where threads and processes that the search space left keep it waiting."""

    def end() -> None:
        for process in multiprocessing.active_children():
            process.kill()
        os._exit(status)

    timer = threading.Timer(LEFT_BEHIND_S, end)
    timer.daemon = True
    timer.start()


def _train(job: Job, link: Link) -> End:
    from sweep.training.train import train

    return train(job, link)


def _load(job: Job, link: Link) -> End:
    from sweep.running.data_loader import load_for_all

    return load_for_all(job, link)


def _measure(job: Job, link: Link) -> End:
    from sweep.training.measure import measure

    return measure(job, link)


def _certify(job: Job, link: Link, save: str | None) -> End:
    from sweep.training.certificate import certify, certify_again

    return certify_again(job, link, save) if save else certify(job, link)


class LinkToController:
    """The child's end of the pipe. When the controller is gone, the child goes too: another may train in this folder."""

    def __init__(self, ours: connection.Connection) -> None:
        self._pipe = ours
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._saves = False
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, news: News) -> None:
        self._pipe.send(news)

    def should_prune(self, done: EpochDone) -> str | None:
        self._pipe.send(done)
        return self._answers.get()

    def stop_asked(self) -> bool:
        return self._stop.is_set()

    def can_save(self) -> None:
        self._saves = True

    def _listen(self) -> None:
        while True:
            try:
                word = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(1)
            if word == STOP:
                self._stop.set()
                if not self._saves:
                    os._exit(0)
            else:
                (why,) = word
                self._answers.put(why)
