"""What a sweep costs beside its trainings: python -m benchmarks.scale [--trials N …] [--sampler NAME …] [--storage URL].

The trainings take no time: their place writes the folders as a training leaves them. The time of the sampler is measured
apart. The trials before those that are measured are proposed at random, whatever the sampler.
"""

import argparse
import io
import json
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from sweep.console.progress import Progress
from sweep.experience.entries import Session, SessionEnd
from sweep.experience.record import Outcome, State
from sweep.running import controller
from sweep.search import samplers
from sweep.settings import Settings
from sweep.system.files import size_and_sha256
from sweep.system.host import cores, now, processor, this_process, versions
from sweep.training.protocol import End, Ending, EpochDone

SPACES = Path(__file__).parent / "spaces"
SPACE = SPACES / "nothing.py"
MEASURED = 50


class Cost(NamedTuple):
    """Seconds: of the controller while trials run, of the sampler, and of the start before the first trial."""

    controller: float
    samplers: float
    start: float


class Clock:
    """Adds up the time that is spent inside of some functions."""

    def __init__(self):
        self.seconds, self._inside = 0.0, threading.local()

    def around(self, work):
        def timed(*words, **more):
            if getattr(self._inside, "is", False):
                return work(*words, **more)
            self._inside.__dict__["is"], begun = True, time.perf_counter()
            try:
                return work(*words, **more)
            finally:
                self._inside.__dict__["is"] = False
                self.seconds += time.perf_counter() - begun

        return timed


class Nowhere:
    """A place whose trainings take no time."""

    cluster = None

    def __init__(self):
        self.clock = Clock()
        self.write = self.clock.around(self._write)

    def workers(self):
        return 1

    def threads(self, workers):
        return 1

    def start(self):
        pass

    def wait_until_warm(self, stop):
        pass

    def kill(self):
        pass

    def forget(self, run):
        pass

    def train(self, job, stop, on_news):
        val_acc = [
            1 - abs(job.record.parameters["x0"] - 0.5) * (1 + 1 / (epoch + 1))
            for epoch in range(10)
        ]
        self.write(job, val_acc)
        for epoch, value in enumerate(val_acc):
            on_news(EpochDone(epoch, value))
        return End(Ending.OUTCOME)

    def _write(self, job, val_acc):
        experience, record, best = job.experience, job.record, max(val_acc)
        experience.path.mkdir(exist_ok=True)
        rows = [f"{epoch},0.5,1.0,{value},1.0\n" for epoch, value in enumerate(val_acc)]
        experience.log.write_text("epoch,acc,loss,val_acc,val_loss\n" + "".join(rows))
        end = SessionEnd(how="outcome", epoch=10, batch=0, trained_s=1.0)
        process = this_process()
        record.sessions.append(
            Session(begun=now(), epoch=0, batch=0, batches=45, process=process, ended=end)
        )
        log = size_and_sha256(experience.log)
        record.outcome = Outcome(
            State.FINISHED, now(), None, {"val_acc": best}, val_acc.index(best), log=log
        )
        experience.record.write_bytes(record.as_json())


def run(root, trials, name, storage=None, space=SPACE):
    """Run a sweep of nothing, and return what it has cost."""
    place, of_sampler = Nowhere(), Clock()
    kept = {method: getattr(samplers.SeededSampler, method) for method in METHODS}
    for method, work in kept.items():
        setattr(samplers.SeededSampler, method, of_sampler.around(work))
    quiet = Progress(Console(file=io.StringIO()))
    try:
        settings = Settings(str(space), trials=trials, root=root, sampler=name, storage=storage)
        sweep, of_trials = controller.Controller.prepare(settings, quiet, place), Clock()
        sweep._train = of_trials.around(sweep._train)  # noqa: SLF001
        begun = time.perf_counter()
        sweep.run()
        start = time.perf_counter() - begun - of_trials.seconds
    finally:
        for method, work in kept.items():
            setattr(samplers.SeededSampler, method, work)
    return Cost(
        of_trials.seconds - of_sampler.seconds - place.clock.seconds, of_sampler.seconds, start
    )


METHODS = (
    "infer_relative_search_space",
    "sample_relative",
    "sample_independent",
    "before_trial",
    "after_trial",
)


def command(*words):
    """Return the seconds that a command takes."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "sweep", *map(str, words)], capture_output=True, check=True
    )
    return time.perf_counter() - begun


def dashboard(root):
    """Return the seconds of ``sweep dashboard`` to read the folders, those of its first page, and its bytes."""
    from sweep.experience.snapshot_reader import SnapshotReader
    from sweep.web.dashboard import ReadOnlyApp

    begun = time.perf_counter()
    view = ReadOnlyApp("nothing", SnapshotReader(root, print))
    opened = time.perf_counter()
    for path in ("/api/studies", f"/api/studies/{view.number}"):
        body = b"".join(
            view(
                {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.input": sys.stdin.buffer},
                lambda *_: None,
            )
        )
        json.loads(body)
    return opened - begun, time.perf_counter() - opened, len(body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 1_000, 10_000])
    parser.add_argument("--sampler", nargs="*", default=["random", "tpe"])
    parser.add_argument("--storage")
    asked = parser.parse_args()
    console = Console(width=120, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        root, cells = Path(folder) / "root", Path(folder) / "cells"
        for trials in asked.trials:
            run(root, trials, "random", asked.storage)
            for number, name in enumerate(asked.sampler):
                cost = run(root, trials + (number + 1) * MEASURED, name, asked.storage)
                each, drawn = (part / MEASURED * 1e3 for part in (cost.controller, cost.sampler))
                console.print(
                    f"after {trials:6,} trials, {name:6}: the controller {each:5.1f} ms a trial, the sampler "
                    f"{drawn:6.1f} ms; the start {cost.start:.1f} s"
                )
            run(cells, trials, "random", space=SPACES / "cells.py")
            cost = run(cells, trials + MEASURED, "random", space=SPACES / "cells.py")
            each = (cost.controller + cost.sampler) / MEASURED * 1e3
            console.print(
                f"after {trials:6,} trials of 24 cells: a duplicate is answered in {each:.1f} ms"
            )
            for words in (["results", "--format", "json"], ["results"], ["status"]):
                console.print(
                    f"sweep {' '.join(words)}: {command(words[0], SPACE, '--root', root, *words[1:]):.1f} s"
                )
            if not asked.storage:
                opened, first_page, size = dashboard(root)
                console.print(
                    f"dashboard: opened in {opened:.1f} s, first page {first_page:.1f} s, {size / 1e6:.1f} MB"
                )
    console.print(f"{cores()} cores of {processor()}, {platform.system()}, {versions()}")


if __name__ == "__main__":
    main()
