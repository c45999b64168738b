"""The reading half of ``sweep.Sweep``: what the folders of a sweep show. Nothing is trained."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.best_trial import BestTrial
from sweep.errors import SweepError
from sweep.system import program
from sweep.system.output import calm
from sweep.wording import printable

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from rich.console import Console

    from sweep.console.progress import Progress
    from sweep.experience.snapshot import Snapshot
    from sweep.export.targets import Exported
    from sweep.web.server import Served


class SweepView:
    """The sweep under a root, read from its files.

    Args:
        space: a name in ``search_spaces/``, or the path of a Python file.
        root: None is ``experiences/<search space>``. It need not exist yet. A relative root is told
            from the project of the search space: the folder that holds ``search_spaces/``, or else
            the nearest one above the file with a pyproject.toml or .git, or else the file's.

    Raises:
        SweepError: no root is given, and there is no such search space.
    """

    def __init__(self, space: str | Path, root: str | Path | None = None) -> None:
        from sweep.experience.root import Place
        from sweep.space.source import find

        self.space = str(space)
        if root is None:
            find(self.space)
        self._place = Place.of(self.space, root)
        self.root = self._place.root
        self._asked_root = root

    def command(self, name: str) -> str:
        """Return a command for this sweep, as it can be copied and run in this folder."""
        root = ("--root", self._asked_root) if self._asked_root else ()
        return program.command(name, self.space, *root)

    def look(self) -> "Snapshot":
        """Return what the folders show at this moment.

        Ten thousand experiences take some seconds; a progress bar shows how many are read.

        Raises:
            SweepError: there is no sweep yet.
        """
        from sweep.experience.snapshot_reader import SnapshotReader

        self._check_root()
        with make_progress().reading(self.root) as done:
            return SnapshotReader(self.root, _warn).look(done)

    def results(self) -> "pd.DataFrame":
        """Return one row a trial, the best first.

        The columns are trial, id_experience, state, the objectives, epoch, and each parameter.
        """
        from sweep.console.results import as_frame

        return as_frame(self.look().rows())

    def best(self) -> BestTrial:
        """Return the best of the finished trials, by the first objective.

        Raises:
            SweepError: none is finished yet, none keeps the constraints, or the best one has lost
                its model.
        """
        from sweep.console.results import best_of

        trial = best_of(self.look())
        training = trial.best
        return BestTrial(
            space=self.space,
            path=training.experience.meilleur,
            id_experience=training.experience.id,
            values=trial.values,
            epoch=trial.epoch or 0,
            parameters=training.record.parameters,
        )

    def epochs(self) -> "pd.DataFrame":
        """Return one row for each epoch of each experience.

        The columns are id_experience, trial, state, and those of its ``log.csv``.
        """
        from sweep.web.tables import epoch_table

        return epoch_table(self.look())

    def curves(self, lang: str | None = None) -> "go.Figure":
        """Return the learning curves as a plotly figure.

        Args:
            lang: en, fr, or None for the language of the locale.
        """
        from sweep.web import plotly_figures
        from sweep.web.curves import curves_of
        from sweep.web.texts import texts_in

        return plotly_figures.curves(curves_of(self.look()), texts_in(lang))

    def status(self) -> Iterator[str]:
        """Yield lines about the progress, the cost of the interruptions, and who runs the sweep."""
        from sweep.console.status import status_lines

        yield from status_lines(self.look())

    def watch(self) -> None:
        """Show the progress until all trials have ended, or until Ctrl-C."""
        from sweep.console.live import follow
        from sweep.console.progress import Progress
        from sweep.experience.snapshot_reader import SnapshotReader

        self._check_root()
        console = make_console()
        follow(console, SnapshotReader(self.root, _warn), Progress(console).say)

    def report(self, lang: str | None = None, single_file: bool = False) -> Path:
        """Write the folder ``rapport/`` into the root, and return the path of its page.

        Args:
            lang: en, fr, or None for the language of the locale.
            single_file: write one page to hand on, ``<space>.html``, with all that it needs in it.

        Raises:
            SweepError: nothing is trained yet.
        """
        from sweep.space.source import find
        from sweep.web.report import write_report

        name = find(self.space).name
        return write_report(name, self.look(), lang, make_progress(), single_file)

    def serve_report(self, lang: str | None = None, port: int = 8080) -> "Served":
        """Serve the report on 127.0.0.1, from a thread; the page follows a sweep that runs.

        Args:
            lang: en, fr, or None for the language of the locale.
            port: 0 is any free port.

        Raises:
            SweepError: there is no sweep yet, or the port is taken.
        """
        from sweep.experience.snapshot_reader import SnapshotReader
        from sweep.space.source import find
        from sweep.web.access import AccessControl
        from sweep.web.served_report import ReportApp
        from sweep.web.server import Served
        from sweep.web.texts import texts_in

        self._check_root()
        name, reader = find(self.space).name, SnapshotReader(self.root, _warn)
        with make_progress().reading(self.root) as done:
            app = ReportApp(name, reader, texts_in(lang), done)
        return Served(AccessControl(app, self.root), port, "/")

    def export(self, to: str, where: str | Path) -> "Exported":
        """Export each experience as a run of another tool, and return how many are new there.

        Each epoch is there once, however often it is exported.

        Args:
            to: tensorboard, mlflow or wandb-offline.
            where: a folder; for mlflow a URI, such as ``sqlite:///mlflow.db``.

        Raises:
            SweepError: its package is not installed, or nothing can be written there.
        """
        from sweep.export.targets import export
        from sweep.space.source import find

        return export(self.look(), find(self.space).name, to, str(where), make_progress())

    def _repr_html_(self) -> str:
        from sweep.web.notebook import as_html

        return as_html(self.look())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.space!r}, root={str(self.root)!r})"

    def _check_root(self) -> None:
        self._place.check()
        if not self.root.is_dir():
            raise SweepError(
                f"There is no sweep in {self.root}: "
                f"start one with {self.command('run')}, or name its --root."
            )


def make_console() -> "Console":
    """Return a console on stderr; on stdout in a notebook, which shows stderr as if it failed."""
    from sweep.console.screens import NOTEBOOK_WIDTH, SteadyConsole, is_notebook

    if is_notebook():
        return SteadyConsole(file=sys.stdout, force_jupyter=False, width=NOTEBOOK_WIDTH)
    return SteadyConsole(file=calm(sys.stderr), force_jupyter=False)


def make_progress() -> "Progress":
    """Return what shows the progress of a command on that console."""
    from sweep.console.progress import Progress

    return Progress(make_console())


def _warn(text: str) -> None:
    calm(sys.stderr).write(f"sweep: warning: {printable(text)}\n")
