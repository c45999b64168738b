"""The sections of the report: each figure with its title and its caption, in their order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sweep.experience.snapshot import Snapshot
from sweep.search.importances import importances_of
from sweep.web.axes import parameter_view_of
from sweep.web.curves import curves_of
from sweep.web.pareto import front_view_of
from sweep.web.sessions import session_spans_of
from sweep.web.texts import Texts


@dataclass(frozen=True)
class Section:
    """One figure of the page.

    ``name`` is that of its files. ``draw`` takes the module ``plotly_figures`` or
    ``matplotlib_figures`` and returns its figure. Without ``has_data`` there is too little to draw,
    and a sentence says so in its place.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[ModuleType], Any]
    has_data: bool = True

    @property
    def png(self) -> str:
        return f"{self.name}.png"


def sections_of(snapshot: Snapshot, texts: Texts) -> Iterator[Section]:
    """Yield the sections of the page, in their order."""
    yield _curves_section(snapshot, texts)
    if len(snapshot.objectives) > 1:
        yield _front_section(snapshot, texts)
    yield from _parameter_sections(snapshot, texts)
    spans = session_spans_of(snapshot)
    yield Section(
        "chronologie",
        texts.timeline,
        texts.timeline_caption,
        lambda figures: figures.timeline(spans, texts),
        bool(spans),
    )


def _curves_section(snapshot: Snapshot, texts: Texts) -> Section:
    view = curves_of(snapshot)
    caption = texts.curves_caption
    if len(view.lines) < view.count:
        shown = texts.best_curves_only.format(shown=len(view.lines), all=view.count)
        caption = f"{caption} {shown}"
    return Section("courbes", texts.curves, caption, lambda figures: figures.curves(view, texts))


def _front_section(snapshot: Snapshot, texts: Texts) -> Section:
    view = front_view_of(snapshot)
    metric, other = view.names
    return Section(
        "front",
        texts.front,
        texts.front_caption.format(metric=metric, other=other),
        lambda figures: figures.front(view, texts),
        bool(view.points),
    )


def _parameter_sections(snapshot: Snapshot, texts: Texts) -> Iterator[Section]:
    view, shares = parameter_view_of(snapshot), importances_of(snapshot)
    metric = snapshot.objectives[0].name
    yield Section(
        "historique",
        texts.history,
        texts.history_caption.format(metric=metric),
        lambda figures: figures.history(view, texts),
        bool(view.values),
    )
    yield Section(
        "importances",
        texts.importances,
        texts.importances_caption.format(metric=metric),
        lambda figures: figures.importances(shares, texts),
        bool(shares),
    )
    yield Section(
        "coordonnees",
        texts.parallel,
        texts.parallel_caption,
        lambda figures: figures.parallel(view, texts),
        bool(view.axes),
    )
    yield Section(
        "tranches",
        texts.slices,
        texts.slices_caption.format(metric=metric),
        lambda figures: figures.slices(view, texts),
        bool(view.axes),
    )
