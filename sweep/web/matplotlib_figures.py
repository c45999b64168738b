"""The figures of the report once more, by matplotlib: as PNG for a slide, on white."""

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweep.experience.record import State
from sweep.web.axes import Axis, FrontView, ParameterView
from sweep.web.curves import Curves, Line
from sweep.web.texts import Texts

BLUE, ORANGE, GREY = "#2a6fc4", "#c77700", "#8a8f98"
INCHES = (12.8, 7.2)  # 1920 × 1080 at this resolution
DOTS = 150
COLUMNS = 3
STYLE: dict[Any, Any] = {
    "font.size": 15,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e8eb",
    "axes.axisbelow": True,
    "text.parse_math": False,
    "legend.frameon": False,
}

_one_at_a_time = (
    threading.Lock()
)  # matplotlib's settings are of the process, and a server draws in threads


def png(draw: Callable[[], Figure]) -> bytes:
    """Return what ``draw`` makes as a PNG of 1920 × 1080 dots."""
    with _one_at_a_time, mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its font lacks a letter of somebody's
        file = io.BytesIO()
        draw().savefig(file, format="png", dpi=DOTS)
    return file.getvalue()


def curves(found: Curves, words: Texts) -> Figure:
    """Draw the learning curves: what is monitored over the epoch, from 0."""
    with _figure(words.curves, words.epoch, found.metric) as (figure, axes):
        x = range(len(found.median))
        if len(found.lines) > 1:
            axes.fill_between(
                x, found.low, found.high, color=BLUE, alpha=0.13, linewidth=0, label=words.band
            )
        for line in found.lines:
            _draw_line(axes, line, color=GREY if line.is_grey else BLUE, linewidth=1, alpha=0.45)
        for is_grey, name, colour in ((True, words.grey, GREY), (False, words.each, BLUE)):
            if any(line.is_grey == is_grey for line in found.lines):
                axes.plot([], [], color=colour, linewidth=1.5, label=name)
        if len(found.lines) > 1:
            axes.plot(x, found.median, color=BLUE, linewidth=3, linestyle=":", label=words.median)
        if found.best:
            _draw_line(axes, found.best, color=ORANGE, linewidth=3, label=words.best)
        for how, marker in (("cut", "x"), ("stopped", "o")):
            here = [(at, value) for _, at, value, end in found.marks if end == how]
            if here:
                label = f"{words.cut} ({words.ends[how]})"
                axes.plot(
                    *zip(*here, strict=True),
                    marker,
                    color="#4b5058",
                    fillstyle="none",
                    markersize=8,
                    label=label,
                )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower right", fontsize=12)
    return figure


