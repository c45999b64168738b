"""The time of whole sweeps: make bench, or python -m benchmarks.speed [--rounds N] [--only RE].

``--only saving`` is another benchmark, see ``benchmarks.saving``.

Each contender trains the same proposals in a process of its own, one contender after the other,
round by round. Its time is taken from the outside, with all processes that it starts; the time of
its imports, measured in the same round, is left out. The figures are ratios to the bare Keras loop
of the same round.
"""

import argparse
import contextlib
import ctypes
import importlib.util
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import saving
from benchmarks.contenders import NAMES, NEEDS
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.space import search_space, source
from sweep.system.host import cores, processor, versions

SPACES = Path(__file__).parent / "spaces"
PR_SET_CHILD_SUBREAPER = 36
TRAININGS = {"mlp": 12, "cnn": 4}
TITLES = {"mlp": "12 small dense networks", "cnn": "4 convolutional networks"}
PARTS = {"wall": "clock", "cpu": "cores"}
SWEEP = [sys.executable, "-m", "sweep", "run"]


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and seconds of all cores together."""

    wall: float
    cpu: float

    def __sub__(self, other):
        return Cost(self.wall - other.wall, self.cpu - other.cpu)

    def __add__(self, other):
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


def cost(command, environment=None):
    """Run a command to the end of all processes that it starts, and return its cost."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    wall = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    # A process that outlives its parent is a child of this one, see ``main``.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def proposals(space, trials):
    """Return the parameters that ``sweep run --sampler random`` gives its first trials."""
    study = Study(space.source.name, None, StudyOptions("random"))
    return [space.parameters(study.suggest(study.ask(), space.suggest)) for _ in range(trials)]


def contenders(name):
    """Yield the title of each contender, its command, and the commands that only import.

    A command has fields: ``{parameters}`` and ``{folder}``.
    """
    path = SPACES / f"{name}.py"
    for key, title in NAMES.items():
        if importlib.util.find_spec(NEEDS[key].partition(".")[0]):
            module = [sys.executable, "-m", "benchmarks.contenders", key]
            yield title, [*module, path, "{parameters}", "{folder}"], [module]
    ours = [
        [sys.executable, "-c", "import sweep.cli, sweep.running.controller"],
        [sys.executable, "-c", "import sweep.training.preload, sklearn.datasets"],
    ]
    for workers in (1, 2):
        words = ["--trials", TRAININGS[name], "--workers", workers]
        words += ["--sampler", "random", "--root", "{folder}"]
        yield f"sweep, {workers} worker{'s' * (workers > 1)}", [*SWEEP, path, *words], ours


def measure(name, rounds, only, say):
    """Return the costs without imports, by contender, one per round."""
    costs = {}
    space = search_space.load(source.find(str(SPACES / f"{name}.py")))
    with tempfile.TemporaryDirectory() as temporary:
        parameters = Path(temporary) / "parameters.json"
        parameters.write_text(json.dumps(proposals(space, TRAININGS[name])))
        for number in range(rounds):
            for title, command, imports in contenders(name):
                if not re.search(only, title) and title != NAMES["bare"]:
                    continue
                whole = cost_in_a_folder(command, parameters, temporary)
                beside = whole - sum(map(cost, imports), Cost(0, 0))
                costs.setdefault(title, []).append(beside)
                seconds = f"{beside.wall:.1f} s, {beside.cpu:.1f} s of the cores"
                say(f"{name}, round {number + 1} of {rounds}: {title}: {seconds}")
    return costs


def cost_in_a_folder(command, parameters, temporary):
    """Return the cost of a contender's command in a fresh folder."""
    with tempfile.TemporaryDirectory(dir=temporary) as folder:
        words = [str(word).format(parameters=parameters, folder=folder) for word in command]
        # A cache of its own: the data are loaded once in each measured sweep.
        return cost(words, {"XDG_CACHE_HOME": f"{folder}/cache"})


def table_of(costs):
    """Return ratios to the bare loop: the median, with the least and the greatest in brackets."""
    table = Table("", title="time beside the imports; a bare Keras loop is 1")
    for title in TITLES.values():
        for part in PARTS.values():
            table.add_column(f"{title}: {part}", justify="right")
    for title in costs["mlp"]:
        cells = [_ratios(costs[name], title, part) for name in TITLES for part in PARTS]
        table.add_row(title, *cells)
    return table


def _ratios(costs, title, part):
    if (title, part) == (NAMES["ray"], "cpu"):
        return "not seen"  # its daemons do not report the time of their workers
    pairs = zip(costs[title], costs[NAMES["bare"]], strict=True)
    ratios = [getattr(own, part) / getattr(bare, part) for own, bare in pairs]
    median = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    seconds = statistics.median(getattr(own, part) for own in costs[title])
    return f"{median}, {seconds:.0f} s"


def measure_resume(say):
    """Say how long a command takes to the first resumed batch after a SIGKILL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        space, first, root = folder / "noted.py", folder / "first", folder / "root"
        space.write_text((SPACES / "mlp.py").read_text() + FIRST_BATCH)
        options = ["--trials", "1", "--epochs", "400", "--save-freq", "100"]
        command = [*SWEEP, str(space), "--root", str(root), *options]
        environment = {**os.environ, "FIRST_BATCH": str(first), "XDG_CACHE_HOME": f"{name}/cache"}
        for _ in range(2):
            first.unlink(missing_ok=True)
            begun = time.time()
            process = subprocess.Popen(
                command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            while not first.exists() or not list(root.glob("*/sauvegarde/*.json")):
                time.sleep(0.01)
            took = first.stat().st_mtime - begun
            process.kill()
            process.wait()
    imports = cost([sys.executable, "-c", "import sweep.training.preload, sklearn.datasets"]).wall
    say(f"from the command to the first resumed batch: {took:.1f} s")
    say(f"the import of Keras alone takes {imports:.1f} s")


FIRST_BATCH = """

def callbacks(parameters):
    import os
    import pathlib

    import keras

    first = pathlib.Path(os.environ["FIRST_BATCH"])
    note = lambda batch, logs: first.exists() or first.touch()
    return [keras.callbacks.LambdaCallback(on_train_batch_end=note)]
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only",
        default="",
        metavar="RE",
        help="besides the bare loop, contenders whose name matches this; or saving",
    )
    options = parser.parse_args()
    if options.only == "saving":
        saving.main(["--rounds", str(options.rounds)])
        return
    # This process waits for, and counts, the processes that outlive their parents.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    console, errors = Console(width=150), Console(stderr=True, highlight=False)
    costs = {name: measure(name, options.rounds, options.only, errors.print) for name in TRAININGS}
    console.print(table_of(costs))
    measure_resume(console.print)
    console.print(f"{cores()} cores of {processor()}, {platform.system()}, {versions()}")


if __name__ == "__main__":
    main()
