"""How fast a search finds good parameters: make bench-search, or python -m benchmarks.search.

Each contender searches each table of ``benchmarks.tables`` with the same budget of epochs and with
many seeds. The figures are the regret (how much worse than the best of the table the best value so
far is), the epochs that it took to find one of the best tenth and of the best hundredth, and the
mean rank among the contenders at four budgets. Epochs do not depend on the machine. What has been
played is kept in ``experiences/search-benchmark.jsonl``: a run that was interrupted goes on. What
the other tools have played comes with the project; without that file, they play again.
"""

import argparse
import concurrent.futures
import gzip
import importlib.metadata
import importlib.util
import json
import platform
import random
import statistics
import sys
from pathlib import Path

import joblib

from benchmarks import search_contenders, search_picture, tables
from sweep.system.host import processor

KEPT = Path("experiences/search-benchmark.jsonl")
PEERS = tables.FOLDER / "peers.jsonl.gz"
FULL_TRAININGS = (4, 8, 16, 32)  # the budgets, in epochs of whole trainings
SHARES = {"top tenth": 0.1, "top 1 %": 0.01}
NEEDS = {
    "Optuna": "optuna",
    "KerasTuner": "keras_tuner",
    "Syne Tune": "syne_tune",
    "SMAC3": "smac",
    "NePS": "neps",
}
RESAMPLINGS = 1000


def steps(best_so_far):
    """Return the epochs, from 1, after which the best value has changed, with that value."""
    changed, latest = [], None
    for epoch, value in enumerate(best_so_far, 1):
        if value != latest:
            changed.append((epoch, value))
            latest = value
    return changed


def play(name, contender, seed):
    """Return what one search has found, as ``steps`` does."""
    table = tables.read(name)
    budget = max(FULL_TRAININGS) * table.epochs
    with joblib.parallel_config("sequential"):  # SMAC would wait for threads most of the time
        return steps(search_contenders.play(table, contender, seed, budget))


class Played:
    """The searches that were played so far, by table, contender and seed.

    Args:
        path: of the file that keeps them.
        peers: of the file with those of other tools, and the versions of these.
    """

    def __init__(self, path, peers=PEERS):
        self._path, self._peers, self.found, self.versions = path, peers, {}, versions()
        lines = []
        if peers.exists():
            self.versions, *lines = gzip.decompress(peers.read_bytes()).decode().splitlines()
        if path.exists():
            lines += path.read_text().splitlines()
        for line in lines:
            key, found = json.loads(line)
            self.found[tuple(key)] = found

    def keep_peers(self):
        """Write what other tools have played into a file of the project."""
        lines = [
            json.dumps([key, found], separators=(",", ":"))
            for key, found in sorted(self.found.items())
            if not key[1].startswith("sweep")
        ]
        with gzip.GzipFile(self._peers, "wb", mtime=0) as file:
            file.write("\n".join([self.versions, *lines, ""]).encode())

    def add(self, key, found):
        self.found[key] = found
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps([key, found]) + "\n")


def play_all(played, keys, workers):
    """Play these, several at once."""
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        futures = {pool.submit(play, *key): key for key in keys}
        for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
            if future.exception():
                pool.shutdown(cancel_futures=True)  # else all others would be played, and lost
            played.add(futures[future], future.result())
            if sys.stderr.isatty() or number % 50 == 0:
                sys.stderr.write(f"{number} of {len(keys)} searches\n")


def value_at(found, epochs):
    """Return the best value after so many epochs."""
    return [value for epoch, value in found if epoch <= epochs][-1]


def epochs_to(found, value):
    """Return after how many epochs a value was reached; infinity where it was not."""
    return next((epoch for epoch, best in found if best >= value), float("inf"))


def ranks(values):
    """Return the rank of each value, the greatest first; equal ones share the mean of theirs."""
    return [
        1 + sum(other > value for other in values) + (values.count(value) - 1) / 2
        for value in values
    ]