def history(plane: ParameterView, words: Texts) -> Figure:
    """Draw the value of each trial and the best so far."""
    with _figure(words.history, words.trial, plane.aim.name) as (figure, axes):
        colours = [GREY if state == State.PRUNED else BLUE for state in plane.states]
        axes.scatter(plane.numbers, plane.values, color=colours, label=plane.aim.name)
        axes.step(
            plane.numbers,
            plane.best_so_far(),
            where="post",
            color=ORANGE,
            linewidth=2.5,
            label=words.best_so_far,
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower right", fontsize=12)
    return figure


def front(compared: FrontView, words: Texts) -> Figure:
    """Draw the trials by two aims; those on the Pareto front stand out."""
    with _figure(words.front, *compared.names) as (figure, axes):
        for is_on_it, name, colour in (
            (False, words.others, GREY),
            (True, words.on_the_front, ORANGE),
        ):
            here = [
                point
                for point, on_it in zip(compared.points, compared.on_front, strict=True)
                if on_it == is_on_it
            ]
            axes.scatter([x for x, _ in here], [y for _, y in here], color=colour, label=name)
        axes.legend(fontsize=12)
    return figure


def importances(found: dict[str, float], words: Texts) -> Figure:
    """Draw a bar a parameter, the most important one on top."""
    with _figure(words.importances, words.importance, "") as (figure, axes):
        bars = axes.barh(list(reversed(found)), list(reversed(found.values())), color=BLUE)
        axes.bar_label(bars, fmt="%.2f", padding=5)
        axes.grid(visible=False, axis="y")
    return figure


def parallel(plane: ParameterView, words: Texts) -> Figure:
    """Draw parallel coordinates: an axis a parameter, and one for the value."""
    low, high = sorted((min(plane.values), max(plane.values)), key=plane.aim.rank, reverse=True)
    worth = plane.worth()
    columns = [worth, *(_heights(axis) for axis in plane.axes)]
    names = [plane.aim.name, *(axis.name for axis in plane.axes)]
    with _figure(words.parallel, "", "") as (figure, axes):
        for trial in sorted(range(len(worth)), key=worth.__getitem__):
            is_best = worth[trial] == 1
            look: dict[str, Any] = (
                {"color": ORANGE, "linewidth": 3} if is_best else {"color": BLUE, "linewidth": 1}
            )
            axes.plot(
                [column[trial] for column in columns],
                alpha=1 if is_best else 0.15 + 0.6 * worth[trial],
                **look,
            )
        ticks = [
            [(0.0, f"{low:.4f}"), (1.0, f"{high:.4f}")],
            *(_ticks(axis, words) for axis in plane.axes),
        ]
        for place, of_axis in enumerate(ticks):
            axes.axvline(place, color="#c9ccd1", linewidth=1)
            for height, label in of_axis:
                axes.annotate(
                    label,
                    (place, height),
                    (5, 0),
                    textcoords="offset points",
                    fontsize=11,
                    va="center",
                    color="#4b5058",
                )
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_xlim(-0.1, len(names) - 0.7)
        axes.spines["left"].set_visible(False)
    return figure


def slices(plane: ParameterView, words: Texts) -> Figure:
    """Draw for each parameter the value of the trials over it."""
    rows, columns = -(-len(plane.axes) // COLUMNS), min(COLUMNS, len(plane.axes))
    figure = Figure(figsize=(INCHES[0], max(INCHES[1], 2.6 * rows)), layout="constrained")
    figure.suptitle(words.slices)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).flatten()
    for axes, axis in zip(grid, plane.axes, strict=False):
        there = [at for at, position in enumerate(axis.positions) if position is not None]
        axes.scatter(
            [axis.positions[at] for at in there],
            [plane.values[at] for at in there],
            color=BLUE,
            alpha=0.7,
        )
        axes.set_xlabel(axis.name)
        axes.set_xticks(
            [at for at, _ in axis.ticks], [label for _, label in axis.ticks], fontsize=11
        )
        axes.set_xlim(axis.range)
    for axes in grid[len(plane.axes) :]:
        axes.set_visible(False)
    for axes in grid[::columns]:
        axes.set_ylabel(plane.aim.name)
    return figure


def timeline(rows: list[dict[str, Any]], words: Texts) -> Figure:
    """Draw a bar a session, over the time; ``rows`` are those of ``sweep.web.tables.sessions``."""
    with _figure(words.timeline, words.time, words.trial) as (figure, axes):
        for how, colour in (
            ("outcome", BLUE),
            ("running", ORANGE),
            ("stopped", GREY),
            ("cut", GREY),
        ):
            here = [row for row in rows if row["how"] == how]
            begun, ends, trials = (
                [row[name] for row in here] for name in ("begun", "ended", "trial")
            )
            if here:
                axes.hlines(trials, begun, ends, color=colour, linewidth=6, label=words.ends[how])
            if here and how in ("cut", "stopped"):
                axes.plot(
                    ends,
                    trials,
                    "x" if how == "cut" else "o",
                    color="#4b5058",
                    fillstyle="none",
                    markersize=8,
                )
        axes.invert_yaxis()
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=12)
        axes.tick_params(axis="x", rotation=20)
    return figure


@contextmanager
def _figure(title: str, x: str, y: str) -> Iterator[tuple[Figure, Axes]]:
    """Give a figure that no screen and no other figure of the process knows."""
    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=19, pad=14)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    yield figure, axes


def _draw_line(axes: Axes, line: Line, **look: Any) -> None:
    marker = "o" if len(line.curve) == 1 else None
    axes.plot(range(len(line.curve)), line.curve, marker=marker, **look)


def _heights(axis: Axis) -> list[float]:
    """Return where each trial lies between the ends of the axis, 0 and 1; without the parameter, below."""
    low, high = axis.range
    return [-0.08 if one is None else (one - low) / (high - low) for one in axis.positions]


def _ticks(axis: Axis, words: Texts) -> list[tuple[float, str]]:
    low, high = axis.range
    ticks = [((at - low) / (high - low), label) for at, label in axis.ticks]
    return [*ticks, (-0.08, words.none)] if None in axis.positions else ticks
