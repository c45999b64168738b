"""A sweep under its root, from its lock to its end: run, rebuild, extend or retry."""

import contextlib
import functools
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sweep.console.progress import Progress
from sweep.errors import Misuse
from sweep.experience.root import ASKED_SHAPE, prepare, root_of, write_asked
from sweep.experience.root_lock import RootBusy, RootLock
from sweep.running import extension, revival
from sweep.running.context import SweepContext
from sweep.running.first_error import FirstError
from sweep.running.local_processes import LocalProcesses
from sweep.running.opening import Opening, OpenSweep
from sweep.running.rehearsal import check_proposals, load_space, rehearse
from sweep.running.training_loop import TrainingLoop
from sweep.search.enqueued import enqueue
from sweep.settings import Settings
from sweep.space.source import find
from sweep.training.protocol import Place


class Controller:
    """Runs a sweep. It brings every trial that has begun to its end before it proposes a new one.

    Each command locks the root, opens the sweep, trains, and gives the root back. ``prepare`` makes
    a controller from settings.

    Args:
        context: what the parts of the sweep share; ``stop`` in it is set to end the sweep early.
        place: where trainings run.
    """

    def __init__(self, context: SweepContext, place: Place) -> None:
        self.stop = context.stop
        self._context, self._place = context, place
        self._first_error = FirstError(context.stop)

    @classmethod
    def prepare(
        cls, settings: Settings, progress: Progress, place: Place | None = None
    ) -> "Controller":
        """Load the search space, connect to the cluster if there is one, and return a controller.

        Args:
            settings: what was asked for.
            progress: is told all that happens.
            place: where trainings run; None is this machine, or the cluster of the settings.

        Raises:
            SweepError: the search space is wrong, or the cluster does not answer.
        """
        began = time.monotonic()
        source = find(settings.space)
        # Before the search space is executed, which may change the working directory.
        root = root_of(settings.space, settings.root)
        space = load_space(source, settings.epochs, progress)
        context = SweepContext(settings, space, root, progress, began=began)
        place = place or _place_of(context)
        workers = settings.workers or place.workers()
        threads = settings.threads or place.threads(workers)
        settings = replace(settings, workers=workers, threads=threads)
        return cls(replace(context, settings=settings), place)

    def run(self) -> OpenSweep:
        """Begin the sweep or resume it, until its trials are done or ``stop`` is set.

        Returns:
            The sweep as it was opened; its study has learnt of each trial's end.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        with self._locked() as opening:
            sweep = opening.open()
            if sweep.to_come > sweep.to_do:
                every = sweep.study.count() + sweep.to_come
                self._context.progress.say(
                    f"{sweep.to_come} proposals are enqueued: "
                    f"it takes --trials {every} to try them all"
                )
            asked = {name: getattr(self._context.settings, name) for name in ASKED_SHAPE}
            if asked["scheduler"] == "none":  # as older code wrote it
                del asked["scheduler"]
            self._context.write_patiently(lambda: write_asked(self._context.root, asked))
            self._train(sweep)
        self._first_error.raise_again()
        return sweep

    def rebuild(self) -> None:
        """Make the study again from the folders alone.

        Raises:
            SweepError: a folder does not belong to the sweep, or the storage is out of reach.
        """
        with self._locked() as opening:
            opening.open(always_rebuild=True)

    def extend(self, epochs: int, best: int | None) -> None:
        """Train finished experiences for more epochs, each under an id of its own.

        Args:
            epochs: of the longer trainings, in all.
            best: how many of the best experiences are extended; None is all of them.

        Raises:
            SweepError: none can be extended, or something is wrong that no other trial would mend.
        """
        with self._locked() as opening:
            trial_records = opening.settle_folders(begin_anew=False).trials()
            extension.prepare_all(self._context, trial_records, epochs, best)
            wanted = extension.made_for(trial_records, epochs)
            self._train(opening.open(promotes=False), wanted)
        self._first_error.raise_again()

    def resume(self, names: Sequence[str]) -> None:
        """Train paused experiences to their last epochs, and the interrupted ones beside them.

        Args:
            names: their ids, or beginnings of these.

        Raises:
            SweepError: a name fits no experience that is paused or interrupted, or something is
                wrong that no other trial would mend.
        """
        with self._locked() as opening:
            folders = opening.settle_folders(begin_anew=False)
            wanted = revival.find_unfinished(folders.recorded(), names)
            self._train(opening.open(promotes=False), wanted)
        self._first_error.raise_again()

    def retry(self, names: Sequence[str] | None) -> None:
        """Resume failed experiences from their backups, and the interrupted ones beside them.

        Args:
            names: their ids, or beginnings of these; None is all that have failed.

        Raises:
            SweepError: a name fits no experience that has failed, or something is wrong that no
                other trial would mend.
        """
        with self._locked() as opening:
            folders = opening.settle_folders(begin_anew=False)
            revival.retry(folders.recorded(), names, self._context.progress.say)
            # A trial has no folder where ``suggest`` has raised: only a new study lets go of it.
            self._train(opening.open(always_rebuild=names is None, promotes=False))
        self._first_error.raise_again()

    def say(self, text: str) -> None:
        """Print one line, among those of the sweep."""
        self._context.progress.say(text)

    def kill(self) -> None:
        """End all trainings at once, without another backup."""
        self._place.kill()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Opening]:
        """Hold the root, once the search space is seen to propose."""
        context = self._context
        rehearsal = rehearse(context.space, context.settings)
        batches = check_proposals(context)
        prepare(context.root)
        with RootLock(context.root, context.progress.say, self.stop, self._give_way) as lock:
            for proposals, came_from in batches:
                context.write_patiently(
                    functools.partial(enqueue, context.root, proposals, came_from)
                )
            yield Opening(context, self._place, rehearsal, lock.check)

    def _give_way(self, error: RootBusy) -> None:
        """Leave the root to the sweep that has taken it over, which trains there now."""
        self._first_error.stop_with(error)
        self._place.kill()

    def _train(self, sweep: OpenSweep, wanted: Collection[str] = ()) -> None:
        TrainingLoop(sweep, self._first_error, wanted).run()


def _place_of(context: SweepContext) -> Place:
    """Return where the settings say that trainings run."""
    if not context.settings.cluster:
        return LocalProcesses(context.space.source.imported_modules())
    try:
        from sweep.running.dask_cluster import DaskCluster
    except ImportError:
        raise Misuse(
            "--cluster needs Dask: pip install 'keras-sweep[cluster]', here and on the workers."
        ) from None
    return DaskCluster(context.settings.cluster, context.root, context.progress.say)
