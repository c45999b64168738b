"""The figures of the report by plotly, for a page and for a cell of a notebook."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.experience.record import State
from sweep.web.axes import Axis, ParameterView
from sweep.web.curves import Curves, Line
from sweep.web.pareto import FrontView
from sweep.web.plotly_style import BLUE, GREY, ORANGE, SCALE, new_figure, session_end_marker, style
from sweep.web.sessions import SessionSpan
from sweep.web.texts import Texts
from sweep.wording import label

COLUMNS = 3


def curves(view: Curves, texts: Texts) -> go.Figure:
    """Return the learning curves: the monitored metric over the epoch, from 0."""
    figure = new_figure(texts.epoch, label(view.metric)).update_layout(height=520)
    epochs = list(range(len(view.median)))
    has_several = len(view.lines) > 1
    if has_several:
        edge = {"x": epochs, "mode": "lines", "line_width": 0, "hoverinfo": "skip"}
        band = {"fill": "tonexty", "fillcolor": "rgba(57,135,229,0.16)", "name": texts.band}
        figure.add_scatter(y=view.high, showlegend=False, **edge)
        figure.add_scatter(y=view.low, **edge, **band)
    grey = [line for line in view.lines if line.is_grey]
    blue = [line for line in view.lines if not line.is_grey]
    _add_lines(figure, grey, texts.not_finished, GREY, texts)
    _add_lines(figure, blue, texts.finished_or_running, BLUE, texts)
    if has_several:
        dotted = {"color": BLUE, "width": 3, "dash": "dot"}
        figure.add_scatter(x=epochs, y=view.median, name=texts.median, line=dotted)
    if view.best:
        _add_lines(figure, [view.best], texts.best, ORANGE, texts, width=3, opacity=1)
    if view.marks:
        _add_marks(figure, view, texts)
    return figure


def history(view: ParameterView, texts: Texts) -> go.Figure:
    """Return the value of each trial and the best so far."""
    figure = new_figure(texts.trial, label(view.objective.name))
    colours = [GREY if state == State.PRUNED else BLUE for state in view.states]
    figure.add_scatter(
        x=view.numbers,
        y=view.values,
        mode="markers",
        name=label(view.objective.name),
        marker={"color": colours, "size": 8},
        text=[f"{texts.experience} {texts.states[state].one}" for state in view.states],
        hovertemplate=f"{texts.trial} %{{x}}{texts.colon}%{{y:.4f}}, %{{text}}<extra></extra>",
    )
    step = {"color": ORANGE, "width": 2.5, "shape": "hv"}
    figure.add_scatter(
        x=view.numbers, y=view.best_so_far(), mode="lines", name=texts.best_so_far, line=step
    )
    return figure


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
        text=[f"{share:.2f}" for _, share in upwards],
        textposition="auto",
        hoverinfo="skip",
    )
    figure.update_layout(showlegend=False).update_yaxes(type="category")
    return figure


def parallel(view: ParameterView, texts: Texts) -> go.Figure:
    """Return parallel coordinates: one axis for the value, and one per parameter."""
    low, high = min(view.values), max(view.values)
    value_axis = {
        "label": label(view.objective.name),
        "values": view.values,
        "range": [low, high if high > low else low + 1],
    }
    figure = new_figure("", "")
    figure.add_trace(
        go.Parcoords(
            dimensions=[value_axis, *(_dimension(axis, texts) for axis in view.axes)],
            line={"color": view.worth(), "colorscale": SCALE, "cmin": 0, "cmax": 1},
            labelangle=-20,
            unselected={"line": {"color": GREY, "opacity": 0.15}},
        )
    )
    figure.update_layout(margin={"l": 60, "r": 60, "t": 80, "b": 40})
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
    return figure.update_yaxes(range=[last + 0.7, -0.7], tickformat="d").update_layout(
        height=min(900, 220 + 16 * last)
    )


def _add_lines(
    figure: go.Figure,
    lines: list[Line],
    name: str,
    colour: str,
    texts: Texts,
    width: float = 1.2,
    opacity: float = 0.55,
) -> None:
    """Add lines as one trace, which the browser draws at once however many they are."""
    if not lines:
        return
    x, y, hover = [], [], []
    for line in lines:
        x += [*range(len(line.curve)), None]
        y += [*line.curve, None]
        hover += [f"{texts.trial} {line.trial} {line.id_experience}"] * (len(line.curve) + 1)
    has_single_points = any(len(line.curve) == 1 for line in lines)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers" if has_single_points else "lines",
        marker_size=4,
        name=name,
        line={"color": colour, "width": width},
        opacity=opacity,
        text=hover,
        hovertemplate=f"%{{text}}<br>{texts.epoch} %{{x}}{texts.colon}%{{y:.4f}}<extra></extra>",
    )


def _add_marks(figure: go.Figure, view: Curves, texts: Texts) -> None:
    """Mark the ends of the sessions on their lines."""
    figure.add_scatter(
        x=[mark.epoch for mark in view.marks],
        y=[mark.value for mark in view.marks],
        mode="markers",
        name=texts.session_end,
        marker=session_end_marker([mark.ending for mark in view.marks], size=9, width=1.5),
        text=[
            f"{texts.trial} {mark.trial}{texts.colon}{texts.endings[mark.ending]}"
            for mark in view.marks
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _add_slice(
    figure: go.Figure, view: ParameterView, axis: Axis, texts: Texts, **place: int
) -> None:
    """Add the plot of one parameter at its ``row`` and ``col``."""
    chosen = [index for index, position in enumerate(axis.positions) if position is not None]
    colours = [view.numbers[index] for index in chosen]
    figure.add_scatter(
        x=[axis.positions[index] for index in chosen],
        y=[view.values[index] for index in chosen],
        mode="markers",
        marker={"color": colours, "colorscale": [[0, GREY], [1, BLUE]], "size": 8},
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
        "ticktext": [label(text) for _, text in ticks],
    }
