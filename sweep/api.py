"""The Python API, as ``import sweep`` gives it; the command line wraps it."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.best_trial import BestTrial
from sweep.errors import Misuse, StoppedByUser
from sweep.options import function_of, method_of
from sweep.settings import ExtendOptions, Options, ResumeOptions, RetryOptions, Settings
from sweep.sweep_view import SweepView, make_progress
from sweep.system.output import calm

if TYPE_CHECKING:
    from sweep.maintenance.findings import Finding
    from sweep.maintenance.merge import MergeResult
    from sweep.running.controller import Controller
    from sweep.running.trial_check import MeasuredProposal
    from sweep.web.server import Served

__all__ = ["BestTrial", "Sweep", "enqueue", "run"]


class Sweep(SweepView):
    """A sweep under its root: run it, look at it, and maintain it.

    Args:
        space: a name in ``search_spaces/``, or the path of a Python file.
        root: see ``SweepView``.

    Raises:
        SweepError: no root is given, and there is no such search space.
    """

    @method_of(Options)
    def run(self, options: Options) -> "Sweep":
        """Run the sweep, or resume it where it was interrupted, and return it.

        Raises:
            SweepError: an error that would affect every other trial too.
            KeyboardInterrupt: after the first Ctrl-C, once all is saved: run the same again to
                resume.
        """
        return self._train(vars(options), lambda controller: controller.run())

    def enqueue(self, parameters: dict[str, Any] | list[dict[str, Any]]) -> int:
        """Try these parameters in the next trials, and return how many proposals are new.

        Args:
            parameters: a dict from the names that ``suggest`` asks for to values, or a list of
                such dicts. The sampler proposes what a dict leaves out.

        Raises:
            SweepError: ``suggest`` cannot take them, or a sweep holds the root.
        """
        from sweep.running.enqueuing import enqueue_into

        self._place.check()
        with _own_modules_untouched():
            return enqueue_into(self.root, self.space, parameters, make_progress())

    @method_of(ExtendOptions)
    def extend(self, options: ExtendOptions) -> "Sweep":
        """Continue finished experiences for more epochs, under new ids, and return the sweep.

        The seed, the sampler and the pruner are those of the last run.

        Raises:
            SweepError: no experience can be extended, or as ``run``.
            KeyboardInterrupt: as ``run``.
        """
        asked = vars(options).copy()
        epochs, best = asked.pop("epochs"), asked.pop("best")
        return self._train_again(asked, lambda controller: controller.extend(epochs, best))

    @method_of(RetryOptions)
    def retry(self, options: RetryOptions) -> "Sweep":
        """Resume failed experiences from their backups, and return the sweep.

        The seed, the sampler and the pruner are those of the last run.

        Raises:
            SweepError: no failed experience has such an id, or as ``run``.
            KeyboardInterrupt: as ``run``.
        """
        asked = vars(options).copy()
        ids = asked.pop("ids")
        return self._train_again(asked, lambda controller: controller.retry(ids))

    @method_of(ResumeOptions)
    def resume(self, options: ResumeOptions) -> "Sweep":
        """Train paused experiences to their last epochs, and return the sweep.

        Interrupted ones come first. The seed and the sampler are those of the last run.

        Raises:
            SweepError: no paused or interrupted experience has such an id, or as ``run``.
            KeyboardInterrupt: as ``run``.
        """
        asked = vars(options).copy()
        ids = asked.pop("ids")
        return self._train_again(asked, lambda controller: controller.resume(ids))

    def check(self, epochs: int | None = None) -> list["MeasuredProposal"]:
        """Train three proposals for some batches each, and return what a trial of each will cost.

        It writes nothing.

        Args:
            epochs: of a training; None takes those of FIXED.

        Raises:
            SweepError: the search space cannot be trained.
        """
        from sweep.running.trial_check import measure_proposals

        with _own_modules_untouched():
            return measure_proposals(self.space, epochs, make_progress())

    def merge(self, others: list[Path], accept_change: bool = False) -> list["MergeResult"]:
        """Copy experiences of other roots into this one, by id, and return what became of each.

        Args:
            others: roots of other sweeps of this search space.
            accept_change: also take experiences that other code of the search space has trained.

        Raises:
            SweepError: another root is none, or a sweep holds this one.
        """
        import threading

        from sweep.experience.root import existing_root, prepare
        from sweep.experience.root_lock import RootLock
        from sweep.maintenance import merge
        from sweep.space.source import find

        source, progress, results = find(self.space), make_progress(), []
        others = [existing_root(self.space, other) for other in others]
        theirs = merge.find_others(self.root, others)
        self._place.check()
        prepare(self.root)
        with (
            RootLock(self.root, progress.say, threading.Event()),
            progress.count("merging", len(theirs)) as done,
        ):
            for result in merge.merge(self.root, source, theirs, accept_change):
                results.append(result)
                done()
        return results

    def verify(
        self,
        models: bool = False,
        repair: bool = False,
        storage: str | None = None,
        study_dir: str | Path | None = None,
    ) -> Iterator["Finding"]:
        """Check every experience, and the study against them, and yield a finding for each.

        Args:
            models: also load and evaluate every best model.
            repair: repair what can be repaired; a file in the way goes to ``.quarantine``.
            storage, study_dir: where the study is, as in ``run``.
        """
        from sweep.maintenance.verify import Verification

        self._check_root()
        study = storage or (Path(study_dir) if study_dir else None)
        verification = Verification(self.space, self.root, study, make_progress())
        if repair:
            verification.repair()
            if not verification.study_is_well():
                self.rebuild(storage, study_dir)
        with _own_modules_untouched():
            yield from verification.findings(models)

    def rebuild(self, storage: str | None = None, study_dir: str | Path | None = None) -> None:
        """Rebuild the study from the folders alone.

        Args:
            storage, study_dir: where the study is, as in ``run``.

        Raises:
            SweepError: a folder does not belong to the sweep, or the storage is out of reach.
        """
        self._check_root()
        where = {"storage": storage, "study_dir": study_dir}
        with _own_modules_untouched():
            self._controller({**self._last_run(), **where}).rebuild()

    def dashboard(
        self,
        port: int = 8080,
        allow_changes: bool = False,
        storage: str | None = None,
        study_dir: str | Path | None = None,
    ) -> "Served":
        """Serve the Optuna dashboard on 127.0.0.1, from a thread.

        A notebook shows the dashboard that is returned.

        Args:
            port: 0 is any free port.
            allow_changes: serve the study itself, in place of a read-only copy made from the
                folders. Whoever reaches the port may then rename or delete it; no sweep can run
                under the root meanwhile.
            storage, study_dir: where the study is, as in ``run``.

        Raises:
            SweepError: the port is taken, or, to allow changes, a sweep holds the root.
        """
        from sweep.space.source import find
        from sweep.web.dashboard import serve

        self._check_root()
        where = {"storage": storage, "study_dir": study_dir}
        settings = self._settings({**self._last_run(), **where})
        return serve(find(self.space), settings, self.root, port, allow_changes, make_progress())

    def _train_again(
        self, asked: dict[str, Any], work: Callable[["Controller"], object]
    ) -> "Sweep":
        """Train with the search of the last run, and without a new trial."""
        self._check_root()
        return self._train({**self._last_run(), **asked, "trials": 0}, work)

    def _train(self, asked: dict[str, Any], work: Callable[["Controller"], object]) -> "Sweep":
        """Let a controller work until it has finished or a signal stops it."""
        self._place.check()
        with _own_modules_untouched():
            controller = self._controller(asked)
            from sweep.running.signals import listening

            with listening(controller) as signals:
                work(controller)
        if signals:
            raise StoppedByUser
        return self

    def _controller(self, asked: dict[str, Any]) -> "Controller":
        from sweep.running.controller import Controller

        return Controller.prepare(self._settings(asked), make_progress())

    def _settings(self, asked: dict[str, Any]) -> Settings:
        return Settings(**{**asked, "space": self.space, "root": self.root})

    def _last_run(self) -> dict[str, Any]:
        """Return the options of the last run, the defaults of a command that does not ask."""
        from sweep.experience.root import read_asked

        options = read_asked(self.root)
        try:
            self._settings(options)
        except Misuse:  # the file may be anybody's
            return {}
        return options


@function_of(Settings)
def run(settings: Settings) -> Sweep:
    """Run or resume a sweep, and return it: short for ``Sweep(space, root).run(…)``."""
    options = vars(settings).copy()
    return Sweep(options.pop("space"), options.pop("root")).run(**options)


def enqueue(
    space: str | Path,
    parameters: dict[str, Any] | list[dict[str, Any]],
    root: str | Path | None = None,
) -> Sweep:
    """Try these parameters in the next trials of a sweep, and return it; see ``Sweep.enqueue``."""
    sweep = Sweep(space, root)
    sweep.enqueue(parameters)
    return sweep


@contextlib.contextmanager
def _own_modules_untouched() -> Iterator[None]:
    """Give the caller's modules back at the end: a search space imports those it shares anew.

    A stderr that cannot be written meanwhile ends nothing, either.
    """
    from sweep.space.project import close_all

    try:
        with contextlib.redirect_stderr(calm(sys.stderr)):
            yield
    finally:
        close_all()
