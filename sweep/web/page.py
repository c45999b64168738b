"""The page of the report, from the template ``page.html``."""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from sweep.experience.snapshot import Snapshot
from sweep.system.host import now
from sweep.version import __version__
from sweep.web import plotly_figures
from sweep.web.sections import Section
from sweep.web.texts import Texts
from sweep.wording import duration, number

SCRIPT = "plotly.min.js"
TABLES = ("essais.csv", "epochs.csv")
NOT_SHOWN = ("epochs_trained", "begun", "ended")  # these columns are in the CSV only


def render_page(
    space: str, snapshot: Snapshot, trials: pd.DataFrame, sections: list[Section], texts: Texts
) -> str:
    """Return the page as HTML; names and values from the folders are escaped.

    Args:
        space: the name of the search space.
        snapshot: of the sweep.
        trials: the table of ``sweep.web.tables.trial_table``.
        sections: the figures of the page.
        texts: of its language.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    source = (files("sweep.web") / "page.html").read_text(encoding="utf-8")
    best, first = snapshot.best(), snapshot.objectives[0]
    objectives = [objective.name for objective in snapshot.objectives]
    columns = [name for name in trials.columns if name not in NOT_SHOWN]
    rows = trials.astype(object).where(trials.notna(), None)[columns].to_dict("records")
    written_at = now()[:16].replace("T", " ")
    return environment.from_string(source).render(
        texts=texts,
        space=space,
        summary=_summary(snapshot, texts),
        best=best,
        model=f"../{best.best.experience.id}/{best.best.experience.meilleur.name}" if best else "",
        objectives=objectives,
        order="descending" if first.mode == "max" else "ascending",
        number=lambda value: texts.decimal(number(value)),
        cell=_cell_writer(objectives, texts),
        sections=sections,
        figures={section.name: _figure_json(section) for section in sections if section.has_data},
        columns=columns,
        rows=rows,
        made=texts.made.format(when=written_at, version=__version__, root=snapshot.root),
        script=SCRIPT,
        tables=TABLES,
    )


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


def _figure_json(section: Section) -> Any:
    return json.loads(section.draw(plotly_figures).to_json())


def _cell_writer(objectives: list[str], texts: Texts) -> Callable[[str, float], str]:
    """Return the function that writes a number of a column for the table."""

    def write(column: str, value: float) -> str:
        if column in objectives:
            text = number(value)
        elif column == "trained_s":
            text = f"{value:.1f}"
        else:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
        return texts.decimal(text)

    return write
