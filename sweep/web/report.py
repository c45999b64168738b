"""The folder ``rapport/``: a page, pictures and tables of a sweep, which need no server and no network."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import pandas as pd
from plotly.offline import get_plotlyjs

from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience.root import RAPPORT
from sweep.experience.snapshot import Snapshot
from sweep.search.importances import importances_of
from sweep.system.files import write_whole
from sweep.system.host import now
from sweep.system.plain_files import NotPlain, make_folder, remove
from sweep.version import __version__
from sweep.web import matplotlib_figures, plotly_figures, tables
from sweep.web.axes import front_view_of, parameter_view_of
from sweep.web.curves import curves_of
from sweep.web.texts import Texts, texts_in
from sweep.wording import duration, number

PAGE = "index.html"
SCRIPT = "plotly.min.js"
TABLES = ("essais.csv", "epochs.csv")
NOT_SHOWN = ("epochs_trained", "begun", "ended")  # in the table of the page; they are in its CSV


@dataclass(frozen=True)
class Section:
    """One figure of the page: the name of its files, a title, a sentence, and how ``figures`` or ``pictures`` draws it.

    Where ``there_is`` too little to draw, it is a sentence that says so.
    """

    name: str
    title: str
    sentence: str
    draw: Callable[[ModuleType], Any]
    there_is: bool = True

    @property
    def png(self) -> str:
        return f"{self.name}.png"


def write_report(space: str, sight: Snapshot, language: str | None, progress: Progress) -> Path:
    """Write ``rapport/`` into the root, each file whole, and return the path of its page.

    Args:
        space: the search space's name.
        sight: of the sweep.
        language: en, fr, or None for that of the locale.
        progress: shows how far it is.

    Raises:
        SweepError: no epoch is trained yet.
        OSError: the disk is full or gone.
    """
    if not any(one.curve for one in sight.trainings):
        raise SweepError(
            f"{sight.root} has no trained epoch yet, so there is nothing to draw: see sweep status {space}."
        )
    said, folder = texts_in(language), sight.root / RAPPORT
    try:
        make_folder(folder)
    except NotPlain as error:
        raise SweepError(f"{error}, and nothing is written through it: move it away.") from error
    essais, sections = tables.trial_table(sight), list(sections_of(sight, said))
    with progress.count(f"writing {folder}", len(sections) + 4) as done:
        for section in sections:
            path = folder / section.png
            if section.there_is:
                write_whole(
                    path,
                    matplotlib_figures.png(partial(section.draw, matplotlib_figures)),
                    sync=False,
                )
            else:
                remove(path)  # of an earlier report, whose trials are gone
            done()
        for name, table in zip(TABLES, (essais, tables.epoch_table(sight)), strict=True):
            # The mark at the beginning tells Excel that this is UTF-8.
            write_whole(
                folder / name,
                tables.harmless(table).to_csv(index=False).encode("utf-8-sig"),
                sync=False,
            )
            done()
        write_whole(folder / SCRIPT, get_plotlyjs().encode(), sync=False)
        done()
        write_whole(folder / PAGE, _page(space, sight, essais, sections, said).encode(), sync=False)
        done()
    return folder / PAGE


def sections_of(sight: Snapshot, said: Texts) -> Iterator[Section]:
    """Yield the figures of the page, in their order."""
    curves, plane, found = curves_of(sight), parameter_view_of(sight), importances_of(sight)
    rows, shown, metric = tables.sessions(sight), len(curves.lines), sight.aims[0].name
    history, slices = said.history_say.format(metric=metric), said.slices_say.format(metric=metric)
    importances = said.importances_say.format(metric=metric)
    sentence = said.curves_say
    if shown < curves.of:
        sentence += " " + said.only_the_best.format(shown=shown, all=curves.of)
    yield Section("courbes", said.curves, sentence, lambda module: module.curves(curves, said))
    if len(sight.aims) > 1:
        compared, other = front_view_of(sight), sight.aims[1].name
        front_say = said.front_say.format(metric=metric, other=other)
        yield Section(
            "front",
            said.front,
            front_say,
            lambda module: module.front(compared, said),
            bool(compared.points),
        )
    yield Section(
        "historique",
        said.history,
        history,
        lambda module: module.history(plane, said),
        bool(plane.values),
    )
    yield Section(
        "importances",
        said.importances,
        importances,
        lambda module: module.importances(found, said),
        bool(found),
    )
    yield Section(
        "coordonnees",
        said.parallel,
        said.parallel_say,
        lambda module: module.parallel(plane, said),
        bool(plane.axes),
    )
    yield Section(
        "tranches", said.slices, slices, lambda module: module.slices(plane, said), bool(plane.axes)
    )
    yield Section(
        "chronologie",
        said.timeline,
        said.timeline_say,
        lambda module: module.timeline(rows, said),
        bool(rows),
    )


def _page(
    space: str, sight: Snapshot, essais: pd.DataFrame, sections: list[Section], said: Texts
) -> str:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        (files("sweep.web") / "page.html").read_text(encoding="utf-8")
    )
    best = sight.best()
    drawn = {
        section.name: json.loads(section.draw(plotly_figures).to_json())
        for section in sections
        if section.there_is
    }
    columns = [name for name in essais.columns if name not in NOT_SHOWN]
    return template.render(
        said=said,
        space=space,
        best=best,
        model=f"../{best.best.experience.id}/{best.best.experience.meilleur.name}" if best else "",
        aims=[aim.name for aim in sight.aims],
        order="descending" if sight.aims[0].mode == "max" else "ascending",
        short=number,
        counts={said.states[state]: count for state, count in sight.counts().items() if count},
        work=sight.work(),
        duration=duration,
        sections=sections,
        drawn=drawn,
        columns=columns,
        essais=essais.astype(object).where(essais.notna(), None)[columns].to_dict("records"),
        made=said.made.format(
            when=now()[:16].replace("T", " "), version=__version__, root=sight.root
        ),
        script=SCRIPT,
        tables=TABLES,
    )
