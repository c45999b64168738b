"""The cost of a sweep beside its trainings: python -m benchmarks.scale [--trials N …] ….

The trainings take no time: their place writes the folders as a training leaves them. The time of
the sampler is measured apart. The trials before the measured ones are proposed at random, whatever
the sampler.
"""

import argparse
import contextlib
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
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.running.controller import Controller
from sweep.search import samplers
from sweep.settings import Settings
from sweep.system.files import size_and_sha256
from sweep.system.host import cores, now, processor, this_process, versions
from sweep.training.protocol import End, Ending, EpochDone

SPACES = Path(__file__).parent / "spaces"
SPACE = SPACES / "nothing.py"
MEASURED = 50
# The methods of a sampler whose time is that of the sampler.
METHODS = (
    "infer_relative_search_space",
    "sample_relative",
    "sample_independent",
    "before_trial",
    "after_trial",
)


class Cost(NamedTuple):
    """Seconds of the controller while trials run, of the sampler, and before the first trial."""

    controller: float
    sampler: float
    start: float


class Clock:
    """Adds up the time that is spent inside some functions; nested calls count once."""

    def __init__(self):
        self.seconds, self._thread = 0.0, threading.local()

    def around(self, work):
        """Return the function with its time added to ``seconds``."""

        def timed(*arguments, **options):
            if getattr(self._thread, "is_inside", False):
                return work(*arguments, **options)
            self._thread.is_inside, begun = True, time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                self._thread.is_inside = False
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


@contextlib.contextmanager
def timed_sampler():
    """Give a clock that adds up the time of the sampler while the context lasts."""
    clock = Clock()
    methods = {name: getattr(samplers.SeededSampler, name) for name in METHODS}
    for name, method in methods.items():
        setattr(samplers.SeededSampler, name, clock.around(method))
    try:
        yield clock
    finally:
        for name, method in methods.items():
            setattr(samplers.SeededSampler, name, method)


def run(root, trials, sampler, storage=None, space=SPACE):
    """Run a sweep whose trainings take no time, and return its cost."""
    place, trial_clock = Nowhere(), Clock()
    quiet = Progress(Console(file=io.StringIO()))
    settings = Settings(str(space), trials=trials, root=root, sampler=sampler, storage=storage)
    with timed_sampler() as sampler_clock:
        controller = Controller.prepare(settings, quiet, place)
        controller._train = trial_clock.around(controller._train)  # noqa: SLF001
        begun = time.perf_counter()
        controller.run()
        start = time.perf_counter() - begun - trial_clock.seconds
    beside = sampler_clock.seconds + place.clock.seconds
    return Cost(trial_clock.seconds - beside, sampler_clock.seconds, start)


def command(*words):
    """Return the seconds that a command takes."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "sweep", *map(str, words)], capture_output=True, check=True
    )
    return time.perf_counter() - begun


def dashboard(root):
    """Return the seconds to read the folders and to make the first page, and its bytes."""
    from sweep.web.dashboard import ReadOnlyApp

    begun = time.perf_counter()
    app = ReadOnlyApp("nothing", SnapshotReader(root, print))
    opened = time.perf_counter()
    for path in ("/api/studies", f"/api/studies/{app.number}"):
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.input": sys.stdin.buffer}
        body = b"".join(app(request, lambda *_: None))
        json.loads(body)
    return opened - begun, time.perf_counter() - opened, len(body)


def measure(folder, trials, options, say):
    """Say what trials cost after so many others, and what commands and the dashboard take then."""
    root, cells, space_of_cells = folder / "root", folder / "cells", SPACES / "cells.py"
    run(root, trials, "random", options.storage)
    for number, name in enumerate(options.sampler, 1):
        cost = run(root, trials + number * MEASURED, name, options.storage)
        controller, sampler = cost.controller / MEASURED * 1e3, cost.sampler / MEASURED * 1e3
        say(
            f"after {trials:6,} trials, {name:6}: the controller {controller:5.1f} ms a trial, "
            f"the sampler {sampler:6.1f} ms; the start {cost.start:.1f} s"
        )
    run(cells, trials, "random", space=space_of_cells)
    cost = run(cells, trials + MEASURED, "random", space=space_of_cells)
    each = (cost.controller + cost.sampler) / MEASURED * 1e3
    say(f"after {trials:6,} trials of 24 cells: a duplicate is answered in {each:.1f} ms")
    for name, *words in (["results", "--format", "json"], ["results"], ["status"]):
        took = command(name, SPACE, "--root", root, *words)
        say(f"sweep {' '.join([name, *words])}: {took:.1f} s")
    if not options.storage:
        opened, first_page, size = dashboard(root)
        say(
            f"dashboard: opened in {opened:.1f} s, first page {first_page:.1f} s, "
            f"{size / 1e6:.1f} MB"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 1_000, 10_000])
    parser.add_argument("--sampler", nargs="*", default=["random", "tpe"])
    parser.add_argument("--storage")
    options = parser.parse_args()
    console = Console(width=120, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        for trials in options.trials:
            measure(Path(folder), trials, options, console.print)
    console.print(f"{cores()} cores of {processor()}, {platform.system()}, {versions()}")


if __name__ == "__main__":
    main()
