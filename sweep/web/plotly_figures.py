"""The figures of the report by plotly, for a page and for a cell of a notebook."""

import html
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.experience.record import State
from sweep.experience.session_spans import SessionSpan
from sweep.web.axes import Axis, ParameterView
from sweep.web.pareto import FrontView
from sweep.web.plotly_curves import curves as curves
from sweep.web.plotly_curves import fits as fits
from sweep.web.plotly_style import (
    BLUE,
    GREY,
    ORANGE,
    SCALE,
    TEAL,
    new_figure,
    session_end_marker,
    style,
    whole_epochs,
)
from sweep.web.texts import Texts
from sweep.wording import label, number

COLUMNS = 3
COLOURS = {State.FINISHED: BLUE, State.PAUSED: TEAL, State.PRUNED: GREY}
SECOND_MS, MINUTE_MS, DAY_MS = 1000, 60_000, 86_400_000


def history(view: ParameterView, texts: Texts) -> go.Figure:
    """Return the value of each trial and the best so far."""
    figure = new_figure(texts.trial, label(view.objective.name))
    for state, colour in COLOURS.items():
        chosen = [index for index, each in enumerate(view.states) if each == state]
        if chosen:
            figure.add_scatter(
                x=[view.numbers[index] for index in chosen],
                y=[view.values[index] for index in chosen],
                mode="markers",
                name=texts.states[state].many,
                marker={"color": colour, "size": 8},
                hovertemplate=f"{texts.trial} %{{x}}{texts.colon}%{{y:.4g}}<extra></extra>",
            )
    step = {"color": ORANGE, "width": 2.5, "shape": "hv"}
    numbers, best = view.best_so_far()
    figure.add_scatter(x=numbers, y=best, mode="lines", name=texts.best_so_far, line=step)
    last = max(view.numbers)
    return figure.update_xaxes(**whole_epochs([last]), range=[-0.5, last + 0.5])


def front(view: FrontView, texts: Texts) -> go.Figure:
    """Return the trials by two objectives, those on the Pareto front in another colour."""
    figure = new_figure(*map(label, view.names))
    for is_on_front, name, colour in (
        (False, texts.not_on_the_front, GREY),
        (True, texts.on_the_front, ORANGE),
    ):
        chosen = [index for index, is_on in enumerate(view.on_front) if is_on == is_on_front]
        figure.add_scatter(
            x=[view.points[index][0] for index in chosen],
            y=[view.points[index][1] for index in chosen],
            mode="markers",
            name=name,
            marker={"size": 9, "color": colour},
            text=[f"{texts.trial} {view.numbers[index]}" for index in chosen],
            hovertemplate=f"%{{text}}{texts.colon}%{{x:.4g}}, %{{y:.4g}}<extra></extra>",
        )
    return figure


def importances(shares: dict[str, float], texts: Texts) -> go.Figure:
    """Return one bar per parameter, the most important one on top."""
    figure = new_figure(texts.importance, "")
    upwards = list(reversed(shares.items()))
    figure.add_bar(
        x=[share for _, share in upwards],
        y=[label(name) for name, _ in upwards],
        orientation="h",
        marker_color=BLUE,
        text=[texts.decimal(f"{share:.2f}") for _, share in upwards],
        textposition="outside",
        hoverinfo="skip",
    )
    room = 1.25 * max(shares.values())  # for the number beside the longest bar
    figure.update_layout(showlegend=False).update_yaxes(type="category")
    return figure.update_xaxes(range=[0, room])


def parallel(view: ParameterView, texts: Texts) -> go.Figure:
    """Return parallel coordinates: one axis for the value, and one per parameter."""
    low, high = min(view.values), max(view.values)
    value_axis = {
        "label": label(view.objective.name),
        "values": view.values,
        "range": [low, high if high > low else low + 1],
        "tickformat": ".4~g",
    }
    worst, best = sorted((low, high), key=view.objective.rank, reverse=True)
    colours = {
        "title": {"text": label(view.objective.name), "side": "right"},
        "tickvals": [0, 1],
        "ticktext": [texts.decimal(number(worst)), texts.decimal(number(best))],
        "thickness": 10,
        "outlinewidth": 0,
    }
    figure = new_figure("", "")
    figure.add_trace(
        go.Parcoords(
            dimensions=[value_axis, *(_dimension(axis, texts) for axis in view.axes)],
            line={
                "color": view.worth(),
                "colorscale": SCALE,
                "cmin": 0,
                "cmax": 1,
                "showscale": True,
                "colorbar": colours,
            },
            labelangle=-20,
            unselected={"line": {"color": GREY, "opacity": 0.15}},
        )
    )
    figure.update_layout(margin={"l": 60, "r": 20, "t": 80, "b": 40})
    return figure


