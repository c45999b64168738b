"""A Dask cluster on this machine, of real processes that are really killed."""

import contextlib
import subprocess
import sys
import time

import psutil
from distributed import Client

from support.postgresql import free_port


class DaskCluster:
    """A scheduler and its workers, as ``dask scheduler`` and ``dask worker`` start them."""

    def __init__(self, folder):
        self.port = free_port()
        self.address, self.folder = f"tcp://127.0.0.1:{self.port}", folder
        self.workers, self.scheduler = [], None

    def start_scheduler(self):
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", self.port, "--no-show"
        )
        with self.client(timeout=60):
            return self

    def start_worker(self, *before, threads=1):
        folder = self.folder / f"worker{len(self.workers)}"
        self.workers.append(
            self._start(
                "worker",
                self.address,
                "--nthreads",
                threads,
                "--local-directory",
                folder,
                before=before,
            )
        )

    def wait_for(self, workers):
        with self.client() as client:
            client.wait_for_workers(workers, timeout=60)
        return self

    def client(self, timeout=10):
        return Client(self.address, timeout=timeout, set_as_default=False)

    def kill(self, process, tree=True):
        """SIGKILL a worker or the scheduler.

        With ``tree``, all that it has started dies too, as when a machine dies. Without, the worker
        dies alone.
        """
        started = psutil.Process(process.pid).children(recursive=True)
        worker = [
            one
            for one in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(one.cmdline())
        ]
        for victim in started if tree else worker:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        if tree:
            process.kill()
            process.wait()

    def end(self):
        for process in [*self.workers, self.scheduler]:
            if process and process.poll() is None:
                self.kill(process)

    def _start(self, what, *words, before=()):
        command = [
            *before,
            sys.executable,
            "-m",
            "distributed.cli.dask_" + what,
            *map(str, words),
            "--no-dashboard",
        ]
        with (self.folder / f"{what}{len(self.workers)}.log").open("w") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def until(happened, seconds=60):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
