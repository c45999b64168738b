"""What saving costs a training: make bench OPTIONS="--only saving", or python -m benchmarks.saving.

Each contender trains the same network, one after the other, round by round. The first epoch, in
which the graphs are made, is left out. Two things are told apart: how much longer the training
takes until its last epoch, as a ratio to the bare loop of the same round; and for how many seconds
it then waits until all is saved. Since the loop of sweep is not that of a bare fit, sweep runs once
more without its saves: what they cost is the ratio of these two.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import runpy
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sweep.system.host import cores, processor, versions
from tests.chaos.drive import Drive

SPACE = Path(__file__).parent / "spaces" / "large.py"
SIZES, DISKS = ("1M", "22M", "90M"), ("local", "slow")
SLOW_BYTES_A_SECOND = 20e6
BARE, KERAS, ORBAX = "a bare fit", "Keras's callbacks", "Keras's OrbaxCheckpoint"
OURS, UNSAVED = "sweep", "sweep without saves"
ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


def fit(name, epochs, folder):
    """Train as a contender without sweep, in this process."""
    import keras

    space = runpy.run_path(str(SPACE))
    parameters = {**space["FIXED"], "epochs": epochs, "learning_rate": 1e-5}
    keras.utils.set_random_seed(0)
    (x, y), validation = space["load_data"]()
    space["build_model"](parameters).fit(
        x,
        y,
        batch_size=parameters["batch_size"],
        epochs=epochs,
        validation_data=validation,
        callbacks=[*space["callbacks"](parameters), *savers(name, folder)],
        verbose=0,
    )


def savers(name, folder):
    """Return the callbacks of a contender that save."""
    import keras

    if name == KERAS:
        best = {"monitor": "val_acc", "mode": "max", "save_best_only": True}
        return [
            keras.callbacks.ModelCheckpoint(f"{folder}/best.keras", **best),
            keras.callbacks.BackupAndRestore(f"{folder}/backup", save_freq=100),
        ]
    if name == ORBAX:
        return [keras.callbacks.OrbaxCheckpoint(f"{folder}/orbax", save_freq=100)]
    return []


def contenders():
    yield BARE
    yield KERAS
    if importlib.util.find_spec("orbax"):
        yield ORBAX
    yield OURS
    yield UNSAVED


def measure(name, size, epochs, disk):
    """Return the seconds of the epochs after the first, and those until all was saved."""
    with tempfile.TemporaryDirectory(dir=disk) as folder, tempfile.TemporaryDirectory() as local:
        times = Path(local) / "times.json"
        command = [sys.executable, "-m", "benchmarks.saving", "--fit", name, str(epochs), folder]
        if name in (OURS, UNSAVED):
            command = [sys.executable, "-m", "sweep", "run", str(SPACE), "--root", f"{folder}/root"]
            command += ["--trials", "1", "--epochs", str(epochs)]
        environment = {"SWEEP_BENCH_SIZE": size, "SWEEP_BENCH_TIMES": str(times)}
        environment |= {"SWEEP_BENCH_SAVES": "never" if name == UNSAVED else ""}
        environment = {**os.environ, **ENVIRONMENT, **environment, "XDG_CACHE_HOME": local}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        begun, trained, ended = json.loads(times.read_text())
    return trained - begun, ended - trained


@contextlib.contextmanager
def disks(names):
    """Give the folders of these disks, by their names."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = {"local": folder}
        if "slow" in names:
            drive = Drive(folder / "slow", SLOW_BYTES_A_SECOND)
            found["slow"] = stack.enter_context(drive).mounted
        yield {name: found[name] for name in names}


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=120, help="of a training, about")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument("--disks", nargs="+", choices=DISKS, default=DISKS)
    parser.add_argument("--fit", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.fit:
        name, epochs, folder = options.fit
        fit(name, int(epochs), folder)
        return
    console, errors = Console(width=150), Console(stderr=True, highlight=False)
    table = Table("", title="time beside a bare fit, and seconds at the end")
    costs = {}
    with disks(options.disks) as folders:
        for size in options.sizes:
            with tempfile.TemporaryDirectory() as local:
                epoch_s, _ = measure(BARE, size, 2, local)
            epochs = 2 + int(options.seconds / epoch_s)
            for number in range(options.rounds):
                for disk, folder in folders.items():
                    for name in contenders():
                        cost = measure(name, size, epochs, folder)
                        costs.setdefault((name, size, disk), []).append(cost)
                        where = f"{size}, {disk} disk, round {number + 1} of {options.rounds}"
                        errors.print(f"{where}: {name}: {cost[0]:.1f} s, then {cost[1]:.1f} s")
    columns = [(size, disk) for size in options.sizes for disk in options.disks]
    for size, disk in columns:
        table.add_column(f"{size}, {disk}", justify="right")
    for name in contenders():
        table.add_row(name, *(cell(costs, name, BARE, *column) for column in columns))
    table.add_row("saves of sweep", *(cell(costs, OURS, UNSAVED, *column) for column in columns))
    console.print(table)
    console.print(f"{cores()} cores of {processor()}, {platform.system()}, {versions()}")


def cell(costs, name, beside, size, disk):
    """Return the median of the ratios, the least and the greatest, and the seconds at the end."""
    pairs = zip(costs[name, size, disk], costs[beside, size, disk], strict=True)
    found = [own[0] / other[0] for own, other in pairs]
    end_s = statistics.median(cost[1] for cost in costs[name, size, disk])
    return f"{statistics.median(found):.3f} ({min(found):.3f}–{max(found):.3f}), {end_s:.1f} s"


if __name__ == "__main__":
    main()
