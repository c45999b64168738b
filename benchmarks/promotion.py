"""What a scheduler finds on real trainings: python -m benchmarks.promotion [--space SPACE] ….

For each seed, sweeps train as many epochs each: TPE alone, with a pruner, and with a scheduler. The
figures are the best value and the time on the clock. A trial costs time beside its epochs, and a
scheduler begins many more trials.
"""

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import sweep
from sweep.system.host import cores, processor, versions

CONTENDERS = {
    "TPE": {},
    "TPE, Hyperband pruner": {"pruner": "hyperband"},
    "TPE, asha": {"scheduler": "asha"},
    "TPE, asha from 4 epochs on": {"scheduler": "asha:min_epochs=4"},
}
MORE_THAN_ANY = 10_000


def run(space, root, seed, epochs, epochs_total, options):
    """Return the best value, the seconds, and how many trials and epochs they took."""
    began = time.monotonic()
    swept = sweep.run(
        space,
        root,
        trials=MORE_THAN_ANY,
        epochs=epochs,
        epochs_total=epochs_total,
        seed=seed,
        **options,
    )
    took = time.monotonic() - began
    trials = swept.look().trials
    curves = {trial.best.experience.id: trial.best.curve for trial in trials}
    best = max(value for curve in curves.values() for value in curve)
    return best, took, len(trials), sum(map(len, curves.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--space", default="benchmarks/curves/digits_cnn.py")
    parser.add_argument("--epochs", type=int, default=81, help="of a whole training")
    parser.add_argument("--trainings", type=int, default=3, help="as many epochs as these have")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    total = options.epochs * options.trainings
    machine = f"{processor()}, {cores()} cores, {platform.system()}"
    print(f"{options.space}, {options.epochs} epochs, {total} in all; {machine}")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print("\n| seed | search | best val_acc | seconds | trials | epochs |")
    print("|---|---|---|---|---|---|", flush=True)
    found = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for name, how in CONTENDERS.items():
                root = Path(folder) / f"{seed} {name}"
                one = run(options.space, root, seed, options.epochs, total, how)
                found[name].append(one)
                best, took, trials, epochs = one
                print(
                    f"| {seed} | {name} | {best:.4f} | {took:.0f} | {trials} | {epochs} |",
                    flush=True,
                )
    print("\n| search | median best val_acc | median seconds | median trials |")
    print("|---|---|---|---|")
    for name, rows in found.items():
        best, took, trials, _ = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {name} | {best:.4f} | {took:.0f} | {trials:g} |")


if __name__ == "__main__":
    main()
