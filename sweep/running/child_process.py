"""The child's side of a training process: what it runs, and how it talks to its parent."""

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import connection

from sweep.system.host import stop_signals
from sweep.system.output import calm
from sweep.training.protocol import End, EpochDone, Job, Link, News

STOP = "stop"  # what the parent sends to ask for a stop
# The signals that are blocked while the fork server starts, and that each child unblocks again.
BLOCKED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEFT_BEHIND_S = 1.0
Work = Callable[[Job, Link], End]


def run_nothing() -> None:
    """Do nothing: once the first child of the fork server has run, Keras is imported."""


def run_child(
    pipe: connection.Connection, gpu_environment: dict[str, str], threads: int | None
) -> None:
    """Wait for work and a job; do the work, and send its end to the parent. That is a child's life.

    Args:
        pipe: to the parent.
        gpu_environment: what the environment says of GPUs.
        threads: see ``sweep.running.child.Child``.
    """
    os.environ.update(gpu_environment)  # before TensorFlow looks for GPUs
    # The controller says when to stop. But a process that the search space forks must end when it
    # is asked to.
    for number in stop_signals():
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_SIGNALS)
    os.dup2(2, 1)  # stdout is for results: what a search space prints goes to stderr
    sys.stdout, sys.stderr = calm(sys.stdout), calm(sys.stderr)
    if threads is not None:
        from sweep.training.process_setup import begin_runtime

        begin_runtime(threads)
    try:
        work, job = pipe.recv()
    except EOFError:  # nothing came
        return
    status, link = 1, PipeToParent(pipe)
    try:
        link.say_end(work(job, link))
        status = 0
    finally:
        _end_soon(status)


def _end_soon(status: int) -> None:
    """End this process in good order, or at once where something keeps it waiting.

    Threads and processes that the search space has left behind can do that.
    """

    def end() -> None:
        for process in multiprocessing.active_children():
            process.kill()
        os._exit(status)

    timer = threading.Timer(LEFT_BEHIND_S, end)
    timer.daemon = True
    timer.start()


# Each kind of work imports what it needs in the child: the controller never imports Keras.


def train(job: Job, link: Link) -> End:
    """Train the job's experience."""
    from sweep.training.train import train

    return train(job, link)


def load_data(job: Job, link: Link) -> End:
    """Load the data of the job's run, for all its trainings."""
    from sweep.running.data_loader import load_for_all

    return load_for_all(job, link)


def measure(job: Job, link: Link) -> End:
    """Measure what the job costs."""
    from sweep.training.measure import measure

    return measure(job, link)


def certify(job: Job, link: Link, save: str | None) -> End:
    """Train some batches of the job, or resume them from a save."""
    from sweep.training.certificate import certify, certify_again

    return certify_again(job, link, save) if save else certify(job, link)


class PipeToParent:
    """The child's end of the pipe, a ``sweep.training.protocol.Link``.

    When the parent is gone, the child exits at once: another process may train in this folder. But
    a parent that has heard the end need not wait for it.
    """

    def __init__(self, pipe: connection.Connection) -> None:
        self._pipe = pipe
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._can_save, self._has_ended = False, False
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, news: News) -> None:
        self._pipe.send(news)

    def should_prune(self, done: EpochDone) -> str | None:
        self._pipe.send(done)
        return self._answers.get()

    def stop_asked(self) -> bool:
        return self._stop.is_set()

    def can_save(self) -> None:
        self._can_save = True

    def say_end(self, end: End) -> None:
        """Tell the parent how the work has ended."""
        self._has_ended = True
        self._pipe.send(end)

    def _listen(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                if self._has_ended:
                    return
                os._exit(1)
            if message == STOP:
                self._stop.set()
                if not self._can_save:
                    os._exit(0)
            else:
                (reason,) = message
                self._answers.put(reason)
