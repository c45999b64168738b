"""The folder ``rapport/``: a page, pictures and tables, which need no server and no network."""

import base64
from functools import partial
from pathlib import Path

import pandas as pd
from plotly.offline import get_plotlyjs

from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience.root import RAPPORT
from sweep.experience.snapshot import Snapshot
from sweep.system.files import write_whole
from sweep.system.plain_files import NotPlain, make_folder, remove
from sweep.web import matplotlib_figures, tables
from sweep.web.epoch_logs import epoch_logs_of
from sweep.web.page import SCRIPT, TABLES, Content, render_page
from sweep.web.sections import Section, sections_of
from sweep.web.texts import Texts, texts_in

PAGE = "index.html"


def write_report(
    space: str,
    snapshot: Snapshot,
    language: str | None,
    progress: Progress,
    single_file: bool = False,
) -> Path:
    """Write ``rapport/`` into the root, each file whole, and return the path of its page.

    Args:
        space: the name of the search space.
        snapshot: of the sweep.
        language: en, fr, or None for the language of the locale.
        progress: shows how much is written.
        single_file: write one page to hand on, ``<space>.html``, with all that it needs in it.

    Raises:
        SweepError: no epoch is trained yet.
        OSError: the disk is full or gone.
    """
    content = content_of(space, snapshot, texts_in(language))
    write = _write_file if single_file else _write_folder
    return write(_make_folder(snapshot.root), content, progress)


def content_of(space: str, snapshot: Snapshot, texts: Texts) -> Content:
    """Return what the page shows.

    Raises:
        SweepError: no epoch is trained yet.
    """
    if not any(training.curve for training in snapshot.trainings):
        raise SweepError(
            f"{snapshot.root} has no trained epoch yet, so there is nothing to draw: "
            f"see sweep status {space}."
        )
    logs = epoch_logs_of(snapshot)
    sections = list(sections_of(snapshot, logs, texts))
    return Content(space, snapshot, tables.trial_table(snapshot), sections, logs, texts)


def picture_of(section: Section, texts: Texts) -> bytes:
    """Return the figure of a section as PNG."""
    return matplotlib_figures.png(partial(section.draw, matplotlib_figures), texts)


def _write_folder(folder: Path, content: Content, progress: Progress) -> Path:
    """Write the page, with its script, its pictures and its tables beside it."""
    epochs = tables.epoch_table(content.snapshot)
    with progress.count(f"writing {folder}", len(content.sections) + 4) as done:
        for section in content.sections:
            _write_picture(folder, section, content.texts)
            done()
        for name, table in zip(TABLES, (content.trials, epochs), strict=True):
            write_whole(folder / name, _csv(table, content.texts), sync=False)
            done()
        write_whole(folder / SCRIPT, get_plotlyjs().encode(), sync=False)
        done()
        pictures = {section.png: section.png for section in content.sections}
        write_whole(folder / PAGE, render_page(content, pictures).encode(), sync=False)
        done()
    return folder / PAGE


def _write_file(folder: Path, content: Content, progress: Progress) -> Path:
    """Write a page that is one file, with plotly and the pictures in it."""
    drawn = [section for section in content.sections if section.has_data]
    pictures, path = {}, folder / f"{content.space}.html"
    with progress.count(f"writing {path}", len(drawn) + 1) as done:
        for section in drawn:
            picture = base64.b64encode(picture_of(section, content.texts)).decode()
            pictures[section.png] = f"data:image/png;base64,{picture}"
            done()
        page = render_page(content, pictures, above="", plotly=get_plotlyjs())
        write_whole(path, page.encode(), sync=False)
        done()
    return path


def _make_folder(root: Path) -> Path:
    folder = root / RAPPORT
    try:
        make_folder(folder)
    except NotPlain as error:
        raise SweepError(f"{error}, and nothing is written through it: move it away.") from error
    return folder


def _csv(table: pd.DataFrame, texts: Texts) -> bytes:
    """Return a table as a spreadsheet of the language opens it: in columns, with its decimals.

    The mark at the beginning tells Excel that the file is UTF-8.
    """
    text = tables.harmless(table, texts.decimal).to_csv(index=False, sep=texts.list_separator)
    return text.encode("utf-8-sig")


def _write_picture(folder: Path, section: Section, texts: Texts) -> None:
    """Write the picture of a section; remove an earlier one if there is nothing to draw."""
    path = folder / section.png
    if section.has_data:
        write_whole(path, picture_of(section, texts), sync=False)
    else:
        remove(path)
