"""The figures of the report by matplotlib: as PNG for a slide, on white."""

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

from sweep.experience.record import State
from sweep.experience.session_spans import SessionSpan
from sweep.web.axes import Axis, ParameterView
from sweep.web.curves import Curves, Line
from sweep.web.fits import Fit
from sweep.web.pareto import FrontView
from sweep.web.texts import Texts
from sweep.wording import number

BLUE, ORANGE, TEAL = "#2a6fc4", "#c77700", "#1f8a75"
GREY, DARK_GREY = "#8a8f98", "#4b5058"
INCHES = (12.8, 7.2)  # 1920 × 1080 at this resolution
DOTS = 150
COLUMNS = 3
BELOW_AXIS = -0.08  # where a trial lies that lacks the parameter
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
SESSION_END: dict[str, Any] = {"color": DARK_GREY, "fillstyle": "none", "markersize": 8}
COLOURS = {State.FINISHED: BLUE, State.PAUSED: TEAL, State.PRUNED: GREY}
END_MARKERS = {"cut": "x", "stopped": "o"}

# The settings of matplotlib belong to the process, and the dashboard draws in several threads.
_drawing = threading.Lock()


def png(draw: Callable[[], Figure], texts: Texts) -> bytes:
    """Return the figure that ``draw`` makes, as a PNG of 1920 × 1080 dots."""
    with _drawing, mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the font lacks a letter of a user's name
        file, figure = io.BytesIO(), draw()
        _localize(figure, texts)
        figure.savefig(file, format="png", dpi=DOTS)
    return file.getvalue()


def _localize(figure: Figure, texts: Texts) -> None:
    """Write the numbers beside the axes with the decimal mark of a language."""
    write = FuncFormatter(lambda value, _: texts.decimal(f"{value:g}"))
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):
            axis.set_major_formatter(write)


def curves(view: Curves, texts: Texts) -> Figure:
    """Draw the learning curves: the monitored metric over the epoch, from 0."""
    with _figure(texts.curves, texts.epoch, view.metric) as (figure, axes):
        epochs = range(len(view.median))
        has_several = len(view.lines) > 1
        if has_several:
            band: dict[str, Any] = {"color": BLUE, "alpha": 0.13, "linewidth": 0}
            axes.fill_between(epochs, view.low, view.high, label=texts.band, **band)
        for line in view.lines:
            _draw_line(axes, line, color=GREY if line.is_grey else BLUE, linewidth=1, alpha=0.45)
        for is_grey, name, colour in (
            (True, texts.not_finished, GREY),
            (False, texts.finished_or_running, BLUE),
        ):
            if any(line.is_grey == is_grey for line in view.lines):
                axes.plot([], [], color=colour, linewidth=1.5, label=name)
        if has_several:
            dotted: dict[str, Any] = {"color": BLUE, "linewidth": 3, "linestyle": ":"}
            axes.plot(epochs, view.median, label=texts.median, **dotted)
        if view.best:
            _draw_line(axes, view.best, color=ORANGE, linewidth=3, label=texts.best)
        _draw_marks(axes, view, texts)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower right", fontsize=12)
    return figure


def fits(view: list[list[Fit]], texts: Texts) -> Figure:
    """Draw small multiples: a row per metric, and a column per trial."""
    figure = Figure(figsize=INCHES, layout="constrained")
    figure.suptitle(texts.fits)
    grid = figure.subplots(len(view), max(map(len, view)), sharex=True, sharey="row", squeeze=False)
    for row, cells in zip(grid, view, strict=True):
        for axes, cell in zip(row, cells, strict=False):
            for name, curve, colour in (
                (texts.in_training, cell.training, BLUE),
                (texts.in_validation, cell.validation, ORANGE),
            ):
                marker = "o" if len(curve) == 1 else None
                axes.plot(curve, color=colour, label=name, linewidth=2, marker=marker)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        row[0].set_ylabel(cells[0].metric)
    longest: list[Fit] = max(view, key=len)
    for axes, cell in zip(grid[0], longest, strict=True):
        axes.set_title(f"{texts.trial} {cell.trial}", fontsize=14)
    for axes in grid[-1]:
        axes.set_xlabel(texts.epoch)
    grid[0][0].legend(fontsize=12)
    return figure


def history(view: ParameterView, texts: Texts) -> Figure:
    """Draw the value of each trial and the best so far."""
    with _figure(texts.history, texts.trial, view.objective.name) as (figure, axes):
        for state, colour in COLOURS.items():
            chosen = [index for index, each in enumerate(view.states) if each == state]
            if chosen:
                x, y = (
                    [column[index] for index in chosen] for column in (view.numbers, view.values)
                )
                axes.scatter(x, y, color=colour, label=texts.states[state].many)
        look: dict[str, Any] = {"where": "post", "color": ORANGE, "linewidth": 2.5}
        axes.step(*view.best_so_far(), label=texts.best_so_far, **look)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower right", fontsize=12)
    return figure


def front(view: FrontView, texts: Texts) -> Figure:
    """Draw the trials by two objectives, those on the Pareto front in another colour."""
    with _figure(texts.front, *view.names) as (figure, axes):
        for is_on_front, name, colour in (
            (False, texts.not_on_the_front, GREY),
            (True, texts.on_the_front, ORANGE),
        ):
            points = [
                point
                for point, is_on in zip(view.points, view.on_front, strict=True)
                if is_on == is_on_front
            ]
            axes.scatter([x for x, _ in points], [y for _, y in points], color=colour, label=name)
        axes.legend(fontsize=12)
    return figure


