"""The figures of the report, by plotly: for a page, and for a cell of a notebook."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.experience.record import State
from sweep.web.axes import Axis, FrontView, ParameterView
from sweep.web.curves import Curves, Line
from sweep.web.texts import Texts
from sweep.wording import label

# Colours that are told apart on white and on black, and by who sees no red or no green.
BLUE, ORANGE, GREY, GRID = "#3987e5", "#e8a13a", "#8a8f98", "rgba(128,128,128,0.22)"
SCALE = [[0, "rgba(138,143,152,0.35)"], [0.5, "#3987e5"], [1, "#e8a13a"]]
COLUMNS = 3


def curves(found: Curves, words: Texts) -> go.Figure:
    """Return the learning curves: what is monitored over the epoch, from 0."""
    figure, x = (
        _figure(words.epoch, label(found.metric)).update_layout(height=520),
        list(range(len(found.median))),
    )
    if len(found.lines) > 1:
        figure.add_scatter(
            x=x, y=found.high, mode="lines", line_width=0, hoverinfo="skip", showlegend=False
        )
        band = {"fill": "tonexty", "fillcolor": "rgba(57,135,229,0.16)", "name": words.band}
        figure.add_scatter(x=x, y=found.low, mode="lines", line_width=0, hoverinfo="skip", **band)
    for is_grey, name, colour in ((True, words.grey, GREY), (False, words.each, BLUE)):
        _add_lines(
            figure, [line for line in found.lines if line.is_grey == is_grey], name, colour, words
        )
    if len(found.lines) > 1:
        figure.add_scatter(
            x=x, y=found.median, name=words.median, line={"color": BLUE, "width": 3, "dash": "dot"}
        )
    if found.best:
        _add_lines(figure, [found.best], words.best, ORANGE, words, width=3, opacity=1)
    if found.marks:
        trials, at, value, how = zip(*found.marks, strict=True)
        figure.add_scatter(
            x=at,
            y=value,
            mode="markers",
            name=words.cut,
            marker={
                "symbol": _symbols(how),
                "size": 9,
                "color": GREY,
                "line": {"width": 1.5, "color": GREY},
            },
            text=[
                f"{words.trial} {trial}{words.colon}{words.ends[end]}"
                for trial, end in zip(trials, how, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def history(plane: ParameterView, words: Texts) -> go.Figure:
    """Return the value of each trial and the best so far."""
    figure = _figure(words.trial, label(plane.aim.name))
    pruned = [state == State.PRUNED for state in plane.states]
    figure.add_scatter(
        x=plane.numbers,
        y=plane.values,
        mode="markers",
        name=label(plane.aim.name),
        marker={"color": [GREY if one else BLUE for one in pruned], "size": 8},
        text=[words.states[state] for state in plane.states],
        hovertemplate=f"{words.trial} %{{x}}{words.colon}%{{y:.4f}}, %{{text}}<extra></extra>",
    )
    step = {"color": ORANGE, "width": 2.5, "shape": "hv"}
    figure.add_scatter(
        x=plane.numbers, y=plane.best_so_far(), mode="lines", name=words.best_so_far, line=step
    )
    return figure


def front(compared: FrontView, words: Texts) -> go.Figure:
    """Return the trials by two aims; those on the Pareto front stand out."""
    figure = _figure(*map(label, compared.names))
    for is_on_it, name, look in (
        (False, words.others, {"color": GREY}),
        (True, words.on_the_front, {"color": ORANGE}),
    ):
        here = [at for at, on_it in enumerate(compared.on_front) if on_it == is_on_it]
        figure.add_scatter(
            x=[compared.points[at][0] for at in here],
            y=[compared.points[at][1] for at in here],
            mode="markers",
            name=name,
            marker={"size": 9, **look},
            text=[f"{words.trial} {compared.numbers[at]}" for at in here],
            hovertemplate=f"%{{text}}{words.colon}%{{x:.4g}}, %{{y:.4g}}<extra></extra>",
        )
    return figure


def importances(found: dict[str, float], words: Texts) -> go.Figure:
    """Return a bar a parameter, the most important one on top."""
    names, shares = [label(name) for name in reversed(found)], list(reversed(found.values()))
    figure = _figure(words.importance, "")
    text = [f"{share:.2f}" for share in shares]
    figure.add_bar(
        x=shares,
        y=names,
        orientation="h",
        marker_color=BLUE,
        text=text,
        textposition="auto",
        hoverinfo="skip",
    )
    figure.update_layout(showlegend=False).update_yaxes(type="category")
    return figure


def parallel(plane: ParameterView, words: Texts) -> go.Figure:
    """Return parallel coordinates: an axis a parameter, and one for the value."""
    dimensions = [_dimension(axis, words) for axis in plane.axes]
    low, high = min(plane.values), max(plane.values)
    value = {
        "label": label(plane.aim.name),
        "values": plane.values,
        "range": [low, high if high > low else low + 1],
    }
    figure = _figure("", "")
    figure.add_trace(
        go.Parcoords(
            dimensions=[value, *dimensions],
            line={"color": plane.worth(), "colorscale": SCALE, "cmin": 0, "cmax": 1},
            labelangle=-20,
            unselected={"line": {"color": GREY, "opacity": 0.15}},
        )
    )
    figure.update_layout(margin={"l": 60, "r": 60, "t": 80, "b": 40})
    return figure


def slices(plane: ParameterView, words: Texts) -> go.Figure:
    """Return for each parameter the value of the trials over it."""
    rows = -(-len(plane.axes) // COLUMNS)
    columns = min(COLUMNS, len(plane.axes))
    figure = make_subplots(
        rows, columns, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.32 / rows
    )
    for number, axis in enumerate(plane.axes):
        row, column = number // COLUMNS + 1, number % COLUMNS + 1
        there = [at for at, position in enumerate(axis.positions) if position is not None]
        figure.add_scatter(
            x=[axis.positions[at] for at in there],
            y=[plane.values[at] for at in there],
            mode="markers",
            marker={
                "color": [plane.numbers[at] for at in there],
                "colorscale": [[0, GREY], [1, BLUE]],
                "size": 8,
            },
            text=[f"{words.trial} {plane.numbers[at]}" for at in there],
            hovertemplate=f"%{{text}}{words.colon}%{{y:.4f}}<extra></extra>",
            row=row,
            col=column,
        )
        tickvals, ticktext = zip(*((at, label(text)) for at, text in axis.ticks), strict=True)
        figure.update_xaxes(
            title_text=label(axis.name),
            tickvals=tickvals,
            ticktext=ticktext,
            range=axis.range,
            row=row,
            col=column,
        )
    for row in range(1, rows + 1):
        figure.update_yaxes(title_text=label(plane.aim.name), row=row, col=1)
    return _dressed(figure).update_layout(showlegend=False, height=60 + 260 * rows)


def timeline(rows: list[dict[str, Any]], words: Texts) -> go.Figure:
    """Return a bar a session, over the time; ``rows`` are those of ``sweep.web.tables.sessions``."""
    figure = _figure(words.time, words.trial)
    for how, colour in (("outcome", BLUE), ("running", ORANGE), ("stopped", GREY), ("cut", GREY)):
        here = [row for row in rows if row["how"] == how]
        x = [at for row in here for at in (row["begun"], row["ended"], None)]
        y = [at for row in here for at in (row["trial"], row["trial"], None)]
        said = [
            f"{words.trial} {row['trial']}{words.colon}"
            f"{words.epoch} {row['from_epoch']:.1f} – {row['to_epoch']:.1f}, {words.ends[how]}"
            for row in here
            for _ in range(3)
        ]
        hover = {"text": said, "hovertemplate": "%{text}<extra></extra>"}
        if here:
            line = {"color": colour, "width": 6}
            figure.add_scatter(
                x=x, y=y, mode="lines", line=line, name=words.ends[how], legendgroup=how, **hover
            )
        if here and how in ("cut", "stopped"):
            ends, trials = [row["ended"] for row in here], [row["trial"] for row in here]
            marker = {
                "symbol": _symbols([how])[0],
                "size": 10,
                "color": GREY,
                "line": {"width": 2, "color": GREY},
            }
            figure.add_scatter(
                x=ends,
                y=trials,
                mode="markers",
                marker=marker,
                legendgroup=how,
                showlegend=False,
                hoverinfo="skip",
            )
    most = max((row["trial"] for row in rows), default=0)
    return figure.update_yaxes(range=[most + 0.7, -0.7], tickformat="d").update_layout(
        height=min(900, 220 + 16 * most)
    )


def _add_lines(
    figure: go.Figure,
    lines: list[Line],
    name: str,
    colour: str,
    words: Texts,
    width: float = 1.2,
    opacity: float = 0.55,
) -> None:
    """Add lines as one trace, which is drawn at once however many they are."""
    x, y, said = [], [], []
    for line in lines:
        x += [*range(len(line.curve)), None]
        y += [*line.curve, None]
        said += [f"{words.trial} {line.trial} {line.id_experience}"] * (len(line.curve) + 1)
    if lines:
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines+markers" if any(len(line.curve) == 1 for line in lines) else "lines",
            marker_size=4,
            name=name,
            line={"color": colour, "width": width},
            opacity=opacity,
            text=said,
            hovertemplate=f"%{{text}}<br>{words.epoch} %{{x}}{words.colon}%{{y:.4f}}<extra></extra>",
        )


def _dimension(axis: Axis, words: Texts) -> dict[str, Any]:
    """Return one axis; trials without the parameter lie below all others, where it says so."""
    low, high = axis.range
    ticks = list(axis.ticks)
    if None in axis.positions:
        low -= (high - low) * 0.12
        ticks = [(low, words.none), *ticks]
    return {
        "label": label(axis.name),
        "values": [low if position is None else position for position in axis.positions],
        "range": [low, high],
        "tickvals": [at for at, _ in ticks],
        "ticktext": [label(text) for _, text in ticks],
    }


def _symbols(how: Any) -> list[str]:
    return ["x-thin" if end == "cut" else "circle-open" for end in how]


def _figure(x: str, y: str) -> go.Figure:
    figure = _dressed(go.Figure())
    return figure.update_xaxes(title_text=x).update_yaxes(title_text=y)


def _dressed(figure: go.Figure) -> go.Figure:
    """Take away what plotly would colour for white paper: the page is light or dark, and so are its figures."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": GREY, "size": 13},
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        height=420,
        hovermode="closest",
        legend={"orientation": "h", "traceorder": "normal", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    look = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "automargin": True}
    return figure.update_xaxes(**look).update_yaxes(**look)
