"""One trial, from its number to its end: propose, find its experience, train or read it, write down and tell."""

import contextlib
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import optuna

from sweep.errors import MISSING, SweepError
from sweep.experience import backup_files
from sweep.experience.accounting import have_trained
from sweep.experience.folder import Experience
from sweep.experience.record import Outcome, Record, State
from sweep.experience.trials import TrialRecord, is_over
from sweep.running.opening import OpenSweep
from sweep.running.preparation_probe import Others, PreparationProbe
from sweep.search.trial_conversion import notes_of
from sweep.space import search_space
from sweep.space.identity import id_experience
from sweep.space.search_space import SEEDS
from sweep.system.files import PATIENCE_S, pauses
from sweep.system.host import now
from sweep.training.protocol import End, Ending, EpochDone, Job, News, Sized, Warned

FAILURES_THAT_STOP = 5
DEATHS_THAT_FAIL = 3
OFTEN = f"({DEATHS_THAT_FAIL} times without a new epoch in between)"
ABSENCE_S = (
    PATIENCE_S / 15
)  # for so long, what is missing in the midst of a training is tried again
SECOND_TRY_S = 1.0
MOST_LEFT = 2  # trainings that cannot go on; more of them are no accident
MOVED_ON_S = 0.5

T = TypeVar("T")


class Restarts:
    """What has befallen one training since its last new epoch; one that is trained again after a cut is not new."""

    def __init__(self) -> None:
        self._furthest = -1
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._deaths = self._second_tries = 0
        self.was_at_work = False
        self._for_what_is_missing, self._for_the_drive = Backoff(ABSENCE_S), Backoff(PATIENCE_S)

    @property
    def were_deaths(self) -> bool:
        """Whether it has died so often that it is given up."""
        return self._deaths == DEATHS_THAT_FAIL

    def count(self, end: End, epoch: int, was_at_work: bool) -> None:
        """Count an end that was none.

        Args:
            end: of a process.
            epoch: the last one that it had trained, -1 for none.
            was_at_work: it had trained a batch.
        """
        if epoch > self._furthest:
            self._furthest = epoch
            self._begin_anew()
        self._deaths += end.ending is Ending.DIED and not end.by_the_day
        self.was_at_work |= was_at_work

    def pause(self, end: End) -> float | None:
        """Return how many seconds to wait after an end that was none; None where there is no more waiting.

        Raises:
            SweepError: the drive, or the cluster, has been waited for long enough.
        """
        if end.ending is Ending.UNPREPARED:  # once more, for a file may have been away in passing
            self._second_tries += 1
            return SECOND_TRY_S if end.by_the_day and self._second_tries == 1 else None
        if end.ending is Ending.DIED and not end.by_the_day:
            return None if self.were_deaths else 0.0
        if end.by_the_day:
            return self._for_what_is_missing.next()
        pause = self._for_the_drive.next()
        if pause is None:
            raise SweepError(f"{end.why}: mend that, and run the same command to go on.")
        return pause


class Backoff:
    """Growing pauses, for so many seconds in all.

    Args:
        patience_s: from the first of them on.
    """

    def __init__(self, patience_s: float) -> None:
        self._pauses, self._patience_s, self._until = pauses(), patience_s, float("inf")

    def next(self) -> float | None:
        """Return the next pause in seconds, or None where the time is up."""
        time_now = time.monotonic()
        if time_now > self._until:
            return None
        self._until = min(self._until, time_now + self._patience_s)
        return next(self._pauses)


@dataclass(frozen=True)
class Repeat:
    """One experience of a trial: ``repeat`` (from 0) of so many ``repeats``, which differ in their seed."""

    experience: Experience
    parameters: dict[str, Any]
    repeat: int
    repeats: int


