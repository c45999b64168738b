"""The page of the report, from the files in ``template/``."""

import json
import math
from dataclasses import dataclass
from typing import Any

import jinja2
import pandas as pd

from sweep.experience.snapshot import Snapshot
from sweep.system.host import now
from sweep.version import __version__
from sweep.web import plotly_figures
from sweep.web.epoch_logs import EpochLogs
from sweep.web.page_table import PageTable, written
from sweep.web.sections import Section
from sweep.web.texts import Texts
from sweep.wording import duration, number

SCRIPT = "plotly.min.js"
TABLES = ("essais.csv", "epochs.csv")
TEMPLATES = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    loader=jinja2.PackageLoader("sweep.web", "template"),
)


@dataclass(frozen=True)
class Content:
    """What a page shows: the sweep of a search space, as tables, figures and logs."""

    space: str
    snapshot: Snapshot
    trials: pd.DataFrame
    sections: list[Section]
    logs: EpochLogs
    texts: Texts

    @property
    def objectives(self) -> list[str]:
        return [objective.name for objective in self.snapshot.objectives]


def render_page(
    content: Content,
    pictures: dict[str, str],
    above: str = "../",
    plotly: str = "",
    stamp: str = "",
) -> str:
    """Return the page as HTML; names and values from the folders are escaped.

    Args:
        content: of the page.
        pictures: the address of the picture of each section, by its name.
        above: the address of the folder with the experiences; "" where the page leaves them.
        plotly: the source of plotly, for a page that is one file; otherwise ``SCRIPT`` is beside
            the page.
        stamp: of the snapshot, for a page that asks its server whether there is another.
    """
    texts, best = content.texts, content.snapshot.best()
    return TEMPLATES.get_template("index.html").render(
        texts=texts,
        space=content.space,
        summary=_summary(content.snapshot, texts),
        best=best,
        above=above,
        model=f"{best.best.experience.id}/{best.best.experience.meilleur.name}" if best else "",
        objectives=content.objectives,
        order="descending" if content.snapshot.objectives[0].mode == "max" else "ascending",
        number=lambda value: texts.decimal(number(value)),
        written=lambda value: written(value, texts),
        table=PageTable.of(content.trials, content.objectives, texts),
        sections=content.sections,
        pictures=pictures,
        figures=_figures_of(content.sections),
        made=texts.made.format(when=texts.date(now()), version=__version__),
        plotly=plotly,
        script=SCRIPT,
        tables=TABLES,
        logs=_short(content.logs),
        page_texts=_texts_of_script(texts) | {"stamp": stamp},
    )


def _texts_of_script(texts: Texts) -> dict[str, str]:
    return {"trial": texts.trial, "training": texts.in_training, "separators": texts.separators}


def _summary(snapshot: Snapshot, texts: Texts) -> str:
    """Return the states of the trials, the sessions with their cuts, and the time trained."""
    work = snapshot.work()
    states = [
        texts.count(count, texts.states[state])
        for state, count in snapshot.counts().items()
        if count
    ]
    sessions = texts.count(work.sessions, texts.session)
    cuts = texts.count(work.cuts, texts.cut)
    return f"{', '.join(states)} · {sessions}, {cuts} · {duration(work.trained_s)}"


def _figures_of(sections: list[Section]) -> dict[str, Any]:
    """Return each figure as JSON, and those that may be chosen in its place, by their numbers."""
    figures = {}
    for section in sections:
        if section.has_data:
            figures[section.name] = json.loads(section.draw(plotly_figures).to_json())
            for place, draw in enumerate(section.others.values()):
                figures[f"{section.name}-{place}"] = json.loads(draw(plotly_figures).to_json())
    return figures


def _short(logs: EpochLogs) -> dict[str, dict[str, list[float | None]]]:
    """Return the logs with numbers of seven digits, as a float32 has, and None for NaN."""
    return {
        name: {
            metric: [float(f"{value:.7g}") if math.isfinite(value) else None for value in values]
            for metric, values in log.items()
        }
        for name, log in logs.items()
    }
