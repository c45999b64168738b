"""The look of the plotly figures: colours, and a figure that suits a light and a dark page."""

from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

from sweep.web.axes import MOST_TICKS, round_step

# Colours that differ on white, on black, and to a reader who cannot see red or green.
BLUE, ORANGE, TEAL = "#3987e5", "#e8a13a", "#2f9e88"
GREY, GRID = "#8a8f98", "rgba(128,128,128,0.22)"
SCALE = [[0, "rgba(138,143,152,0.35)"], [0.5, "#3987e5"], [1, "#e8a13a"]]


def new_figure(x_title: str, y_title: str) -> go.Figure:
    """Return an empty figure with the titles of its axes."""
    figure = style(go.Figure())
    return figure.update_xaxes(title_text=x_title).update_yaxes(title_text=y_title)


def style(figure: go.Figure) -> go.Figure:
    """Remove what plotly colours for white paper: the page, and so the figure, is light or dark."""
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


def whole_epochs(counts: Iterable[int]) -> dict[str, Any]:
    """Return how an axis of epochs is divided: at whole numbers only."""
    return {"dtick": max(1.0, round_step(max([1, *counts]) / MOST_TICKS)), "tickformat": "d"}


def session_end_marker(endings: Iterable[str], size: int, width: float) -> dict[str, Any]:
    """Return the marker of session ends: a cross for each cut, a circle for each stop."""
    symbols = ["x-thin" if ending == "cut" else "circle-open" for ending in endings]
    return {
        "symbol": symbols,
        "size": size,
        "color": GREY,
        "line": {"width": width, "color": GREY},
    }
