"""Where a training runs: a fresh process on this machine."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import connection, forkserver
from typing import Any

from sweep.errors import SweepError
from sweep.host import gpu_is_visible, prepare_for_keras
from sweep.job import End, Ending, EpochDone, Job, News

STOP = "stop"
POLL_S = 0.1
# A stop is heard between two batches. A training whose batch takes longer than this ends without another backup.
PATIENCE_S = 20.0

OnNews = Callable[[News], bool]


class LocalProcesses:
    """Trains each job in a child of its own, forked from a server that has Keras imported; spawned where there is a GPU.

    Args:
        preload: further modules that the server imports, so that no training has to.
    """

    def __init__(self, preload: list[str]) -> None:
        prepare_for_keras()
        self._context: Any = multiprocessing.get_context("spawn" if gpu_is_visible() else "forkserver")
        self._preload = preload
        self._children: set[Any] = set()
        self._first_child = threading.Thread(target=self._run_nothing, daemon=True)

    def start(self) -> None:
        """Begin to import Keras in the server. From the main thread only."""
        if self._context.get_start_method() == "spawn":
            return
        os.environ["SWEEP_WARM"] = ",".join(self._preload)
        self._context.set_forkserver_preload(["sweep.warm"])
        # A terminal sends Ctrl-C to all its processes, others send SIGTERM. Only the controller is to hear them; what it
        # starts inherits this.
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        forkserver.ensure_running()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        self._first_child.start()

    def wait_until_warm(self, stop: threading.Event) -> None:
        """Return once Keras is imported, or ``stop`` is set."""
        while self._first_child.is_alive() and not stop.is_set():
            self._first_child.join(POLL_S)

    def train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train the job in a child process and return how it ended. A child that is killed harms no other.

        Args:
            job: what to train.
            stop: once set, the child saves at its next batch and ends.
            on_news: is called with each news of the child; its answer to an ``EpochDone`` says whether to prune.
        """
        ours, theirs = self._context.Pipe()
        child = self._context.Process(target=_child, args=(job, theirs))
        try:
            child.start()
        except (EOFError, ConnectionError) as error:
            raise SweepError(
                "The process that imports Keras ended before its time: see whether python -c 'import keras' works and "
                "memory is free, and run the same command again."
            ) from error
        theirs.close()
        self._children.add(child)
        try:
            end = _converse(child, ours, stop, on_news)
            child.join()
        finally:
            self._children.discard(child)
            ours.close()
        if end:
            return end
        return End(Ending.STOPPED) if stop.is_set() else End(Ending.DIED, _death(child.exitcode))

    def kill(self) -> None:
        """End all children at once."""
        for child in list(self._children):
            child.kill()

    def _run_nothing(self) -> None:
        child = self._context.Process(target=_nothing)
        with contextlib.suppress(EOFError, ConnectionError):  # the server was killed: the first training finds out
            child.start()
            child.join()


def _converse(child: Any, ours: connection.Connection, stop: threading.Event, on_news: OnNews) -> End | None:
    """Hear a child out until it says its end or dies."""
    stop_told_at: float | None = None
    try:
        while True:
            if stop.is_set() and stop_told_at is None:
                stop_told_at = time.monotonic()
                ours.send(STOP)
            if stop_told_at is not None and time.monotonic() - stop_told_at > PATIENCE_S:
                child.kill()
            if ours.poll(POLL_S):
                news = ours.recv()
                if isinstance(news, End):
                    return news
                answer = on_news(news)
                if isinstance(news, EpochDone):
                    ours.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return None


def _death(exit_code: int) -> str:
    if exit_code < 0:
        return f"its process was killed by {signal.Signals(-exit_code).name}; if you did not, memory may have run out"
    return f"its process ended with exit status {exit_code} and without a word"


def _nothing() -> None:
    """The first child: once it has run, Keras is imported."""


def _child(job: Job, ours: connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The controller says when to stop. But a process that the search space forks must end when it is asked to.
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    os.dup2(2, 1)  # stdout is for results: what a search space prints goes to stderr
    link = LinkToController(ours)
    from sweep.training import train

    ours.send(train(job, link))


class LinkToController:
    """The child's end of the pipe. When the controller is gone, the child goes too: another may train in this folder."""

    def __init__(self, ours: connection.Connection) -> None:
        self._pipe = ours
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._saves = False
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, news: News) -> None:
        self._pipe.send(news)

    def should_prune(self, done: EpochDone) -> bool:
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
                self._answers.put(word)
