"""The picture of ``benchmarks.search``: the regret of each contender over the epochs."""

import statistics
from pathlib import Path

import matplotlib as mpl
import numpy as np

OURS, BEST_PEERS = "#2a6fc4", ("#c77700", "#1f8a75", "#7a4fbf", "#4b5058", "#b3364f", "#8a8f98")
COLUMNS = 3


def draw(comparison, contenders, ours, path: Path):
    """Write a picture with a panel for each table.

    Args:
        comparison: see ``benchmarks.search``.
        contenders: the names of those to be drawn.
        ours: the one of these that is drawn with its quartiles.
        path: ends in .svg or .png.
    """
    mpl.use("svg")
    from matplotlib import pyplot

    names = list(comparison.tables)
    rows = -(-len(names) // COLUMNS)
    size = (4.2 * COLUMNS, 3.1 * rows)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=size, squeeze=False)
    peers = iter(BEST_PEERS)
    colours = {name: OURS if name == ours else next(peers) for name in contenders}
    for axes, name in zip(grid.flat, names, strict=False):
        for contender in contenders:
            _draw_one(axes, comparison, name, contender, colours[contender], contender == ours)
        axes.set_title(name, fontsize=11)
        axes.set_xscale("log")
        axes.set_xlabel("epochs in all")
        axes.spines[["top", "right"]].set_visible(False)
    for row in grid:
        row[0].set_ylabel("regret (median)")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def _draw_one(axes, comparison, name, contender, colour, has_quartiles):
    table = comparison.tables[name]
    most = comparison.budget(name)
    epochs = np.unique(np.geomspace(5, most, 60).astype(int))
    regrets = [comparison.regrets(name, contender, int(epoch)) for epoch in epochs]
    medians = [statistics.median(values) for values in regrets]
    width = 2.4 if has_quartiles else 1.3
    axes.plot(epochs, medians, color=colour, linewidth=width, label=contender)
    if has_quartiles:
        low, high = np.quantile(regrets, [0.25, 0.75], axis=1)
        axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    worst = table.bests[0] - table.threshold(0.5)
    axes.set_ylim(0, max(worst, 0.005))
