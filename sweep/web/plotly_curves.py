"""The learning curves of the report by plotly, for a page and for a cell of a notebook."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.web.curves import Curves, Line
from sweep.web.fits import Fit
from sweep.web.plotly_style import (
    BLUE,
    GREY,
    ORANGE,
    new_figure,
    session_end_marker,
    style,
    whole_epochs,
)
from sweep.web.texts import Texts
from sweep.wording import label


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
    return figure.update_xaxes(**whole_epochs(len(line.curve) for line in view.lines))


def fits(view: list[list[Fit]], texts: Texts) -> go.Figure:
    """Return small multiples: a row per metric, and a column per trial."""
    columns = max(map(len, view))
    figure = make_subplots(
        len(view),
        columns,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.08,
        column_titles=[f"{texts.trial} {cell.trial}" for cell in max(view, key=len)],
    )
    for row, cells in enumerate(view, 1):
        for column, cell in enumerate(cells, 1):
            for name, curve, colour in (
                (texts.in_training, cell.training, BLUE),
                (texts.in_validation, cell.validation, ORANGE),
            ):
                figure.add_scatter(
                    y=curve,
                    name=name,
                    legendgroup=name,
                    showlegend=row == column == 1,
                    mode="lines" if len(curve) > 1 else "markers",
                    line={"color": colour, "width": 2},
                    hovertemplate=f"{texts.epoch} %{{x}}{texts.colon}%{{y:.4g}}<extra></extra>",
                    row=row,
                    col=column,
                )
        figure.update_yaxes(title_text=label(cells[0].metric), row=row, col=1)
    style(figure).update_layout(height=120 + 190 * len(view), margin_t=70, legend_y=1.1)
    figure.update_xaxes(**whole_epochs(len(cell.training) for cells in view for cell in cells))
    return figure.update_xaxes(title_text=texts.epoch, row=len(view))


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