def slices(view: ParameterView, texts: Texts) -> go.Figure:
    """Return one plot per parameter: the value of the trials over the parameter."""
    rows = -(-len(view.axes) // COLUMNS)
    columns = min(COLUMNS, len(view.axes))
    figure = make_subplots(
        rows, columns, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.32 / rows
    )
    for index, axis in enumerate(view.axes):
        _add_slice(figure, view, axis, texts, row=index // COLUMNS + 1, col=index % COLUMNS + 1)
    for row in range(1, rows + 1):
        figure.update_yaxes(title_text=label(view.objective.name), row=row, col=1)
    return style(figure).update_layout(showlegend=False, height=60 + 260 * rows)


def timeline(spans: list[SessionSpan], texts: Texts) -> go.Figure:
    """Return one bar per session, over the time."""
    figure = new_figure(texts.time, texts.trial)
    for ending, colour in (
        ("outcome", BLUE),
        ("running", ORANGE),
        ("paused", TEAL),
        ("stopped", GREY),
        ("cut", GREY),
    ):
        chosen = [span for span in spans if span.ending == ending]
        if chosen:
            _add_bars(figure, chosen, ending, colour, texts)
        if chosen and ending in ("cut", "stopped"):
            figure.add_scatter(
                x=[span.ended for span in chosen],
                y=[span.trial for span in chosen],
                mode="markers",
                marker=session_end_marker([ending] * len(chosen), size=10, width=2),
                legendgroup=ending,
                showlegend=False,
                hoverinfo="skip",
            )
    last = max((span.trial for span in spans), default=0)
    figure.update_xaxes(tickformatstops=_date_formats(texts))
    return figure.update_yaxes(range=[last + 0.7, -0.7], **whole_epochs([last])).update_layout(
        height=min(900, 220 + 16 * last)
    )


def _date_formats(texts: Texts) -> list[dict[str, Any]]:
    """Return how the times below an axis are written, from seconds to days between two of them."""
    return [
        {"dtickrange": [None, SECOND_MS], "value": f"%H:%M:%S.%L\n{texts.date_format}"},
        {"dtickrange": [SECOND_MS, MINUTE_MS], "value": f"%H:%M:%S\n{texts.date_format}"},
        {"dtickrange": [MINUTE_MS, DAY_MS], "value": f"%H:%M\n{texts.date_format}"},
        {"dtickrange": [DAY_MS, None], "value": texts.date_format},
    ]


def _add_slice(
    figure: go.Figure, view: ParameterView, axis: Axis, texts: Texts, **place: int
) -> None:
    """Add the plot of one parameter at its ``row`` and ``col``."""
    chosen = [index for index, position in enumerate(axis.positions) if position is not None]
    figure.add_scatter(
        x=[axis.positions[index] for index in chosen],
        y=[view.values[index] for index in chosen],
        mode="markers",
        marker={"color": BLUE, "opacity": 0.7, "size": 8},
        text=[f"{texts.trial} {view.numbers[index]}" for index in chosen],
        hovertemplate=f"%{{text}}{texts.colon}%{{y:.4f}}<extra></extra>",
        **place,
    )
    figure.update_xaxes(
        title_text=label(axis.name),
        tickvals=[position for position, _ in axis.ticks],
        ticktext=[label(text) for _, text in axis.ticks],
        range=axis.range,
        **place,
    )


def _add_bars(
    figure: go.Figure, spans: list[SessionSpan], ending: str, colour: str, texts: Texts
) -> None:
    """Add the sessions that ended in one way as one trace; None separates the bars."""
    figure.add_scatter(
        x=[time for span in spans for time in (span.begun, span.ended, None)],
        y=[trial for span in spans for trial in (span.trial, span.trial, None)],
        mode="lines",
        line={"color": colour, "width": 6},
        name=texts.endings[ending],
        legendgroup=ending,
        text=[
            f"{texts.trial} {span.trial}{texts.colon}"
            f"{texts.epoch} {span.from_epoch:.1f} – {span.to_epoch:.1f}, {texts.endings[ending]}"
            for span in spans
            for _ in range(3)
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _dimension(axis: Axis, texts: Texts) -> dict[str, Any]:
    """Return one axis; trials without the parameter lie below all others, at their own tick."""
    low, high = axis.range
    ticks = list(axis.ticks)
    if None in axis.positions:
        low -= (high - low) * 0.12
        ticks = [(low, texts.none), *ticks]
    return {
        "label": label(axis.name),
        "values": [low if position is None else position for position in axis.positions],
        "range": [low, high],
        "tickvals": [position for position, _ in ticks],
        "ticktext": [html.unescape(label(text)) for _, text in ticks],  # plotly takes it as it is
    }
