"""The folder ``rapport/``: a page, pictures and tables, which need no server and no network."""

from functools import partial
from pathlib import Path

from plotly.offline import get_plotlyjs

from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience.root import RAPPORT
from sweep.experience.snapshot import Snapshot
from sweep.system.files import write_whole
from sweep.system.plain_files import NotPlain, make_folder, remove
from sweep.web import matplotlib_figures, tables
from sweep.web.page import SCRIPT, TABLES, render_page
from sweep.web.sections import Section, sections_of
from sweep.web.texts import texts_in

PAGE = "index.html"


def write_report(space: str, snapshot: Snapshot, language: str | None, progress: Progress) -> Path:
    """Write ``rapport/`` into the root, each file whole, and return the path of its page.

    Args:
        space: the name of the search space.
        snapshot: of the sweep.
        language: en, fr, or None for the language of the locale.
        progress: shows how much is written.

    Raises:
        SweepError: no epoch is trained yet.
        OSError: the disk is full or gone.
    """
    if not any(training.curve for training in snapshot.trainings):
        raise SweepError(
            f"{snapshot.root} has no trained epoch yet, so there is nothing to draw: "
            f"see sweep status {space}."
        )
    folder = _make_folder(snapshot.root)
    texts = texts_in(language)
    sections = list(sections_of(snapshot, texts))
    trials, epochs = tables.trial_table(snapshot), tables.epoch_table(snapshot)
    with progress.count(f"writing {folder}", len(sections) + 4) as done:
        for section in sections:
            _write_picture(folder, section)
            done()
        for name, table in zip(TABLES, (trials, epochs), strict=True):
            # The mark at the beginning of the file tells Excel that it is UTF-8.
            content = tables.harmless(table).to_csv(index=False).encode("utf-8-sig")
            write_whole(folder / name, content, sync=False)
            done()
        write_whole(folder / SCRIPT, get_plotlyjs().encode(), sync=False)
        done()
        page = render_page(space, snapshot, trials, sections, texts)
        write_whole(folder / PAGE, page.encode(), sync=False)
        done()
    return folder / PAGE


def _make_folder(root: Path) -> Path:
    folder = root / RAPPORT
    try:
        make_folder(folder)
    except NotPlain as error:
        raise SweepError(f"{error}, and nothing is written through it: move it away.") from error
    return folder


def _write_picture(folder: Path, section: Section) -> None:
    """Write the picture of a section; remove an earlier one if there is nothing to draw."""
    path = folder / section.png
    if not section.has_data:
        remove(path)
        return
    picture = matplotlib_figures.png(partial(section.draw, matplotlib_figures))
    write_whole(path, picture, sync=False)