class Comparison:
    """The figures of some contenders on some tables.

    Args:
        played: the searches.
        names: of the tables.
        contenders: their names.
        seeds: how many.
    """

    def __init__(self, played, names, contenders, seeds):
        self._found = played.found
        self.tables = {name: tables.read(name) for name in names}
        self.contenders, self._seeds = contenders, range(seeds)

    def epochs_to(self, name, contender, share):
        """Return the median number of epochs to the best so large share of a table."""
        value = self.tables[name].threshold(share)
        return statistics.median(
            epochs_to(self._found[name, contender, seed], value) for seed in self._seeds
        )

    def budget(self, name):
        """Return the number of epochs of each search of a table."""
        return max(FULL_TRAININGS) * self.tables[name].epochs

    def regrets(self, name, contender, epochs):
        """Return the regret of each seed after so many epochs."""
        best = self.tables[name].bests[0]
        return [best - value_at(self._found[name, contender, seed], epochs) for seed in self._seeds]

    def mean_ranks(self, full_trainings):
        """Return for each contender the mean rank, and its 95 % interval by the bootstrap."""
        draw, by_table = random.Random(0), {}
        for name, table in self.tables.items():
            epochs = full_trainings * table.epochs
            by_table[name] = [
                [
                    value_at(self._found[name, contender, seed], epochs)
                    for contender in self.contenders
                ]
                for seed in self._seeds
            ]
        ranked = {name: [ranks(row) for row in rows] for name, rows in by_table.items()}
        means = _means(ranked, dict.fromkeys(ranked, self._seeds))
        drawn = [
            _means(ranked, {name: draw.choices(self._seeds, k=len(self._seeds)) for name in ranked})
            for _ in range(RESAMPLINGS)
        ]
        columns = [sorted(column) for column in zip(*drawn, strict=True)]
        cut = RESAMPLINGS // 40
        return {
            contender: (mean, column[cut], column[-cut - 1])
            for contender, mean, column in zip(self.contenders, means, columns, strict=True)
        }


def _means(ranked, seeds):
    """Return the mean rank of each contender over the tables, of these seeds of each."""
    rows = [
        [
            statistics.fmean(column)
            for column in zip(*(rows[seed] for seed in seeds[name]), strict=True)
        ]
        for name, rows in ranked.items()
    ]
    return [statistics.fmean(column) for column in zip(*rows, strict=True)]


def print_ranks(comparison):
    """Print the mean rank of each contender at each budget, as a table in Markdown."""
    columns = [comparison.mean_ranks(number) for number in FULL_TRAININGS]
    print(
        "\n| mean rank after | "
        + " | ".join(f"{number} trainings" for number in FULL_TRAININGS)
        + " |"
    )
    print("|---|" + "---|" * len(FULL_TRAININGS))
    for contender in sorted(comparison.contenders, key=lambda one: columns[-1][one]):
        cells = [
            f"{mean:.1f} ({low:.1f}–{high:.1f})"
            for mean, low, high in (column[contender] for column in columns)
        ]
        print(f"| {contender} | {' | '.join(cells)} |")


def print_epochs(comparison):
    """Print the median epochs to the best of each table, as tables in Markdown."""
    for title, share in SHARES.items():
        print(f"\n| {title} | " + " | ".join(comparison.tables) + " |")
        print("|---|" + "---|" * len(comparison.tables))
        for contender in comparison.contenders:
            medians = [comparison.epochs_to(name, contender, share) for name in comparison.tables]
            cells = ["–" if median == float("inf") else f"{median:g}" for median in medians]
            print(f"| {contender} | {' | '.join(cells)} |")


def installed(contender):
    """Tell whether the library of a contender is installed."""
    packages = [package for name, package in NEEDS.items() if contender.startswith(name)]
    return all(importlib.util.find_spec(package) for package in packages)


def versions():
    """Return in words the versions of the tools."""
    of_package = importlib.metadata.packages_distributions()
    named = [
        f"{name} {importlib.metadata.version(of_package[package][0])}"
        for name, package in NEEDS.items()
        if package in of_package
    ]
    return ", ".join([f"Python {platform.python_version()}", *named])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", action="append", choices=tables.NAMES)
    parser.add_argument("--only", action="append", choices=[*search_contenders.CONTENDERS])
    parser.add_argument("--keep-peers", action="store_true", help=f"write {PEERS.name}")
    parser.add_argument("--picture", type=Path, help="draw the regrets there")
    options = parser.parse_args()
    names, played = options.table or tables.NAMES, Played(KEPT)
    keys = [
        (name, contender, seed)
        for seed in range(options.seeds)
        for contender in options.only or search_contenders.CONTENDERS
        for name in names
    ]
    missing = [key for key in keys if key not in played.found]
    left_out = {contender for _, contender, _ in missing if not installed(contender)}
    if left_out:
        print(f"Left out, for neither played nor installed: {', '.join(sorted(left_out))}.")
    play_all(played, [key for key in missing if key[1] not in left_out], options.workers)
    if options.keep_peers:
        played.keep_peers()
    contenders = [one for _, one, seed in keys if one not in left_out and not seed]
    comparison = Comparison(played, names, [*dict.fromkeys(contenders)], options.seeds)
    print(f"{played.versions}; {options.seeds} seeds; {processor()}")
    print_ranks(comparison)
    print_epochs(comparison)
    if options.picture:
        search_picture.draw(comparison, options.picture)


if __name__ == "__main__":
    main()