class TrialRunner:
    """Brings trials to their ends. Trials that lead to one experience wait for each other: it is trained once.

    Args:
        sweep: open.
    """

    def __init__(self, sweep: OpenSweep) -> None:
        context = sweep.context
        self._context, self._study, self._place = context, sweep.study, sweep.place
        self._space, self._root, self._settings = context.space, context.root, context.settings
        self._progress, self._stop = context.progress, context.stop
        self._run, self._data_before, self._fence = sweep.run, sweep.data_before, sweep.fence
        self._known, self._disk, self._limits = sweep.known, sweep.disk, sweep.limits
        self._control = PreparationProbe(
            context.space, sweep.place, context.stop, sweep.known.values()
        )
        self.left: list[str] = []
        self._same_id: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def check_none_is_left(self) -> None:
        """Raises SweepError where a training could not go on, and others could."""
        if self.left:
            raise SweepError(
                f"{'; '.join(self.left)}: mend that, and run the same command to go on."
            )

    def bring_to_its_end(self, trial: optuna.Trial) -> None:
        """Train the experience that the trial leads to, or read it where it has been trained, and tell its value.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        self._fence()
        proposed = self._proposal(trial)
        if not proposed:
            return
        parameters, repeats = proposed
        parts = [self._part(parameters, repeat, repeats) for repeat in range(repeats)]
        with contextlib.ExitStack() as held:
            for name in sorted({part.experience.id for part in parts}):
                held.enter_context(self._same_id[name])
            self._train_or_read(trial, parts)

    def _part(self, parameters: dict[str, Any], repeat: int, repeats: int) -> Repeat:
        of_seed = {**parameters, "seed": (parameters["seed"] + repeat) % SEEDS}
        experience = Experience(
            self._root / id_experience(self._space.source.name, of_seed), self._fence
        )
        return Repeat(experience, of_seed, repeat, repeats)

    def _proposal(self, trial: optuna.Trial) -> tuple[dict[str, Any], int] | None:
        """Return the parameters of the trial, and how often it is repeated; None where the search space raises, which fails
        the trial."""
        known = self._known.get(trial.number)
        if known:
            seed = known.record.parameters["seed"] - (known.entry.repeat or 0)
            return {**known.record.parameters, "seed": seed % SEEDS}, known.repeats
        try:
            suggested = self._study.suggest(trial, self._space.suggest)
        except SweepError:
            raise
        except (*MISSING, MemoryError) as error:  # which says nothing of the trial
            raise search_space.mistake(error, self._space.source.path) from error
        except Exception as error:  # noqa: BLE001 # the search space is the user's, and may raise anything
            path = self._space.source.path
            reason = f"{path.name}, {search_space.error_in_file(error, path)}"
            self._progress.begin(trial.number, path.stem)
            self._progress.trained(trial.number, path.stem)
            self._tell(
                trial, path.stem, Outcome(State.FAILED, now(), reason), [], {"reason": reason}
            )
            return None
        parameters = self._space.parameters(suggested)
        name = id_experience(self._space.source.name, parameters)
        self._study.set_attribute(trial, "id_experience", name)
        return parameters, self._settings.repeats

    def _train_or_read(self, trial: optuna.Trial, parts: list[Repeat]) -> None:
        """Bring each experience to its end, and tell the trial's value once all have ended."""
        ended: list[TrialRecord] = []
        for part in parts:
            record = self._context.read_patiently(lambda: self._record(trial, part))  # noqa: B023 # called here
            if not record.outcome:
                self._train(trial, part, record)
                self._progress.trained(trial.number, part.experience.id)
                record = self._context.read_patiently(lambda: self._record(trial, part))  # noqa: B023 # called here
                self._limits.learn(record.sessions[-1:])
                self._compare_data(record)
            if not record.outcome:
                return
            (entry,) = (entry for entry in record.trials if entry.number == trial.number)
            ended.append(TrialRecord(part.experience, record, entry))
            if is_over([record.outcome]):
                break
        known = replace(ended[0], others=tuple(ended[1:]))
        self._close(trial, known)
        self._control.note(known)

    def _compare_data(self, record: Record) -> None:
        """Let the data of the first training be those of all; others may have been begun beside it."""
        if not self._data_before or self._settings.accept_change:
            self._data_before = record.data_identity
        elif record.data_identity and record.data_identity["digest"] != self._data_before["digest"]:
            raise SweepError(
                f"{self._space.source.path}: load_data gives each training of {self._root} other data: give what it draws "
                "at random a seed, as numpy.random.default_rng(0), sort what comes out of a set, and take another --root."
            )

    def _record(self, trial: optuna.Trial, part: Repeat) -> Record:
        """Return what the experience's record is to say of it now: the one on disk, with this trial in it."""
        code = self._space.source.identity()
        record = backup_files.read_record(part.experience) or Record(
            id_experience=part.experience.id,
            search_space=code,
            parameters=part.parameters,
            seed=part.parameters["seed"],
            threads=self._settings.threads or 1,
            trials=[],
            aims=list(self._space.aims),
        )
        if not record.outcome:
            changed = self._space.source.changes_since(record.search_space)
            if changed:
                record.mark_approximate(
                    f"its search space was changed on the way, in {', '.join(changed)}"
                )
            record.search_space = code
        entries = {entry.number: entry for entry in record.trials}
        before = entries.get(trial.number)
        if not (before and before.ended):
            entry = self._study.entry(trial)
            entry.came_from = before.came_from if before else None
            if part.repeats > 1:
                entry.repeat, entry.repeats = part.repeat, part.repeats
            entries[trial.number] = entry
        record.trials = list(entries.values())
        return record

    def _train(self, trial: optuna.Trial, part: Repeat, record: Record) -> None:
        """Train until the experience has ended or all is to stop: killed or left alone by its drive, it is begun again."""
        self._place.wait_until_warm(self._stop)
        if not self._may_train():
            return
        setbacks, known = Restarts(), self._known.get(trial.number)
        if known and known.experience == part.experience and not part.repeat:
            self._study.catch_up(trial, self._context.read_patiently(known.curve))
        self._progress.begin(trial.number, part.experience.id)
        while self._may_train():
            sessions = len(record.sessions)
            end, epoch = self._train_once(trial, part, record)
            if end.ending is Ending.OUTCOME:
                return
            if end.ending is Ending.REFUSED:
                raise SweepError(end.why)
            record = self._context.read_patiently(lambda: self._record(trial, part))
            setbacks.count(end, epoch, have_trained(part.experience, record, sessions))
            pause = (
                None if record.outcome else self._pause_after(trial, part, record, end, setbacks)
            )
            if pause is None:  # it may also have died after its last word
                return
            self._stop.wait(pause)

    def _may_train(self) -> bool:
        return not self._stop.is_set() and self._limits.next_training().may_begin

    def _train_once(self, trial: optuna.Trial, part: Repeat, record: Record) -> tuple[End, int]:
        """Return how a process ended that trained, and the last epoch that it has trained, -1 for none."""
        epoch = -1

        def on_news(news: News) -> str | None:
            nonlocal epoch
            self._progress.tell(trial.number, news)
            if isinstance(news, Sized):
                self._disk.foretell(news)
            if not isinstance(news, EpochDone):
                return None
            epoch = news.epoch
            # A pruner compares first ones with first ones.
            return self._report(trial, news, job.prunes) if not part.repeat else None

        job = self._job(part, record)
        return self._place.train(job, self._stop, on_news), epoch

    def _job(self, part: Repeat, record: Record) -> Job:
        settings = self._settings
        return Job(
            source=self._space.source,
            experience=Experience(part.experience.path),
            record=record,
            save_freq=settings.save_freq,
            keep_data=settings.keep_data,
            prunes=settings.pruner != "none" and not part.repeat and not record.unpruned,
            cluster=self._place.cluster,
            run=self._run,
            data_before=None if settings.accept_change else self._data_before,
        )

    def _pause_after(
        self, trial: optuna.Trial, part: Repeat, record: Record, end: End, setbacks: Restarts
    ) -> float | None:
        """Return how many seconds to wait until the training is begun again; None where it is given up in this run.

        Raises:
            SweepError: it is the session's trouble, or has been waited for long enough.
        """
        if end.ending in (
            Ending.MOVED_ON,
            Ending.STOPPED,
        ):  # there is more to know, or a worker of a cluster was closed
            return MOVED_ON_S
        pause = setbacks.pause(end)
        if setbacks.were_deaths:
            end = replace(end, why=f"{end.why} {OFTEN}")
        if pause is None and setbacks.were_deaths and setbacks.was_at_work:
            self._fail(part.experience, record, end)
        elif pause is None:
            self._judge(trial, part, record, end)
        else:
            has_backup = backup_files.newest_position(part.experience.sauvegarde)
            how = "goes on from its backup" if has_backup else "is begun again"
            self._progress.tell(trial.number, Warned(f"{end.why}: it {how}"))
        return pause

    def _judge(self, trial: optuna.Trial, part: Repeat, record: Record, end: End) -> None:
        """Decide what it means that a training cannot begin, or cannot go on.

        Where no other can begin either, it is no outcome; nor where this one has been trained before, or where what is
        missing may be there again tomorrow. Else it has failed.

        Raises:
            SweepError: it is the session's trouble.
        """
        others = self._control.look(
            self._job(part, record), lambda text: self._progress.tell(trial.number, Warned(text))
        )
        if self._stop.is_set():
            return
        has_backup = backup_files.newest_position(part.experience.sauvegarde)
        has_trained = has_backup or have_trained(part.experience, record)
        what = f"trial {trial.number} ({part.experience.id}) cannot {'go on' if has_trained else 'begin'}: {end.why}"
        if others is Others.CANNOT:
            raise SweepError(
                f"{what}; nor can any other: mend that, and run the same command to go on."
            )
        if not (has_trained or end.by_the_day):
            self._fail(part.experience, record, end)
            return
        if others is Others.CAN:
            kept = (
                f"stays interrupted{', with its backups' if has_backup else ''}"
                if has_trained
                else "stays to do"
            )
            self._progress.tell(trial.number, Warned(f"{end.why}: it {kept}"))
        self.left.append(what)
        if others is Others.UNKNOWN or len(self.left) == MOST_LEFT:
            self.check_none_is_left()

    def _fail(self, experience: Experience, record: Record, end: End) -> None:
        died = end.ending is Ending.DIED
        record.outcome = Outcome(State.FAILED, now(), end.why, traceback=end.traceback, died=died)
        self._context.read_patiently(lambda: experience.write(record))

    def _report(self, trial: optuna.Trial, done: EpochDone, is_judged: bool) -> str | None:
        self._fence()
        try:
            return self._study.report(trial, done.epoch, done.value, is_judged)
        except SweepError as error:  # the end of the trial tells each epoch again
            self._progress.tell(trial.number, Warned(str(error)))
            return None

    def _close(self, trial: optuna.Trial, known: TrialRecord) -> None:
        """Write the end of the trial into its folders, then tell it to Optuna."""
        for one in known.parts:
            self._context.read_patiently(lambda: self._write_end(one))  # noqa: B023 # called here
        outcome = known.outcome
        if outcome:
            curve = self._context.read_patiently(known.curve)
            more = f" and {len(known.others)} with other seeds" if known.others else ""
            name = f"{known.experience.id}{more}"
            self._tell(trial, name, outcome, curve, notes_of(known))
        self._context.read_patiently(lambda: self._disk.free_backups(known.parts))

    def _write_end(self, one: TrialRecord) -> None:
        outcome = one.record.outcome
        if outcome:
            outcome.values, outcome.epoch = one.experience.values(one.record)
        if (
            self._space.constraints
            and outcome
            and outcome.epoch is not None
            and outcome.state is State.FINISHED
        ):
            results = one.experience.results(one.record, outcome.epoch)
            outcome.constraints = self._space.constraints_of(one.record.parameters, results)
        if not one.entry.ended:
            one.entry.ended = now()
            one.experience.write(one.record)

    def _tell(
        self,
        trial: optuna.Trial,
        name: str,
        outcome: Outcome,
        curve: list[float],
        notes: dict[str, Any],
    ) -> None:
        self._fence()
        self._study.tell(trial, outcome, curve, notes)
        self._progress.end(trial.number, name, outcome)
        if outcome.state is State.FAILED:
            self._stop_where_all_failed(outcome)

    def _stop_where_all_failed(self, outcome: Outcome) -> None:
        counts = self._study.count_states()
        if not counts["done"] and counts["failed"] >= min(
            FAILURES_THAT_STOP, self._settings.trials
        ):
            # As ``Folders.have_all_failed`` will see it.
            are_all = counts["failed"] == self._study.count() and self._settings.repeats == 1
            again = f"take them up again by sweep retry {self._settings.space} --failed"
            raise SweepError(
                f"The first {counts['failed']} trials all failed, the last one because of {outcome.reason}; "
                f"mend {self._space.source.path} and "
                f"{'run the same command: they begin from the beginning' if are_all else again}."
            )
