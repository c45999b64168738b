"""The epochs that pruning saves: python -m benchmarks.pruning [--space SPACE] [--trials N] ….

For each seed, a sweep without a pruner trains its trials to their ends. A sweep with a pruner and
the same seed then runs until it is as good, or has trained as many epochs. The figure is the share
of the epochs of the first sweep that the second one took; infinity if it never became as good.
Epochs do not depend on the load of the machine. They do not say how long a sweep takes either: a
trial has costs beside its epochs.
"""

import argparse
import platform
import statistics
import tempfile
from pathlib import Path

import sweep
from sweep.system.host import cores, processor, versions

STEP = 10  # trials between two counts of the epochs


def epochs_in_order(root, space):
    """Return the monitored metric of all epochs, by trial; equal proposals are trained once."""
    trials, seen, values = sweep.Sweep(space, root).look().trials, set(), []
    for trial in trials:
        values += [] if trial.best.experience.id in seen else trial.best.curve
        seen.add(trial.best.experience.id)
    return values


def epochs_until(values, target):
    """Return how many epochs it takes to reach the target, or None."""
    return next((number + 1 for number, value in enumerate(values) if value >= target), None)


def unpruned(space, root, trials, seed):
    """Return the epochs of a sweep without a pruner, in order."""
    sweep.run(space, root, trials=trials, seed=seed)
    return epochs_in_order(root, space)


def pruned(space, root, pruner, seed, target, most):
    """Return the epochs of a sweep with a pruner, in order, until the target or ``most`` epochs."""
    values, trials = [], 0
    while epochs_until(values, target) is None and len(values) < most:
        trials += STEP
        sweep.run(space, root, trials=trials, seed=seed, pruner=pruner, target=target)
        values = epochs_in_order(root, space)
    return values[:most]


def compare(space, folder, seed, trials, pruners):
    """Print one row per sweep, and return the share of the epochs that each pruner took."""
    values = unpruned(space, folder / f"{seed}-none", trials, seed)
    target, all_epochs = max(values), len(values)
    needed = epochs_until(values, target)
    print(f"| {seed} | none | {target:.4f} | {needed} of {all_epochs} | |", flush=True)
    shares = {}
    for pruner in pruners:
        values = pruned(space, folder / f"{seed}-{pruner}", pruner, seed, target, all_epochs)
        needed = epochs_until(values, target)
        shares[pruner] = needed / all_epochs if needed else float("inf")
        took = f"{needed} | {shares[pruner]:.2f}" if needed else f"not in {all_epochs} | –"
        print(f"| {seed} | {pruner} | {max(values):.4f} | {took} |", flush=True)
    return shares


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="digits_cnn")
    parser.add_argument("--trials", type=int, default=16, help="of the sweep without a pruner")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pruner", action="append", help="may be repeated  [median, hyperband]")
    options = parser.parse_args()
    pruners = options.pruner or ["median", "hyperband"]
    machine = f"{processor()}, {cores()} cores, {platform.system()}"
    print(f"{options.space}, {options.trials} trials without a pruner; {machine}")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print("\n| seed | pruner | best | epochs until the best of none | share |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        shares = [
            compare(options.space, Path(folder), seed, options.trials, pruners)
            for seed in range(options.seeds)
        ]
    for pruner in pruners:
        by_seed = [share[pruner] for share in shares]
        listed = ", ".join(f"{share:.2f}" for share in by_seed)
        print(f"{pruner}: median share {statistics.median(by_seed):.2f}, of {listed}")


if __name__ == "__main__":
    main()
