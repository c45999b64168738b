"""What a Dask worker runs for a sweep.

A worker trains each job in a child process of its own, as the controller would on its own machine.
The controller may go away meanwhile, and come back: the training continues, and sends its news to
whoever listens.
"""

import multiprocessing
import queue
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker
from distributed.core import Status

from sweep.experience.root_lock import read_holder
from sweep.running.local_processes import LocalProcesses
from sweep.system.host import ProcessId, cores, is_same
from sweep.training.protocol import End, Ending, EpochDone, Job, News, as_message
from sweep.version import __version__

ROOT_S = 20.0  # a network file system may show late what another machine wrote
ASK_AGAIN_S = 5.0
# A training that nobody answers for so long saves and ends, for others may need its worker.
ABANDONED_S = 600.0
POLL_S = 0.2


@dataclass
class RemoteTraining:
    """By what the controller reaches a training on this worker.

    Args:
        folder: of its experience.
        stop: lets it save and stop.
        answers: of the pruner: an epoch, and why the training ends there, or None.
    """

    folder: Path
    stop: threading.Event = field(default_factory=threading.Event)
    answers: "queue.SimpleQueue[tuple[int, str | None]]" = field(default_factory=queue.SimpleQueue)


class WorkerTrainings:
    """The trainings of one worker. Its methods may be called from any thread.

    Args:
        worker: of Dask; once it closes, all trainings save and stop.
        preload: modules that the trainings need.
    """

    def __init__(self, worker: Worker, preload: list[str]) -> None:
        # Dask forbids its workers to have children, for those could outlive a worker that is
        # killed. Ours cannot: a training ends when the pipe to its parent does.
        process: Any = multiprocessing.current_process()
        process._config["daemon"] = False  # noqa: SLF001
        self._worker, self._running = worker, list[RemoteTraining]()
        self._place = LocalProcesses(preload)
        self._place.start()
        threading.Thread(target=self._stop_when_it_closes, daemon=True).start()

    def train(self, job: Job) -> End:
        """Train the job in a child, and return how it ended."""
        # A training that another controller has sent may still run here, in the same folder: both
        # must be reached.
        training = RemoteTraining(job.experience.path)
        self._running.append(training)
        try:
            self._place.wait_until_warm(training.stop)
            if training.stop.is_set():
                return End(Ending.STOPPED)
            return self._place.train(
                job, training.stop, lambda news: self._pass_on(job, training, news)
            )
        finally:
            self._running.remove(training)

    def stop(self, root: Path) -> None:
        """Let all trainings under a root save and stop, whichever controller has sent them."""
        for training in list(self._running):
            if training.folder.parent == root:
                training.stop.set()

    def forget(self, run: str) -> None:
        """Remove the data that are kept here for a run."""
        self._place.forget(run)

    def answer(self, folder: Path, epoch: int, why: str | None) -> None:
        """Give a training the pruner's answer on an epoch."""
        for training in list(self._running):
            if training.folder == folder:
                training.answers.put((epoch, why))

    def _pass_on(self, job: Job, training: RemoteTraining, news: News) -> str | None:
        """Send the news to whoever listens.

        An epoch that the pruner judges is sent again until the answer comes, which is returned.
        """
        topic, asks = topic_of(training.folder.parent), job.prunes and isinstance(news, EpochDone)
        message = {
            "id": job.experience.id,
            "worker": self._worker.address,
            "news": as_message(news),
            "asks": asks,
        }
        self._worker.log_event(topic, message)
        asked_at = time.monotonic()
        while isinstance(news, EpochDone) and asks and not training.stop.is_set():
            try:
                epoch, why = training.answers.get(timeout=ASK_AGAIN_S)
            except queue.Empty:
                self._worker.log_event(topic, message)
                if time.monotonic() - asked_at > ABANDONED_S:
                    training.stop.set()
            else:
                if epoch == news.epoch:
                    return why
        return None

    def _stop_when_it_closes(self) -> None:
        while self._worker.status in (Status.init, Status.running, Status.paused):
            time.sleep(POLL_S)
        for training in list(self._running):
            training.stop.set()


_trainings_of: dict[str, WorkerTrainings] = {}  # by the address of the worker
_lock = threading.Lock()


def topic_of(root: Path) -> str:
    """Return the topic of Dask's events that carries the news of the trainings under a root."""
    return f"sweep {root}"


def train(version: str, job: Job, holder: ProcessId) -> tuple[str, End]:
    """Train on the worker that this runs on; return its address, and how the training ended.

    Args:
        version: of sweep, where the controller runs.
        job: what to train.
        holder: the process of the controller, which holds the root.
    """
    worker = get_worker()
    unfit = _why_unfit(version, job.experience.path.parent, holder)
    if unfit:
        sentence = f"the worker {worker.address} on {socket.gethostname()} {unfit}"
        return worker.address, End(Ending.UNFIT, sentence)
    with _lock:
        if worker.address not in _trainings_of:
            _trainings_of[worker.address] = WorkerTrainings(worker, job.source.imported_modules())
    return worker.address, _trainings_of[worker.address].train(job)


def host_and_cores() -> tuple[str, int]:
    """Return the machine that the worker is on, and how many cores it may use there."""
    return socket.gethostname(), cores()


def stop(root: Path) -> None:
    """Let all trainings of this process under a root save and stop."""
    for trainings in _trainings_of.values():
        trainings.stop(root)


def forget(run: str) -> None:
    """Remove the data that this process keeps for a run."""
    for trainings in _trainings_of.values():
        trainings.forget(run)


def answer(folder: Path, epoch: int, why: str | None) -> None:
    """Give a training of this process the pruner's answer on an epoch."""
    for trainings in _trainings_of.values():
        trainings.answer(folder, epoch, why)


def _why_unfit(version: str, root: Path, holder: ProcessId) -> str | None:
    if version != __version__:
        return f"has sweep {__version__}, not {version}: install that there"
    until = time.monotonic() + ROOT_S
    while not ((seen := read_holder(root)) and is_same(seen, holder)):
        if time.monotonic() > until:
            return (
                f"does not see the root {root}: let it lie on a file system "
                "that all machines mount there, by --root"
            )
        time.sleep(POLL_S)
    return None