def importances(shares: dict[str, float], texts: Texts) -> Figure:
    """Draw one bar per parameter, the most important one on top."""
    with _figure(texts.importances, texts.importance, "") as (figure, axes):
        bars = axes.barh(list(reversed(shares)), list(reversed(shares.values())), color=BLUE)
        shown = [texts.decimal(f"{share:.2f}") for share in reversed(shares.values())]
        axes.bar_label(bars, shown, padding=5)
        axes.grid(visible=False, axis="y")
    return figure


def parallel(view: ParameterView, texts: Texts) -> Figure:
    """Draw parallel coordinates: one axis for the value, and one per parameter."""
    low, high = sorted((min(view.values), max(view.values)), key=view.objective.rank, reverse=True)
    worth = view.worth()
    heights = [worth, *(_heights(axis) for axis in view.axes)]
    names = [view.objective.name, *(axis.name for axis in view.axes)]
    value_ticks = [
        (place, texts.decimal(number(value))) for place, value in ((0.0, low), (1.0, high))
    ]
    ticks = [value_ticks, *(_ticks(axis, texts) for axis in view.axes)]
    with _figure(texts.parallel, "", "") as (figure, axes):
        for trial in sorted(range(len(worth)), key=worth.__getitem__):
            is_best = worth[trial] == 1
            look: dict[str, Any] = (
                {"color": ORANGE, "linewidth": 3, "alpha": 1}
                if is_best
                else {"color": BLUE, "linewidth": 1, "alpha": 0.15 + 0.6 * worth[trial]}
            )
            axes.plot([column[trial] for column in heights], **look)
        for place, axis_ticks in enumerate(ticks):
            axes.axvline(place, color="#c9ccd1", linewidth=1)
            _draw_ticks(axes, place, axis_ticks)
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_xlim(-0.1, len(names) - 0.7)
        axes.spines["left"].set_visible(False)
    return figure


def slices(view: ParameterView, texts: Texts) -> Figure:
    """Draw one plot per parameter: the value of the trials over the parameter."""
    rows, columns = -(-len(view.axes) // COLUMNS), min(COLUMNS, len(view.axes))
    figure = Figure(figsize=(INCHES[0], max(INCHES[1], 2.6 * rows)), layout="constrained")
    figure.suptitle(texts.slices)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).flatten()
    for axes, axis in zip(grid, view.axes, strict=False):
        points = [
            (position, value)
            for position, value in zip(axis.positions, view.values, strict=True)
            if position is not None
        ]
        axes.scatter([x for x, _ in points], [y for _, y in points], color=BLUE, alpha=0.7)
        axes.set_xlabel(axis.name)
        positions, labels = [x for x, _ in axis.ticks], [label for _, label in axis.ticks]
        axes.set_xticks(positions, labels, fontsize=11)
        axes.set_xlim(axis.range)
    for axes in grid[len(view.axes) :]:
        axes.set_visible(False)
    for axes in grid[::columns]:
        axes.set_ylabel(view.objective.name)
    return figure


def timeline(spans: list[SessionSpan], texts: Texts) -> Figure:
    """Draw one bar per session, over the time."""
    with _figure(texts.timeline, texts.time, texts.trial) as (figure, axes):
        for ending, colour in (
            ("outcome", BLUE),
            ("running", ORANGE),
            ("paused", TEAL),
            ("stopped", GREY),
            ("cut", GREY),
        ):
            chosen = [span for span in spans if span.ending == ending]
            trials = [span.trial for span in chosen]
            # matplotlib takes times, of which its types say nothing.
            begun: Any = [span.begun for span in chosen]
            ended: Any = [span.ended for span in chosen]
            name = texts.endings[ending]
            if chosen:
                axes.hlines(trials, begun, ended, color=colour, linewidth=6, label=name)
            if chosen and ending in END_MARKERS:
                axes.plot(ended, trials, END_MARKERS[ending], **SESSION_END)
        axes.invert_yaxis()
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=12)
        axes.tick_params(axis="x", rotation=20)
    return figure


@contextmanager
def _figure(title: str, x_title: str, y_title: str) -> Iterator[tuple[Figure, Axes]]:
    """Give a figure of its own, which no screen and no global state of matplotlib knows."""
    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=19, pad=14)
    axes.set_xlabel(x_title)
    axes.set_ylabel(y_title)
    yield figure, axes


def _draw_line(axes: Axes, line: Line, **look: Any) -> None:
    marker = "o" if len(line.curve) == 1 else None
    axes.plot(range(len(line.curve)), line.curve, marker=marker, **look)


def _draw_marks(axes: Axes, view: Curves, texts: Texts) -> None:
    """Mark the ends of the sessions on their lines."""
    for ending, marker in END_MARKERS.items():
        marks = [mark for mark in view.marks if mark.ending == ending]
        if marks:
            x, y = [mark.epoch for mark in marks], [mark.value for mark in marks]
            name = f"{texts.session_end} ({texts.endings[ending]})"
            axes.plot(x, y, marker, label=name, **SESSION_END)


def _draw_ticks(axes: Axes, place: int, ticks: list[tuple[float, str]]) -> None:
    """Write the labels of an axis of parallel coordinates beside it."""
    look: dict[str, Any] = {"fontsize": 11, "va": "center", "color": DARK_GREY}
    for height, label in ticks:
        axes.annotate(label, (place, height), (5, 0), textcoords="offset points", **look)


def _heights(axis: Axis) -> list[float]:
    """Return the position of each trial between the ends of the axis, which are 0 and 1."""
    low, high = axis.range
    return [
        BELOW_AXIS if position is None else (position - low) / (high - low)
        for position in axis.positions
    ]


def _ticks(axis: Axis, texts: Texts) -> list[tuple[float, str]]:
    low, high = axis.range
    ticks = [((position - low) / (high - low), label) for position, label in axis.ticks]
    return [*ticks, (BELOW_AXIS, texts.none)] if None in axis.positions else ticks
