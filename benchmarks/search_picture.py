"""The picture of ``benchmarks.search``: the regret of each contender over the epochs."""

import statistics
from pathlib import Path

import matplotlib as mpl
import numpy as np

OURS = "sweep TPE, asha"  # the one that is drawn with its quartiles
COLOURS = {
    OURS: "#2a6fc4",
    "Optuna TPE": "#8a8f98",
    "Optuna TPE, Hyperband": "#c77700",
    "KerasTuner Hyperband": "#7a4fbf",
    "Syne Tune ASHA": "#1f8a75",
    "SMAC3 multi-fidelity": "#b3364f",
    "NePS ASHA": "#4b5058",
}
COLUMNS = 3


def draw(comparison, path: Path):
    """Write a picture with a panel for each table.

    Args:
        comparison: see ``benchmarks.search``.
        path: ends in .svg or .png.
    """
    mpl.use("agg")
    from matplotlib import pyplot

    names = list(comparison.tables)
    rows = -(-len(names) // COLUMNS)
    size = (4.2 * COLUMNS, 3.1 * rows)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=size, squeeze=False)
    contenders = [name for name in COLOURS if name in comparison.contenders]
    for axes, name in zip(grid.flat, names, strict=False):
        for contender in contenders:
            _draw_one(axes, comparison, name, contender)
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


def _draw_one(axes, comparison, name, contender):
    table, colour = comparison.tables[name], COLOURS[contender]
    most = comparison.budget(name)
    epochs = np.unique(np.geomspace(5, most, 60).astype(int))
    regrets = [comparison.regrets(name, contender, int(epoch)) for epoch in epochs]
    medians = [statistics.median(values) for values in regrets]
    width = 2.4 if contender == OURS else 1.3
    axes.plot(epochs, medians, color=colour, linewidth=width, label=contender)
    if contender == OURS:
        low, high = np.quantile(regrets, [0.25, 0.75], axis=1)
        axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    worst = table.bests[0] - table.threshold(0.3)
    axes.set_ylim(0, max(worst, 0.005))
