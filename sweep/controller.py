"""Many experiences, one after the other or side by side: which trial next, and what becomes of it."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import optuna

from sweep import resume, search_space
from sweep.errors import SweepError
from sweep.experience import Experience, Outcome, Record, State, experiences_in, state_of
from sweep.host import cores, now
from sweep.identity import NotPlain, id_experience, plain
from sweep.job import End, Ending, EpochDone, Job, News
from sweep.log import best_val_acc, check_header, read_val_acc
from sweep.places import LocalProcesses
from sweep.progress import Progress
from sweep.root import STUDY, Lock, prepare, root_of
from sweep.search_space import SearchSpace, SearchSpaceWrong, what_changed
from sweep.study import Study

FAILURES_THAT_STOP = 5
# Who kills a whole process tree may kill a training first. Before that is taken for a failure, the controller waits: if it
# lives, only the training was killed.
GRACE_S = 2.0
ORPHAN_S = 20.0


@dataclass(frozen=True)
class Settings:
    """What ``sweep run`` was asked to do. ``timeout_s`` is in seconds, ``save_freq`` in batches."""

    space: str
    trials: int = 20
    epochs: int | None = None
    workers: int = 1
    root: Path | None = None
    seed: int = 0
    sampler: str = "tpe"
    pruner: str = "none"
    threads: int | None = None
    save_freq: int = 1000
    timeout_s: float | None = None
    target: float | None = None
    storage: str | None = None
    accept_change: bool = False


class Sweep:
    """A sweep under its root. Every trial that was begun is brought to its end before a new one is proposed.

    Args:
        settings: what to do.
        progress: is told all that happens.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.stop = threading.Event()
        self._settings, self._progress = settings, progress
        self._space = self._load()
        self._name = self._space.source.name
        self.root = root_of(self._name, settings.root)
        self._place = LocalProcesses(self._space.source.imported_modules())
        self._same_id: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._failures: list[str] | None = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the sweep, or go on, until its trials are done or ``stop`` is set.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        prepare(self.root)
        with Lock(self.root, self._progress.say):
            self._check_folders()
            settings = self._settings
            storage = settings.storage or self.root / STUDY
            self._study = Study(self._name, storage, settings.sampler, settings.seed, settings.pruner)
            self._cut_off = self._study.cut_off()
            self._say_what_is_there()
            if self._cut_off or not self._is_over():
                self._train_all()
        if self._error:
            raise self._error

    def kill(self) -> None:
        """End all trainings at once, without another backup."""
        self._place.kill()

    def _load(self) -> SearchSpace:
        space = search_space.load(search_space.find(self._settings.space))
        epochs = self._settings.epochs
        return space if epochs is None else replace(space, fixed={**space.fixed, "epochs": epochs})

    def _check_folders(self) -> None:
        latest: dict[str, Any] | None = None
        for experience in experiences_in(self.root):
            experience.check(self._name)
            if experience.log.exists():
                check_header(experience.log.read_bytes(), experience.log)
            record = experience.read()
            if record and record.sessions and (not latest or record.sessions[-1]["begun"] > latest["begun"]):
                latest = {"begun": record.sessions[-1]["begun"], "fingerprint": record.search_space["fingerprint"]}
        if latest and not self._settings.accept_change:
            changed = what_changed(latest["fingerprint"], self._space.source.fingerprint())
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
        position = resume.newest_position(Experience(self.root / name).sauvegarde) if name else None
        epoch, batch = (position.epoch, position.batch) if position else (0, 0)
        return f"trial {trial.number} at epoch {epoch}, batch {batch}"

    def _train_all(self) -> None:
        timer = threading.Timer(self._settings.timeout_s or threading.TIMEOUT_MAX, self._time_is_up)
        timer.daemon = True
        timer.start()
        self._progress.say("importing Keras, once for all trainings")
        self._place.start()
        with self._progress.sweep(self._settings.trials, self._study.count() - len(self._cut_off)):
            # One trial at a time is taken from the iterator, when a thread is free: each proposal knows all ends before it.
            slots = joblib.Parallel(
                n_jobs=self._settings.workers,
                backend="threading",
                pre_dispatch="n_jobs",
                batch_size=1,
                return_as="generator_unordered",
            )
            for _ in slots(joblib.delayed(self._bring_to_its_end)(trial) for trial in self._trials()):
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
            or (self._settings.target is not None and self._study.best() >= self._settings.target)
        )

    def _end_with(self, error: BaseException) -> None:
        self._error = self._error or error
        self.stop.set()

    def _bring_to_its_end(self, trial: optuna.Trial) -> None:
        try:
            experience, parameters = self._proposal(trial)
            if experience:
                with self._same_id[experience.id]:
                    self._train_or_read(trial, experience, parameters)
        except Exception as error:  # noqa: BLE001 # raised again by ``run``, once the other threads have saved
            self._end_with(error)

    def _proposal(self, trial: optuna.Trial) -> tuple[Experience | None, dict[str, Any]]:
        """Return the experience that the trial leads to; None where the search space raises, which fails the trial."""
        path = self._space.source.path
        try:
            suggested = self._study.suggest(trial, self._space.suggest)
        except Exception as error:  # noqa: BLE001 # the search space is the user's, and may raise anything
            reason = f"{path.name}, {search_space.error_in_file(error, path)}"
            self._tell(trial, Outcome(State.FAILED, now(), reason), [])
            return None, {}
        try:
            parameters = plain(self._space.parameters(suggested))
            name = id_experience(self._name, parameters)
        except NotPlain as error:
            raise NotPlain(f"{path}: {error}") from error
        trial.set_user_attr("id_experience", name)
        return Experience(self.root / name), parameters

    def _train_or_read(self, trial: optuna.Trial, experience: Experience, parameters: dict[str, Any]) -> None:
        record = self._record(trial, experience, parameters)
        if not record.outcome:
            end = self._train(trial, experience, record)
            record = self._record(trial, experience, parameters)
            if end.ending is Ending.DIED and not self.stop.is_set():
                record.outcome = record.outcome or Outcome(State.FAILED, now(), end.why)
        if record.outcome:
            self._close(trial, experience, record, record.outcome)

    def _record(self, trial: optuna.Trial, experience: Experience, parameters: dict[str, Any]) -> Record:
        """Return what the experience's record is to say of it now: the one on disk, with this trial in it."""
        fingerprint = self._space.source.fingerprint()
        record = experience.read() or Record(
            id_experience=experience.id,
            search_space={"name": self._name, "fingerprint": fingerprint},
            parameters=parameters,
            seed=parameters["seed"],
            threads=self._settings.threads or max(1, cores() // self._settings.workers),
            trials=[],
        )
        changed = what_changed(record.search_space["fingerprint"], fingerprint)
        if changed and not record.outcome:
            record.approximate_because = f"its search space was changed on the way, in {', '.join(changed)}"
            record.search_space["fingerprint"] = fingerprint
        if trial.number not in (entry["number"] for entry in record.trials):
            record.trials.append(self._study.entry(trial))
        return record

    def _train(self, trial: optuna.Trial, experience: Experience, record: Record) -> End:
        self._outwait_orphan(experience, record)
        self._place.wait_until_warm(self.stop)
        if self.stop.is_set():
            return End(Ending.STOPPED)
        self._progress.begin(trial.number, experience.id)

        def on_news(news: News) -> bool:
            self._progress.tell(trial.number, news)
            return isinstance(news, EpochDone) and self._study.report(trial, news.epoch, news.val_acc)

        job = Job(self._space.source, experience, record, self._settings.save_freq)
        end = self._place.train(job, self.stop, on_news)
        if end.ending is Ending.REFUSED:
            raise SweepError(end.why)
        if end.ending is Ending.DIED:
            time.sleep(GRACE_S)
        return end

    def _outwait_orphan(self, experience: Experience, record: Record) -> None:
        """Wait for a training that outlives its killed controller by an instant: both would write the same files."""
        until = time.monotonic() + ORPHAN_S
        while state_of(record) is State.RUNNING and not self.stop.is_set():
            if time.monotonic() > until:
                pid = record.sessions[-1]["process"]["pid"]
                raise SweepError(
                    f"Process {pid} still trains in {experience.path}: kill {pid}, and run the same command again."
                )
            time.sleep(0.1)

    def _close(self, trial: optuna.Trial, experience: Experience, record: Record, outcome: Outcome) -> None:
        """Write the end of the trial into its folder, then tell it to Optuna."""
        backup = resume.newest_position(experience.sauvegarde)
        if outcome.state is State.FINISHED and backup:
            resume.restore_log(experience, backup.log.encode())
        val_acc = read_val_acc(experience.log)
        best = best_val_acc(val_acc)
        outcome.val_acc, outcome.epoch = best or (None, None)
        for entry in record.trials:
            if entry["number"] == trial.number and not entry["ended"]:
                entry["ended"] = now()
                experience.write(record)
        self._tell(trial, outcome, val_acc)

    def _tell(self, trial: optuna.Trial, outcome: Outcome, val_acc: list[float]) -> None:
        self._study.tell(trial, outcome, val_acc)
        self._progress.end(trial.number, outcome)
        if outcome.state is not State.FAILED:
            self._failures = None
        elif self._failures is not None:
            self._failures.append(str(outcome.reason))
            if len(self._failures) == FAILURES_THAT_STOP:
                raise SweepError(
                    f"The first {FAILURES_THAT_STOP} trials all failed, the last one because of {self._failures[-1]}; "
                    f"mend {self._space.source.path} and run again with another --root or --accept-change."
                )
