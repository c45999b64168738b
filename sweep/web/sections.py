"""The sections of the report: each figure with its title and its caption, in their order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from sweep.experience.session_spans import session_spans_of
from sweep.experience.snapshot import Snapshot
from sweep.search.importances import importances_of
from sweep.web.axes import parameter_view_of
from sweep.web.curves import Curves, curves_of, other_curves_of
from sweep.web.epoch_logs import EpochLogs, metrics_in
from sweep.web.fits import fits_of
from sweep.web.pareto import front_view_of
from sweep.web.texts import Texts


@dataclass(frozen=True)
class Section:
    """One figure of the page.

    ``name`` is that of its files. ``draw`` takes the module ``plotly_figures`` or
    ``matplotlib_figures`` and returns its figure. Without ``has_data`` there is too little to draw,
    and the sentence ``why_empty`` says so in its place. ``others`` are figures that a reader may
    choose instead, by their names; the first name is that of the figure itself.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[ModuleType], Any]
    has_data: bool = True
    why_empty: str = ""
    others: dict[str, Callable[[ModuleType], Any]] = field(default_factory=dict)

    @property
    def png(self) -> str:
        return f"{self.name}.png"


def sections_of(snapshot: Snapshot, logs: EpochLogs, texts: Texts) -> Iterator[Section]:
    """Yield the sections of the page, in their order."""
    yield _curves_section(snapshot, logs, texts)
    fits = fits_of(snapshot, logs)
    yield Section(
        "surapprentissage",
        texts.fits,
        texts.fits_caption,
        lambda figures: figures.fits(fits, texts),
        bool(fits),
    )
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


def _curves_section(snapshot: Snapshot, logs: EpochLogs, texts: Texts) -> Section:
    view = curves_of(snapshot)
    caption = texts.curves_caption
    if len(view.lines) < view.count:
        shown = texts.best_curves_only.format(shown=len(view.lines), all=view.count)
        caption = f"{caption} {shown}"

    def drawing(view: Curves) -> Callable[[ModuleType], Any]:
        return lambda figures: figures.curves(view, texts)

    names = [view.metric, *(name for name in metrics_in(logs) if name != view.metric)]
    others = {
        name: drawing(other_curves_of(snapshot, logs, name) if name != view.metric else view)
        for name in names
    }
    return Section("courbes", texts.curves, caption, drawing(view), others=others)


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
    view, shares = parameter_view_of(snapshot, texts.decimal), importances_of(snapshot)
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
        texts.too_few,
    )
    yield Section(
        "coordonnees",
        texts.parallel,
        texts.parallel_caption.format(metric=metric),
        lambda figures: figures.parallel(view, texts),
        bool(view.axes),
        texts.none_differ,
    )
    yield Section(
        "tranches",
        texts.slices,
        texts.slices_caption.format(metric=metric),
        lambda figures: figures.slices(view, texts),
        bool(view.axes),
        texts.none_differ,
    )
