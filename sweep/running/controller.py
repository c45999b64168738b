"""Many experiences, one after the other or side by side: what is there already, and which trial next."""

import contextlib
import functools
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import joblib
import optuna

from sweep.console.progress import Progress
from sweep.errors import Misuse, StoppedWaiting, SweepError
from sweep.experience import backup_files
from sweep.experience.inventory import Inventory
from sweep.experience.root import ASKED_SHAPE, prepare, root_of, write_asked
from sweep.experience.root_lock import RootBusy, RootLock
from sweep.running import extension, revival
from sweep.running.disk_budget import DiskBudget
from sweep.running.limits import Limits
from sweep.running.local_processes import LocalProcesses
from sweep.running.study_setup import check_to_come, load, open_or_rebuild, proposals_of, rehearse
from sweep.running.trial_runner import TrialRunner
from sweep.search.enqueued import enqueue
from sweep.settings import Settings
from sweep.space.source import SpaceSource, find
from sweep.system.files import patiently
from sweep.training.protocol import Place


class Controller:
    """A sweep under its root. Every trial that was begun is brought to its end before a new one is proposed.

    Args:
        settings: what to do.
        progress: is told all that happens.
        place: where trainings run; None is this machine, or the cluster of the settings.
    """

    def __init__(self, settings: Settings, progress: Progress, place: Place | None = None) -> None:
        self._began = time.monotonic()
        self.stop = threading.Event()
        self._settings, self._progress = settings, progress
        self._run = uuid.uuid4().hex
        self._data_before: dict[str, Any] | None = None
        source = find(settings.space)
        self._name = source.name
        self.root = root_of(self._name, settings.root)
        self._space = load(source, settings.epochs, progress)
        self._place = place or self._place_of(settings, source)
        workers = settings.workers or self._place.workers()
        self._settings = replace(
            settings, workers=workers, threads=settings.threads or self._place.threads(workers)
        )
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the sweep, or go on, until its trials are done or ``stop`` is set.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        with self._locked():
            self._open()
            if self._to_come > self._to_do:
                every = self._study.count() + self._to_come
                self._progress.say(
                    f"{self._to_come} proposals are enqueued: it takes --trials {every} to try them all"
                )
            asked = {name: getattr(self._settings, name) for name in ASKED_SHAPE}
            patiently(lambda: write_asked(self.root, asked), self._say_unwritable, self.stop.is_set)
            self._train_all()
        if self._error:
            raise self._error

    def rebuild(self) -> None:
        """Make the study again from the folders alone.

        Raises:
            SweepError: a folder does not belong to the sweep, or the storage is out of reach.
        """
        with self._locked():
            self._open(always_rebuild=True)

    def extend(self, epochs: int, best: int | None) -> None:
        """Let the best finished experiences go on to so many epochs, each under an id of its own; None is all of them.

        Raises:
            SweepError: there is none, or something is wrong that no other trial would mend.
        """
        with self._locked():
            self._prepare_extensions(epochs, best)
            self._open()
            self._train_all()
        if self._error:
            raise self._error

    def retry(self, names: Sequence[str] | None) -> None:
        """Let failed experiences go on from their backups; None is all of them. What was cut off goes on beside them.

        Raises:
            SweepError: a name is of none that has failed, or something is wrong that no other trial would mend.
        """
        with self._locked():
            revival.retry(
                self._settled_folders(begin_anew=False).recorded(), names, self._progress.say
            )
            self._open(
                always_rebuild=names is None
            )  # a trial has no folder where ``suggest`` has raised
            self._train_all()
        if self._error:
            raise self._error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the root, once the search space is seen to propose."""
        self._rehearsal = rehearse(self._space, self._settings)
        proposals = proposals_of(self._space, self.root, self._settings, self._progress)
        prepare(self.root)
        with RootLock(self.root, self._progress.say, self.stop, self._give_way) as self._lock:
            for some, came_from in proposals:
                work = functools.partial(enqueue, self.root, some, came_from)
                patiently(work, self._say_unwritable, self.stop.is_set)
            yield

    def _say_unwritable(self, error: OSError) -> None:
        self._progress.say(f"{self.root} cannot be written ({error}); trying again until it can")

    def _give_way(self, error: RootBusy) -> None:
        """Leave the root to the sweep that has taken it over: what trains here is trained there."""
        self._end_with(error)
        self._place.kill()

    def _open(self, always_rebuild: bool = False) -> None:
        """Settle the folders, open a study that agrees with them, and say what is there."""
        folders = self._settled_folders(
            begin_anew=not always_rebuild, judges_code=not always_rebuild
        )
        self._study = open_or_rebuild(
            self._space,
            self.root,
            self._settings,
            self._rehearsal.epochs,
            folders,
            self._progress,
            self.stop,
            always_rebuild,
        )
        self._study.check_distributions(self._rehearsal.distributions)
        self._to_come = check_to_come(self._space, self.root, self._study)
        self._limits = Limits(self._settings, self._study, folders.recorded(), self._began)
        self._known, self._cut_off = folders.known(), self._study.cut_off()
        self._to_do = (
            0 if self._study.tried() else max(0, self._settings.trials - self._study.count())
        )
        self._disk = DiskBudget(
            self.root,
            self._settings,
            self._to_do * self._settings.repeats + len(self._cut_off),
            self._progress.say,
        )
        self._disk.free_backups(self._known.values())
        self._say_what_is_there()

    def _settled_folders(self, begin_anew: bool, judges_code: bool = True) -> Inventory:
        """Return the folders, once what is under the root is seen to belong to this sweep.

        Args:
            begin_anew: where all that was trained has failed, for its mistake is mended.
            judges_code: refuse what other code has trained, or accept it; where nothing is to be trained, neither.
        """
        with self._progress.reading(self.root) as done:
            folders = Inventory(self.root, self._name, done)
        folders.check()
        begins_anew = folders.have_all_failed() and begin_anew
        if begins_anew:
            folders.begin_anew(self._progress.say)
        else:
            folders.check_aims(self._space)
            if not self._settings.accept_change:
                self._data_before = folders.latest_data()
        if judges_code:
            source = folders.check_code(
                self._space.source, self._settings.accept_change or begins_anew
            )
            self._space = replace(self._space, source=source)
        folders.settle(self._progress.say)
        folders.keep_accepted(self._space.source)
        revival.unprune(folders.recorded(), self._settings.unprune, self._progress.say)
        return folders

    def _prepare_extensions(self, epochs: int, best: int | None) -> None:
        """Make the folders of the longer trainings; they are trials that were cut off before their first session."""
        known = self._settled_folders(begin_anew=False).known()
        parents = extension.parents(known, epochs, best)
        if not parents:
            raise SweepError(
                f"{self.root} has no finished experience of fewer than {epochs} epochs: see sweep results."
            )
        following = max(known) + 1
        for parent in parents:
            if extension.child_of(parent, epochs).path.exists():
                continue
            why_not = extension.prepare(parent, epochs, following)
            if why_not:
                self._progress.say(f"{parent.experience.id} cannot be extended: {why_not}")
            else:
                following += 1

    def kill(self) -> None:
        """End all trainings at once, without another backup."""
        self._place.kill()

    def _place_of(self, settings: Settings, source: SpaceSource) -> Place:
        if not settings.cluster:
            return LocalProcesses(source.imported_modules())
        try:
            from sweep.running.dask_cluster import Cluster
        except ImportError:
            raise Misuse(
                "--cluster needs Dask: pip install 'keras-sweep[cluster]', here and on the workers."
            ) from None
        return Cluster(settings.cluster, self.root, self._progress.say)

    def _say_what_is_there(self) -> None:
        counts = self._study.count_states()
        cut_off = ", ".join(self._where(trial) for trial in self._cut_off)
        enqueued = min(self._to_come, self._to_do)
        self._progress.say(
            f"{self._name} in {self.root}: {counts['done']} done, {len(self._cut_off)} cut off"
            f"{f' ({cut_off})' if cut_off else ''}, {counts['failed']} failed, "
            f"{self._to_do} to do{f', {enqueued} of them enqueued' if enqueued else ''}"
        )

    def _where(self, trial: optuna.Trial) -> str:
        trial_known = self._known.get(trial.number)
        known = trial_known and next(
            (one for one in trial_known.parts if not one.record.outcome), trial_known
        )
        position = backup_files.newest_position(known.experience.sauvegarde) if known else None
        epoch, batch = (position.epoch, position.batch) if position else (0, 0)
        return f"trial {trial.number} at epoch {epoch}, batch {batch}"

    def _train_all(self) -> None:
        """Train what there is to train, and say what ends the sweep where that is not the number of its trials."""
        if self._may_train() if self._cut_off else self._may_begin():
            with self._timed():
                try:
                    self._train()
                finally:
                    self._place.forget(self._run)
        why = (
            None
            if self.stop.is_set()
            else self._limits.too_late or self._limits.next_trial().reason
        )
        if why:
            self._progress.say(why)

    def _train(self) -> None:
        if self._place.cluster:
            self._progress.say(
                f"training on {self._place.cluster}, {self._settings.workers} at a time"
            )
        else:
            self._progress.say("importing Keras, once for all trainings")
        self._place.start()
        trials = TrialRunner(
            self._space,
            self.root,
            self._settings,
            self._study,
            self._place,
            self._progress,
            self.stop,
            self._known,
            self._disk,
            self._limits,
            self._run,
            self._data_before,
            self._lock.check,
        )
        with self._progress.sweep(self.root):
            # One trial at a time is taken from the iterator, when a thread is free: each proposal knows all ends before it.
            slots = joblib.Parallel(
                n_jobs=self._settings.workers,
                backend="threading",
                pre_dispatch="n_jobs",
                batch_size=1,
                return_as="generator_unordered",
            )
            while (
                self._cut_off or self._may_begin()
            ):  # again where the last ends were better, so that patience lasts
                for _ in slots(
                    joblib.delayed(self._bring_to_its_end)(trials, trial)
                    for trial in self._trials()
                ):
                    pass
        if not self._error:
            trials.check_none_is_left()

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Save and stop when the time is up, by a thread of its own."""
        over = threading.Event()

        def wait() -> None:
            self._place.wait_until_warm(self.stop)
            self._limits.begin_timing()
            left_s, what = self._limits.time_left()
            if not over.wait(min(left_s, threading.TIMEOUT_MAX)) and not self.stop.is_set():
                self._progress.say(what)
                self.stop.set()

        threading.Thread(target=wait, daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _trials(self) -> Iterator[optuna.Trial]:
        cut_off, self._cut_off = self._cut_off, []
        for trial in cut_off:
            if not self._may_train():
                return
            yield trial
        while True:
            try:
                if not self._may_begin():
                    return
                self._lock.check()
                trial = self._study.ask()
            except Exception as error:  # noqa: BLE001 # joblib takes trials in a thread of its own, where it would be lost
                self._end_with(error)
                return
            yield trial

    def _may_begin(self) -> bool:
        return not self.stop.is_set() and self._limits.next_trial().may_begin and self._may_train()

    def _may_train(self) -> bool:
        return not self.stop.is_set() and self._limits.next_training().may_begin

    def _end_with(self, error: BaseException) -> None:
        if not isinstance(error, StoppedWaiting):
            self._error = self._error or error
        self.stop.set()

    def _bring_to_its_end(self, trials: TrialRunner, trial: optuna.Trial) -> None:
        try:
            trials.bring_to_its_end(trial)
        except Exception as error:  # noqa: BLE001 # raised again by ``run``, once the other threads have saved
            self._end_with(error)
