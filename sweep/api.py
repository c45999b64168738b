"""``import sweep``: what a notebook or a script does with a sweep, and what the command line is a thin skin over."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import Misuse, StoppedByUser, SweepError
from sweep.system.output import calm
from sweep.wording import first_line, printable

if TYPE_CHECKING:
    import keras
    import pandas as pd
    import plotly.graph_objects as go
    from rich.console import Console

    from sweep.console.progress import Progress
    from sweep.experience.snapshot import Snapshot
    from sweep.maintenance.findings import Finding
    from sweep.maintenance.merge import MergeResult
    from sweep.running.controller import Controller
    from sweep.running.trial_check import Checked
    from sweep.settings import Settings
    from sweep.web.dashboard import Dashboard


@dataclass(frozen=True)
class BestTrial:
    """The best of the finished trials: its model, what it was trained with, its aims, and the epoch (from 0) that was best.

    Of a trial that is repeated, the values are those that it was told, and the rest is of the best of its experiences.
    """

    space: str
    path: Path
    id_experience: str
    values: dict[str, float]
    epoch: int
    parameters: dict[str, Any]

    @property
    def val_acc(self) -> float:
        """The value of that aim.

        Raises:
            KeyError: the sweep is after others, see ``values``.
        """
        return self.values["val_acc"]

    def load(self) -> "keras.Model":
        """Return the model, by Keras in its safe mode: a file from somebody else runs no code.

        The search space is executed before, as it registers the layers of its own.

        Raises:
            SweepError: the file is damaged, or its model has code in it.
        """
        from sweep.space import search_space, source
        from sweep.system.host import prepare_for_keras

        prepare_for_keras()
        import sweep.training.preload  # noqa: F401 # Keras, in silence

        search_space.load(source.find(self.space))
        import keras

        from sweep.training.hdf5 import checked_model

        try:
            with checked_model(self.path) as path:
                return keras.models.load_model(path, safe_mode=True)
        except Exception as error:  # a file that may be anybody's
            raise SweepError(
                f"{self.path} cannot be loaded in Keras's safe mode ({first_line(error)}): see sweep verify --models."
            ) from error


class Sweep:
    """A sweep under its root: what there is of it, and what can be done with it.

    Args:
        space: a name in ``search_spaces/``, or the path of a Python file.
        root: None is ``experiences/<search space>``. It need not be there yet.

    Raises:
        SweepError: no root is given, and there is no such search space.
    """

    def __init__(self, space: str | Path, root: str | Path | None = None) -> None:
        from sweep.experience.root import root_of
        from sweep.space.source import find

        self.space = str(space)
        self.root = root_of(
            find(self.space).name if root is None else "", None if root is None else Path(root)
        )

    def run(self, **options: Any) -> "Sweep":
        """Run the sweep, or go on where it was cut off, and return it.

        Args:
            options: the fields of ``sweep.settings.Settings``: ``trials`` (20), ``epochs``, ``workers``, …

        Raises:
            SweepError: something is wrong that no other trial would mend.
            KeyboardInterrupt: after the first Ctrl-C, once all is saved: run the same again to go on.
        """
        return self._train(options, lambda controller: controller.run())

    def enqueue(self, parameters: dict[str, Any] | list[dict[str, Any]]) -> int:
        """Let the next trials be these, and return how many of them were not enqueued yet.

        Args:
            parameters: from the names that ``suggest`` asks for to values, or a list of such. What is left out, the sampler
                proposes.

        Raises:
            SweepError: ``suggest`` cannot take them, or a sweep holds the root.
        """
        import threading

        from sweep.experience.root import prepare
        from sweep.experience.root_lock import RootLock
        from sweep.search import proposal_check
        from sweep.search.enqueued import as_proposals, enqueue
        from sweep.space import search_space, source

        try:
            asked = as_proposals(parameters)
        except ValueError as error:
            raise Misuse(
                f"What is enqueued is no dict of parameters, and no list of them: {error}."
            ) from error
        with _own_modules_untouched():
            checked = proposal_check.check(
                search_space.load(source.find(self.space)), asked, "What is enqueued"
            )
        prepare(self.root)
        with RootLock(self.root, _progress().say, threading.Event()):
            return enqueue(self.root, checked)

    def extend(self, epochs: int, best: int | None = None, **options: Any) -> "Sweep":
        """Let finished experiences go on to more epochs, under new ids, and return the sweep.

        Args:
            epochs: of the longer trainings, in all.
            best: only of the best so many; None is all.
            options: see ``run``; what is not given is as in the last run.

        Raises:
            SweepError: no experience can be extended, or as ``run``.
            KeyboardInterrupt: as ``run``.
        """
        self._check()
        return self._train(
            {**self._last_run(), **options, "trials": 0},
            lambda controller: controller.extend(epochs, best),
        )

    def retry(self, ids: Sequence[str] | None = None, **options: Any) -> "Sweep":
        """Let failed experiences go on from their backups, and return the sweep.

        Args:
            ids: of some of them, or the beginnings of their ids; None is all.
            options: see ``run``; what is not given is as in the last run.

        Raises:
            SweepError: an id is of none that has failed, or as ``run``.
            KeyboardInterrupt: as ``run``.
        """
        self._check()
        return self._train(
            {**self._last_run(), **options, "trials": 0}, lambda controller: controller.retry(ids)
        )

    def check(self, epochs: int | None = None) -> list["Checked"]:
        """Try three proposals for some batches each, and return what a trial of each will cost; nothing is written.

        Args:
            epochs: of a training; None is FIXED's.

        Raises:
            SweepError: the search space cannot be trained.
        """
        from sweep.running.trial_check import check

        with _own_modules_untouched():
            return check(self.space, epochs, _progress())

    def merge(self, others: list[Path], accept_change: bool = False) -> list["MergeResult"]:
        """Take in experiences that were trained elsewhere, by their ids, and return what became of each.

        Args:
            others: roots of other sweeps of this search space.
            accept_change: take in what other code of the search space has trained.

        Raises:
            SweepError: another root is none, or a sweep holds this one.
        """
        import threading

        from sweep.experience.root import prepare
        from sweep.experience.root_lock import RootLock
        from sweep.maintenance import merge
        from sweep.space.source import find

        source, progress, merged = find(self.space), _progress(), []
        theirs = merge.find_others(self.root, others)
        prepare(self.root)
        with (
            RootLock(self.root, progress.say, threading.Event()),
            progress.count("merging", len(theirs)) as done,
        ):
            for one in merge.merge(self.root, source, theirs, accept_change):
                merged.append(one)
                done()
        return merged

    def verify(
        self, models: bool = False, repair: bool = False, **where: Any
    ) -> Iterator["Finding"]:
        """Check every experience, and the study against them, and yield what is to be said of each.

        Args:
            models: load and evaluate every best model, too.
            repair: mend what can be; what is in the way goes to ``.quarantine``.
            where: ``storage`` or ``study_dir``, where the study is not where it is by default.
        """
        from sweep.maintenance.verify import Verification

        self._check()
        settings = self._settings(where)
        verification = Verification(
            self.space, self.root, settings.storage or settings.study_dir, _progress()
        )
        if repair:
            verification.repair()
            if not verification.study_is_well():
                self.rebuild(**where)
        with _own_modules_untouched():
            yield from verification.findings(models)

    def rebuild(self, **options: Any) -> None:
        """Make the study again from the folders alone.

        Args:
            options: see ``run``; what is not given is as in the last run.

        Raises:
            SweepError: a folder does not belong to the sweep, or the storage is out of reach.
        """
        self._check()
        with _own_modules_untouched():
            self._controller({**self._last_run(), **options}).rebuild()

    def look(self) -> "Snapshot":
        """Return what the folders show just now, and show how far the reading is: ten thousand take some seconds.

        Raises:
            SweepError: there is no sweep yet.
        """
        from sweep.experience.snapshot import SnapshotReader

        self._check()
        with _progress().reading(self.root) as done:
            return SnapshotReader(self.root, _warn).look(done)

    def results(self) -> "pd.DataFrame":
        """Return one row a trial, the best first: trial, id_experience, state, the aims, epoch, and each parameter."""
        from sweep.console.results import as_frame

        return as_frame(self.look().rows())

    def best(self) -> BestTrial:
        """Return the best of the finished trials, by the first of the aims.

        Raises:
            SweepError: none is finished yet, none keeps the constraints, or the best one has lost its model.
        """
        from sweep.console.results import best_of

        trial = best_of(self.look())
        one, epoch = trial.best, trial.epoch or 0
        return BestTrial(
            self.space,
            one.experience.meilleur,
            one.experience.id,
            trial.values,
            epoch,
            one.record.parameters,
        )

    def epochs(self) -> "pd.DataFrame":
        """Return one row an epoch of each experience: id_experience, trial, state, and the columns of its ``log.csv``."""
        from sweep.web.tables import epoch_table

        return epoch_table(self.look())

    def curves(self, lang: str | None = None) -> "go.Figure":
        """Return the learning curves as a figure of plotly; ``lang`` is en, fr, or None for that of the locale."""
        from sweep.web import plotly_figures
        from sweep.web.curves import curves_of
        from sweep.web.texts import texts_in

        return plotly_figures.curves(curves_of(self.look()), texts_in(lang))

    def status(self) -> Iterator[str]:
        """Yield in lines how far it is, what its cuts have cost, and who runs it."""
        from sweep.console.status import status_lines

        yield from status_lines(self.look())

    def watch(self) -> None:
        """Show how it goes on, until its trials are done or a Ctrl-C ends the watching."""
        from sweep.console.live import follow
        from sweep.experience.snapshot import SnapshotReader

        self._check()
        follow(_console(), SnapshotReader(self.root, _warn), _progress().say)

    def report(self, lang: str | None = None) -> Path:
        """Write the folder ``rapport/`` into the root, and return the path of its page.

        Args:
            lang: en, fr, or None for that of the locale.

        Raises:
            SweepError: nothing is trained yet.
        """
        from sweep.space.source import find
        from sweep.web.report import write_report

        return write_report(find(self.space).name, self.look(), lang, _progress())

    def dashboard(self, port: int = 8080, allow_changes: bool = False, **where: Any) -> "Dashboard":
        """Serve the Optuna dashboard on 127.0.0.1, from a thread; what is returned shows itself in a notebook.

        Args:
            port: 0 is any that is free.
            allow_changes: serve the study itself, and not a view of the folders. Whoever reaches the port may then
                rename or delete it; meanwhile no sweep can run under the root.
            where: ``storage`` or ``study_dir``, where the study is not where it is by default.

        Raises:
            SweepError: the port is taken, or, to allow changes, a sweep holds the root.
        """
        from sweep.space.source import find
        from sweep.web.dashboard import serve

        self._check()
        settings = self._settings({**self._last_run(), **where})
        return serve(find(self.space), settings, self.root, port, allow_changes, _progress())

    def _repr_html_(self) -> str:
        from sweep.web.notebook import as_html

        return as_html(self.look())

    def __repr__(self) -> str:
        return f"Sweep({self.space!r}, root={str(self.root)!r})"

    def _check(self) -> None:
        if not self.root.is_dir():
            raise SweepError(
                f"There is no sweep in {self.root}: start one with sweep run {self.space}, or name its --root."
            )

    def _train(self, options: dict[str, Any], work: Callable[["Controller"], object]) -> "Sweep":
        """Let a sweep train, until it is done or a signal comes."""
        with _own_modules_untouched():
            controller = self._controller(options)
            from sweep.running.signals import listening

            with listening(controller) as signals:
                work(controller)
        if signals:
            raise StoppedByUser
        return self

    def _controller(self, options: dict[str, Any]) -> "Controller":
        from sweep.running.controller import Controller

        return Controller.prepare(self._settings(options), _progress())

    def _settings(self, options: dict[str, Any]) -> "Settings":
        from sweep.settings import Settings

        if "root" in options:
            raise Misuse(f"A sweep has one root: give {options['root']} to Sweep, or to sweep.run.")
        return Settings.of({**options, "space": self.space, "root": self.root})

    def _last_run(self) -> dict[str, Any]:
        """Return how the sweep was run last, as options: what is not asked otherwise is as it was then."""
        from sweep.experience.root import read_asked

        asked = read_asked(self.root)
        try:
            self._settings(asked)
        except Misuse:  # the file may be anybody's
            return {}
        return asked


def run(space: str | Path, root: str | Path | None = None, **options: Any) -> Sweep:
    """Run a sweep, or go on where it was cut off, and return it: ``Sweep(space, root).run(**options)``."""
    return Sweep(space, root).run(**options)


def enqueue(
    space: str | Path,
    parameters: dict[str, Any] | list[dict[str, Any]],
    root: str | Path | None = None,
) -> Sweep:
    """Let the next trials of a sweep be these, and return it; see ``Sweep.enqueue``."""
    there = Sweep(space, root)
    there.enqueue(parameters)
    return there


def _console() -> "Console":
    from rich.console import Console

    # A notebook shows what comes by stderr as if it were an error.
    return Console(
        file=sys.stdout if "ipykernel" in sys.modules else calm(sys.stderr), force_jupyter=False
    )


def _progress() -> "Progress":
    from sweep.console.progress import Progress

    return Progress(_console())


@contextlib.contextmanager
def _own_modules_untouched() -> Iterator[None]:
    """Give the caller's modules back at the end, for a search space imports those that it shares with them anew.

    What it prints meanwhile ends nothing, either.
    """
    from sweep.space.project import close_all

    try:
        with contextlib.redirect_stderr(calm(sys.stderr)):
            yield
    finally:
        close_all()


def _warn(text: str) -> None:
    calm(sys.stderr).write(f"sweep: warning: {printable(text)}\n")
