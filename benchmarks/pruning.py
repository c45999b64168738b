"""What pruning saves: python -m benchmarks.pruning [--space SPACE] [--trials N] [--seeds K] [--pruner NAME …].

For each seed, a sweep without a pruner trains its trials to their ends. A sweep with a pruner and the same seed then goes
on until it is as good, or has trained as many epochs. The figure is how many of those epochs it took, as a share of all
epochs of the sweep without; where it is not reached, it counts as more than any. Epochs do not depend on what else the
machine does. Nor do they say how long a sweep takes: a trial has costs beside its epochs.
"""

import argparse
import platform
import statistics
import tempfile
from pathlib import Path

import sweep
from sweep.system.host import cores, processor, versions

STEP = 10  # trials between two looks at whether as many epochs are trained


def epochs_in_order(root, space):
    """Return what is monitored, epoch after epoch, as the trials came; equal proposals are trained once."""
    trials, seen, values = sweep.Sweep(space, root).look().trials, set(), []
    for trial in trials:
        values += [] if trial.best.experience.id in seen else trial.best.curve
        seen.add(trial.best.experience.id)
    return values


def epochs_until(values, target):
    """Return how many epochs it takes to be as good as the target; None where it is not reached."""
    return next((number + 1 for number, value in enumerate(values) if value >= target), None)


def unpruned(space, root, trials, seed):
    """Return the epochs of a sweep that prunes nothing, in order."""
    sweep.run(space, root, trials=trials, seed=seed)
    return epochs_in_order(root, space)


def pruned(space, root, pruner, seed, target, most):
    """Return the epochs of a sweep that prunes, in order, until it is as good as the target or has trained so many."""
    values, trials = [], 0
    while epochs_until(values, target) is None and len(values) < most:
        trials += STEP
        sweep.run(space, root, trials=trials, seed=seed, pruner=pruner, target=target)
        values = epochs_in_order(root, space)
    return values[:most]


def compare(space, folder, seed, trials, pruners):
    """Print one row a sweep, and return the share of the epochs that each pruner took, infinity where it never was there."""
    values = unpruned(space, folder / f"{seed}-none", trials, seed)
    target, all_epochs = max(values), len(values)
    print(
        f"| {seed} | none | {target:.4f} | {epochs_until(values, target)} of {all_epochs} | |",
        flush=True,
    )
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
    asked = parser.parse_args()
    pruners = asked.pruner or ["median", "hyperband"]
    print(
        f"{asked.space}, {asked.trials} trials without a pruner; {processor()}, {cores()} cores, {platform.system()}"
    )
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print(
        "\n| seed | pruner | best | epochs until the best of none | share |\n|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        shares = [
            compare(asked.space, Path(folder), seed, asked.trials, pruners)
            for seed in range(asked.seeds)
        ]
    for pruner in pruners:
        of_seeds = [share[pruner] for share in shares]
        print(
            f"{pruner}: median share {statistics.median(of_seeds):.2f}, of {', '.join(f'{one:.2f}' for one in of_seeds)}"
        )


if __name__ == "__main__":
    main()
