"""Many experiences, one after the other or side by side: what is there already, and which trial next."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import joblib
import optuna

from sweep import resume, search_space
from sweep.errors import SweepError
from sweep.experience import Experience, Record, State, experiences_in, state_of
from sweep.log import check_header
from sweep.places import LocalProcesses
from sweep.progress import Progress
from sweep.root import STUDY, Lock, prepare, root_of
from sweep.search_space import SearchSpace, SearchSpaceWrong, Source, what_changed
from sweep.settings import Settings
from sweep.study import Study
from sweep.trials import Trials


class Sweep:
    """A sweep under its root. Every trial that was begun is brought to its end before a new one is proposed.

    Args:
        settings: what to do.
        progress: is told all that happens.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.stop = threading.Event()
        self._settings, self._progress = settings, progress
        source = search_space.find(settings.space)
        self._name = source.name
        self.root = root_of(self._name, settings.root)
        self._place = LocalProcesses(source.imported_modules())
        self._space = self._load(source)
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the sweep, or go on, until its trials are done or ``stop`` is set.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        rehearsal = self._rehearse()
        prepare(self.root)
        with Lock(self.root, self._progress.say, self.stop):
            self._study = self._open_study(rehearsal)
            self._cut_off = self._study.cut_off()
            self._say_what_is_there()
            if self._cut_off or not self._is_over():
                self._train_all()
            elif self._target_is_reached():
                self._progress.say(f"the target {self._settings.target:g} is reached: no trial begins")
        if self._error:
            raise self._error

    def kill(self) -> None:
        """End all trainings at once, without another backup."""
        self._place.kill()

    def _load(self, source: Source) -> SearchSpace:
        space = search_space.load(source)
        if "keras" in sys.modules:
            self._progress.say(
                f"{source.path} imports Keras at its top: inside its functions, this would begin seconds earlier"
            )
        epochs = self._settings.epochs
        return space if epochs is None else replace(space, fixed={**space.fixed, "epochs": epochs})

    def _rehearse(self) -> optuna.Trial:
        """Make one proposal for nothing, so that the mistakes of ``suggest`` are told before anything is begun."""
        study = Study(self._name, None, self._settings.sampler, self._settings.seed, "none")
        trial = study.ask()
        try:
            self._space.parameters(study.suggest(trial, self._space.suggest))
        except SweepError:
            raise
        except Exception as error:
            raise search_space.mistake(error, self._space.source.path) from error
        return trial

    def _open_study(self, rehearsal: optuna.Trial) -> Study:
        """Open the study, once what is under the root is seen to belong to it."""
        settings = self._settings
        there = [(experience, experience.read()) for experience in experiences_in(self.root)]
        # Where all that was trained has failed, the sweep begins anew, with its mistake mended. A folder without its record
        # has no known end, and may hold a backup: there is something to lose.
        begin_anew = all(state_of(record) is State.FAILED for _, record in there)
        self._check(there)
        if not begin_anew:
            self._check_code([record for _, record in there if record])
        study = Study(self._name, settings.storage or self.root / STUDY, settings.sampler, settings.seed, settings.pruner)
        if settings.storage:
            study.keep_to(self.root)
        if begin_anew:
            study.begin_anew()
            for experience, _ in there:
                resume.begin_anew(experience)
        study.check_distributions(rehearsal.distributions)
        return study

    def _check(self, there: list[tuple[Experience, Record | None]]) -> None:
        """Raises RecordWrong or LogUnreadable where a folder is not of this sweep."""
        for experience, record in there:
            if record:
                experience.check(record, self._name)
            if experience.log.exists():
                check_header(experience.log.read_bytes(), experience.log)

    def _check_code(self, records: list[Record]) -> None:
        """Raises SearchSpaceWrong where the search space is not the one of the latest session, unless that is accepted."""
        trained = [record for record in records if record.sessions]
        if trained and not self._settings.accept_change:
            latest = max(trained, key=lambda record: str(record.sessions[-1]["begun"]))
            changed = what_changed(latest.search_space["fingerprint"], self._space.source.fingerprint())
            if changed:
                raise SearchSpaceWrong(
                    f"{self._space.source.path} was changed in {', '.join(changed)} since the experiences in "
                    f"{self.root} were begun: undo that, take another --root, or go on with --accept-change."
                )

    def _say_what_is_there(self) -> None:
        counts = self._study.count_states()
        cut_off = ", ".join(self._where(trial) for trial in self._cut_off)
        self._progress.say(
            f"{self._name} in {self.root}: {counts['done']} done, {len(self._cut_off)} cut off"
            f"{f' ({cut_off})' if cut_off else ''}, {counts['failed']} failed, "
            f"{max(0, self._settings.trials - self._study.count())} to do"
        )

    def _where(self, trial: optuna.Trial) -> str:
        name = trial.user_attrs.get("id_experience")
        sauvegarde = next((one.sauvegarde for one in experiences_in(self.root) if one.id == name), None)
        position = resume.newest_position(sauvegarde) if sauvegarde else None
        epoch, batch = (position.epoch, position.batch) if position else (0, 0)
        return f"trial {trial.number} at epoch {epoch}, batch {batch}"

    def _train_all(self) -> None:
        timer = threading.Timer(self._settings.timeout_s or threading.TIMEOUT_MAX, self._time_is_up)
        timer.daemon = True
        timer.start()
        self._progress.say("importing Keras, once for all trainings")
        self._place.start()
        trials = Trials(self._space, self.root, self._settings, self._study, self._place, self._progress, self.stop)
        done = self._study.count() - len(self._cut_off)
        with self._progress.sweep(self._settings.trials, done, self._study.best()):
            # One trial at a time is taken from the iterator, when a thread is free: each proposal knows all ends before it.
            slots = joblib.Parallel(
                n_jobs=self._settings.workers,
                backend="threading",
                pre_dispatch="n_jobs",
                batch_size=1,
                return_as="generator_unordered",
            )
            for _ in slots(joblib.delayed(self._bring_to_its_end)(trials, trial) for trial in self._trials()):
                pass
        timer.cancel()

    def _time_is_up(self) -> None:
        self._progress.say(
            f"{self._settings.timeout_s:g} s are over: all is saved at the next batch; run the same command to go on"
        )
        self.stop.set()

    def _trials(self) -> Iterator[optuna.Trial]:
        for trial in self._cut_off:
            if self.stop.is_set():
                return
            yield trial
        while not self._is_over():
            try:
                trial = self._study.ask()
            except Exception as error:  # noqa: BLE001 # joblib takes trials in a thread of its own, where it would be lost
                self._end_with(error)
                return
            yield trial

    def _is_over(self) -> bool:
        return (
            self.stop.is_set()
            or self._study.is_exhausted
            or self._study.count() >= self._settings.trials
            or self._target_is_reached()
        )

    def _target_is_reached(self) -> bool:
        return self._settings.target is not None and self._study.best() >= self._settings.target

    def _end_with(self, error: BaseException) -> None:
        self._error = self._error or error
        self.stop.set()

    def _bring_to_its_end(self, trials: Trials, trial: optuna.Trial) -> None:
        try:
            trials.bring_to_its_end(trial)
        except Exception as error:  # noqa: BLE001 # raised again by ``run``, once the other threads have saved
            self._end_with(error)
