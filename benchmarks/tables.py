"""Tables of real learning curves: python -m benchmarks.tables [NAME …] [--workers N].

Each search space of ``benchmarks/curves/`` is a grid. The command trains all of it by sweep itself,
and resumes where it was interrupted; then it writes ``benchmarks/curves/NAME.csv.gz``: a row for
each training, with its parameters and its val_acc after each epoch. ``benchmarks.search`` replays
them.
"""

import argparse
import gzip
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sweep

FOLDER = Path(__file__).parent / "curves"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
MORE_THAN_ANY = 10_000


@dataclass(frozen=True)
class Table:
    """The curves of a grid.

    Attributes:
        name: of its search space.
        choices: the values of each parameter, in their order.
        curves: the val_acc after each epoch, by the values of the parameters.
    """

    name: str
    choices: dict[str, list]
    curves: dict[tuple, list[float]]

    @property
    def epochs(self):
        return max(map(len, self.curves.values()))

    def curve(self, parameters):
        """Return the curve of some parameters; a training that was stopped early stays there."""
        curve = self.curves[tuple(parameters[name] for name in self.choices)]
        return curve + [curve[-1]] * (self.epochs - len(curve))

    @cached_property
    def bests(self):
        """The best val_acc of each training, the best first."""
        return sorted((max(curve) for curve in self.curves.values()), reverse=True)

    def threshold(self, share):
        """Return the value of the last training that is among so large a share of the best."""
        return self.bests[max(0, math.ceil(share * len(self.bests)) - 1)]


def read(name):
    """Return a table as it is kept."""
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt") as file:
        head, *lines = file.read().splitlines()
    parameters, curves = head.split(";")[0].split(","), {}
    for line in lines:
        values, curve = line.split(";")
        curves[tuple(json.loads(f"[{values}]"))] = [float(value) for value in curve.split(",")]
    choices = {
        parameter: sorted({key[place] for key in curves}, key=_order)
        for place, parameter in enumerate(parameters)
    }
    return Table(name, choices, curves)


def _order(value):
    return (isinstance(value, str), value)


def make(name, workers):
    """Train what is still to be trained of a grid, and write its table."""
    space = FOLDER / f"{name}.py"
    done = sweep.run(
        space,
        f"experiences/curves/{name}",
        trials=MORE_THAN_ANY,
        sampler="brute_force",
        workers=workers,
        threads=1,
        keep_backups=0,
    )
    trials = sorted(done.look().trials, key=lambda trial: trial.number)
    parameters = list(trials[0].trial_record.entry.params)
    lines = [",".join(parameters) + ";val_acc after each epoch"]
    for trial in trials:
        values = [trial.best.record.parameters[parameter] for parameter in parameters]
        curve = trial.best.curve
        assert not any(map(math.isnan, curve)), trial.best.experience.path
        lines.append(json.dumps(values)[1:-1] + ";" + ",".join(f"{value:.4f}" for value in curve))
    text = "\n".join([lines[0], *sorted(lines[1:]), ""])
    with gzip.GzipFile(FOLDER / f"{name}.csv.gz", "wb", mtime=0) as file:
        file.write(text.encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", default=NAMES)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for name in options.names:
        make(name, options.workers)
        table = read(name)
        print(
            f"{name}: {len(table.curves)} trainings of {table.epochs} epochs, best "
            f"{table.threshold(0):.4f}, top 1 % {table.threshold(0.01):.4f}, top tenth "
            f"{table.threshold(0.1):.4f}, median {table.threshold(0.5):.4f}"
        )


if __name__ == "__main__":
    main()
