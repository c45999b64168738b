"""Trainings on the workers of a Dask cluster, by which Slurm, PBS and Kubernetes are reached."""

import asyncio
import concurrent.futures
import contextlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

import distributed
from distributed.comm.addressing import get_address_host_port

from sweep.errors import SweepError
from sweep.running import dask_worker
from sweep.running.child import LAST_SAVE_S, POLL_S, last_save_s
from sweep.system.host import this_process
from sweep.training.protocol import (
    End,
    Ending,
    EpochDone,
    Job,
    News,
    OnNews,
    SaveTakes,
    from_message,
)
from sweep.version import __version__
from sweep.wording import first_line

CONNECT_S = 5.0
TELL_AGAIN_S = 2.0
# What Dask raises where the scheduler, or the way to it, is gone.
GONE = (OSError, asyncio.CancelledError, concurrent.futures.CancelledError)

Messages: TypeAlias = "queue.SimpleQueue[dict[str, Any]]"


def _silence_dask() -> None:
    """Silence the loggers of Dask and of its libraries, whose tracebacks say less than our errors.

    Each of these loggers has a level of its own, which the level of its parent does not change.
    """
    for name in [*logging.root.manager.loggerDict, "asyncio"]:
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


class DaskCluster:
    """Sends each job to a worker, which trains it in a child process of its own.

    See ``sweep.training.protocol.Place``. A job of an earlier controller, which is gone, continues
    on its worker. A new job for the same folder waits for it there, and its news are heard here.

    Args:
        address: of the scheduler.
        root: of the sweep, on a file system that all workers see under this path.
        say: is told what there is to wait for.

    Raises:
        SweepError: the scheduler does not answer.
    """

    def __init__(self, address: str, root: Path, say: Callable[[str], None]) -> None:
        _silence_dask()
        self.cluster, self._root, self._say = address, root, say
        self._client: Any = None
        self._listeners: dict[str, Messages] = {}
        self._unfit: dict[str, str] = {}  # why, by the address of the worker
        self._stop_told_at = 0.0
        self._lock = threading.Lock()
        say(f"connecting to {address}")
        try:  # a client for an address that is none would print a traceback of its own
            get_address_host_port(address)
        except ValueError as error:
            raise SweepError(
                f"--cluster {address} is no address ({error}): give one like tcp://HOST:8786."
            ) from error
        try:
            self._connected()
        except OSError as error:
            raise SweepError(
                f"The cluster at {address} does not answer ({error}): start its scheduler there."
            ) from error

    def workers(self) -> int:
        """Return how many tasks its workers run at once, once there is a worker."""
        self._wait_for_a_worker()
        return sum(self._connected().nthreads().values())

    def threads(self, workers: int) -> int:
        """Return the smallest share of a host's cores that one task has, once there is a worker."""
        self._wait_for_a_worker()
        client = self._connected()
        with self._errors_in_a_sentence():
            cores_of: dict[str, tuple[str, int]] = client.run(dask_worker.host_and_cores)
        tasks_of_worker, tasks_of_host = client.nthreads(), Counter[str]()
        for address, (host, _) in cores_of.items():
            tasks_of_host[host] += tasks_of_worker.get(address, 1)
        shares = (cores // min(tasks_of_host[host], workers) for host, cores in cores_of.values())
        return max(1, min(shares))

    def start(self) -> None:
        """Do nothing: each worker imports Keras with its first training."""

    def wait_until_warm(self, stop: threading.Event) -> None:
        """Return at once."""

    def train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train the job on a worker, see ``sweep.training.protocol.Place``."""
        messages: Messages = queue.SimpleQueue()
        self._listeners[job.experience.id] = messages
        try:
            end = self._train(job, stop, on_news, messages)
        except GONE as error:
            why = f"the cluster at {self.cluster} does not answer ({first_line(error).rstrip('.')})"
            end = End(Ending.GONE, why)
        finally:
            del self._listeners[job.experience.id]
        return End(Ending.STOPPED) if stop.is_set() and end.ending is not Ending.OUTCOME else end

    def kill(self) -> None:
        """Do nothing: what runs on the cluster continues, and the next controller waits for it."""

    def forget(self, run: str) -> None:
        """Let the workers remove what they keep for a run.

        One that does not answer removes it when it ends.
        """
        with contextlib.suppress(*GONE):
            self._connected().run(dask_worker.forget, run, on_error="ignore")

    def _train(self, job: Job, stop: threading.Event, on_news: OnNews, messages: Messages) -> End:
        client = self._connected()
        arguments, workers = (__version__, job, this_process()), self._fit_workers(client)
        # ``pure=False``: the same job once more is to be trained once more.
        task = client.submit(dask_worker.train, *arguments, pure=False, workers=workers)
        stopped_at, most_s = float("inf"), LAST_SAVE_S
        while task.status == "pending" and time.monotonic() - stopped_at < most_s:
            with contextlib.suppress(queue.Empty):
                news = self._hear(client, job, messages.get(timeout=POLL_S), on_news)
                if isinstance(news, SaveTakes):
                    most_s = max(most_s, last_save_s(news.seconds))
            if stop.is_set():
                stopped_at = min(stopped_at, time.monotonic())
                self._tell_to_stop(client)
        if task.status == "pending":
            task.cancel()
            return End(Ending.STOPPED)
        while not messages.empty():
            self._hear(client, job, messages.get(), on_news)
        return self._end_of(task)

    def _end_of(self, task: Any) -> End:
        try:
            with self._errors_in_a_sentence():
                address, end = cast("tuple[str, End]", task.result())
        except distributed.KilledWorker:
            return End(Ending.DIED, "the workers that it was sent to were killed")
        if end.ending is not Ending.UNFIT:
            return end
        if address not in self._unfit:
            self._say(end.why)
        self._unfit[address] = end.why
        return End(Ending.MOVED_ON)

    def _fit_workers(self, client: Any) -> list[str] | None:
        """Return the workers that can train; None where all can, as far as is known.

        Raises:
            SweepError: none can.
        """
        if not self._unfit:
            return None
        fit = [address for address in client.nthreads() if address not in self._unfit]
        if not fit:
            reason = next(iter(self._unfit.values()))
            raise SweepError(f"No worker of {self.cluster} can train: {reason}.")
        return fit

    def _hear(self, client: Any, job: Job, message: dict[str, Any], on_news: OnNews) -> News:
        """Hear the news of a training, return them, and answer where it asks the pruner.

        A training that an earlier controller has sent may ask, though this one has no pruner.
        """
        news = from_message(message["news"])
        answer = on_news(news)
        if isinstance(news, EpochDone) and message["asks"]:
            arguments, workers = (job.experience.path, news.epoch, answer), [message["worker"]]
            # A worker that is gone needs no answer, and one that did not get it asks again.
            with contextlib.suppress(*GONE, ValueError):
                client.run(dask_worker.answer, *arguments, workers=workers, on_error="ignore")
        return news

    def _tell_to_stop(self, client: Any) -> None:
        """Tell all workers every few seconds: a job that waited in a queue may have begun since."""
        with self._lock:
            is_due = time.monotonic() - self._stop_told_at > TELL_AGAIN_S
            self._stop_told_at = time.monotonic() if is_due else self._stop_told_at
        if is_due:
            client.run(dask_worker.stop, self._root, on_error="ignore")

    def _connected(self) -> Any:
        """Return a client that is connected.

        Raises:
            OSError: the scheduler does not answer.
        """
        with self._lock:
            if self._client and self._client.status == "running":
                return self._client
            if self._client:
                self._client.close(timeout=1)
            client: Any = distributed.Client  # of which Dask has no types
            self._client = client(self.cluster, timeout=CONNECT_S, set_as_default=False)
            self._client.subscribe_topic(dask_worker.topic_of(self._root), self._on_event)
            return self._client

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        _, message = event
        listener = self._listeners.get(message["id"])
        if listener:
            listener.put(message)

    def _wait_for_a_worker(self) -> None:
        client = self._connected()
        if not client.nthreads():
            self._say(f"{self.cluster} has no worker yet: waiting for the first")
            client.wait_for_workers(1)

    @contextlib.contextmanager
    def _errors_in_a_sentence(self) -> Iterator[None]:
        """Tell an error of a worker in one sentence.

        Errors that say that workers or the scheduler are gone pass through.

        Raises:
            SweepError: the worker cannot train.
        """
        try:
            yield
        except (*GONE, distributed.KilledWorker):
            raise
        except Exception as error:
            raise SweepError(
                f"A worker of {self.cluster} cannot train ({type(error).__name__}: {error}): "
                "install keras-sweep[cluster] there, in the version that is here."
            ) from error
