"""The reading half of ``sweep.Sweep``: what the folders of a sweep show. Nothing is trained."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.best_trial import BestTrial
from sweep.errors import SweepError
from sweep.system.output import calm
from sweep.wording import printable

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from rich.console import Console

    from sweep.console.progress import Progress
    from sweep.experience.snapshot import Snapshot


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
        from sweep.experience.snapshot_reader import SnapshotReader

        self._check_root()
        follow(make_console(), SnapshotReader(self.root, _warn), make_progress().say)

    def report(self, lang: str | None = None) -> Path:
        """Write the folder ``rapport/`` into the root, and return the path of its page.

        Args:
            lang: en, fr, or None for the language of the locale.

        Raises:
            SweepError: nothing is trained yet.
        """
        from sweep.space.source import find
        from sweep.web.report import write_report

        return write_report(find(self.space).name, self.look(), lang, make_progress())

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
                f"start one with sweep run {self.space}, or name its --root."
            )


def make_console() -> "Console":
    """Return a console on stderr; on stdout in a notebook, which shows stderr as if it failed."""
    from rich.console import Console

    is_notebook = "ipykernel" in sys.modules
    return Console(file=sys.stdout if is_notebook else calm(sys.stderr), force_jupyter=False)


def make_progress() -> "Progress":
    """Return what shows the progress of a command on that console."""
    from sweep.console.progress import Progress

    return Progress(make_console())


def _warn(text: str) -> None:
    calm(sys.stderr).write(f"sweep: warning: {printable(text)}\n")
