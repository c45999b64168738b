"""One trial, from its number to its end: propose, train or read its experiences, and tell."""

import contextlib
import threading
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import optuna

from sweep.errors import MISSING, SweepError
from sweep.experience.record import Outcome, Record, State
from sweep.experience.trials import TrialRecord, ends_early
from sweep.experience.untrained import UntrainedTrial, note_untrained, read_untrained
from sweep.running.experience_trainer import ExperienceTrainer
from sweep.running.opening import OpenSweep
from sweep.running.record_keeper import RecordKeeper
from sweep.running.repeats import Repeat, repeats_of
from sweep.running.same_data import SameData
from sweep.running.same_objectives import SameObjectives
from sweep.running.trouble import TroubleJudge
from sweep.search.trial_conversion import notes_of
from sweep.space import mistakes
from sweep.space.identity import id_experience
from sweep.space.search_space import SEEDS
from sweep.system.host import now

FAILURES_THAT_STOP = 5


@dataclass(frozen=True)
class TrainingPlan:
    """The parameters of a trial, and in how many experiences they are trained.

    ``id_experience`` is that of the first.
    """

    id_experience: str
    parameters: dict[str, Any]
    repeats: int

    @property
    def epochs(self) -> int:
        """The number of epochs of a training."""
        return int(self.parameters["epochs"])


class TrialRunner:
    """Brings trials to their ends. Its methods may be called from any thread.

    Trials that lead to one experience wait for each other: it is trained once.

    Args:
        sweep: open.
    """

    def __init__(self, sweep: OpenSweep) -> None:
        self._sweep, self._context = sweep, sweep.context
        self._objectives = SameObjectives(sweep.context)
        self._records = RecordKeeper(sweep.context, sweep.study, self._objectives)
        self._data = SameData(sweep.context, sweep.known_data)
        self._judge = TroubleJudge(sweep, self._records)
        self._trainer = ExperienceTrainer(sweep, self._records, self._data, self._judge)
        self._noting = threading.Lock()
        self._lock_of_id: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def check_none_is_left(self) -> None:
        """Raises SweepError where a training was left for another run."""
        self._judge.check_none_is_left()

    def take_further(
        self, trial: optuna.Trial, plan: TrainingPlan, until: int | None = None
    ) -> bool:
        """Train the experiences of the trial, or read those that have an outcome; tell its value.

        Args:
            trial: one that has not ended.
            plan: what it trains.
            until: the epoch before which its first experience is paused; the trial then goes on
                later. None brings the trial to its end.

        Returns:
            Whether the trial has ended.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        self._sweep.fence()
        repeats = repeats_of(plan.parameters, plan.repeats, self._context, self._sweep.fence)
        with contextlib.ExitStack() as held:
            for name in sorted({repeat.experience.id for repeat in repeats}):
                held.enter_context(self._lock_of_id[name])
            ended = self._train_or_read(trial, repeats, until)
            if ended:
                self._close(trial, ended)
        return ended is not None

    def plan(self, trial: optuna.Trial) -> TrainingPlan | None:
        """Return what the trial is to train.

        None where the search space raises, with which the trial has failed, or was pruned.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        self._sweep.fence()
        trial_record = self._sweep.trial_records.get(trial.number)
        if trial_record:
            parameters = self._parameters_of(trial, trial_record)
            return self._plan(parameters, trial_record.repeat_count)
        space, study = self._context.space, self._sweep.study
        try:
            suggested = study.suggest(trial, space.suggest)
        except SweepError:
            raise
        except (*MISSING, MemoryError) as error:  # says nothing of the trial
            raise mistakes.mistake_of(error, space.source.path) from error
        # The search space is the user's, and may raise anything.
        except Exception as error:  # noqa: BLE001
            self._end_proposal(trial, error)
            return None
        parameters = space.parameters(suggested)
        plan = self._plan(parameters, self._context.settings.repeats)
        study.set_attribute(trial, "id_experience", plan.id_experience)
        return plan

    def _plan(self, parameters: dict[str, Any], repeats: int) -> TrainingPlan:
        name = id_experience(self._context.space.source.name, parameters)
        return TrainingPlan(name, parameters, repeats)

    def _parameters_of(self, trial: optuna.Trial, trial_record: TrialRecord) -> dict[str, Any]:
        """Return the parameters of a trial that has a folder, as its record has them.

        The records of older versions have 1 where 1.0 was written, which made some trainings fail.
        Where there is nothing to resume, the trial gets what the same code suggests today.
        """
        record, space = trial_record.record, self._context.space
        seed = (record.parameters["seed"] - (trial_record.entry.repeat or 0)) % SEEDS
        recorded = {**record.parameters, "seed": seed}
        if trial_record.has_backup() or space.source.changes_since(record.search_space):
            return recorded
        with contextlib.suppress(Exception):  # the record has all that is needed
            written = space.parameters(self._sweep.study.suggest(trial, space.suggest))
            if id_experience(space.source.name, written) == id_experience(
                space.source.name, recorded
            ):
                return written
        return recorded

    def _end_proposal(self, trial: optuna.Trial, error: Exception) -> None:
        """Tell the end of a trial that has no experience, because ``suggest`` has raised."""
        state = State.PRUNED if isinstance(error, optuna.TrialPruned) else State.FAILED
        path, progress = self._context.space.source.path, self._context.progress
        reason = f"{path.name}, {mistakes.error_in_file(error, path)}"
        progress.begin(trial.number, path.stem)
        progress.trained(trial.number, path.stem)
        untrained = UntrainedTrial(trial.number, state, reason)
        with self._noting:
            self._context.write_patiently(lambda: note_untrained(self._context.root, untrained))
        self._tell(trial, path.stem, Outcome(state, now(), reason), [], {"reason": reason})

    def _train_or_read(
        self, trial: optuna.Trial, repeats: list[Repeat], until: int | None
    ) -> TrialRecord | None:
        """Return the trial with all its experiences, once each has an outcome; None where not."""
        ended: list[TrialRecord] = []
        for repeat in repeats:
            record = self._records.read(trial, repeat)
            if not record.outcome:
                record = self._train(trial, repeat, record, until if repeat.is_first else None)
            if not record.outcome:
                return None
            (entry,) = (entry for entry in record.trials if entry.number == trial.number)
            ended.append(TrialRecord(repeat.experience, record, entry))
            if ends_early([record.outcome]):
                break
        return replace(ended[0], others=tuple(ended[1:]))

    def _train(
        self, trial: optuna.Trial, repeat: Repeat, record: Record, until: int | None
    ) -> Record:
        """Train an experience until it ends or is paused, and return its record."""
        name, progress = repeat.experience.id, self._context.progress
        if record.is_paused_for(until):
            self._context.write_patiently(lambda: repeat.experience.write(record))
        else:
            self._trainer.train(trial, repeat, record, until)
            progress.trained(trial.number, name)
        record = self._records.read(trial, repeat)
        self._sweep.limits.learn(record.sessions[-1:])
        self._data.compare(record)
        self._objectives.compare(record)
        self._context.patiently(lambda: self._sweep.standings.settle(repeat.experience, record))
        if record.is_paused_for(until):
            self._pause(trial, repeat, record)
        return record

    def _pause(self, trial: optuna.Trial, repeat: Repeat, record: Record) -> None:
        """Let the sampler and the user know how far a training is that is paused."""
        values = self._sweep.standings.values_of(repeat.experience.id)
        for number in (entry.number for entry in record.trials):
            self._sweep.study.show_paused(number, values)
        best = self._context.patiently(lambda: repeat.experience.best(record))
        self._context.progress.pause(trial.number, record, best)

    def _close(self, trial: optuna.Trial, ended: TrialRecord) -> None:
        """Write the end of the trial into its folders, then tell it to Optuna."""
        self._records.write_end(ended)
        self._sweep.standings.settle(ended.experience, ended.record)  # with its constraints
        outcome = ended.outcome
        if outcome:
            curve = self._context.patiently(ended.curve)
            others = f" and {len(ended.others)} with other seeds" if ended.others else ""
            name = f"{ended.experience.id}{others}"
            self._tell(trial, name, outcome, curve, notes_of(ended))
        self._context.patiently(lambda: self._sweep.disk.free_backups(ended.repeats))
        self._judge.note(ended)

    def _tell(
        self,
        trial: optuna.Trial,
        name: str,
        outcome: Outcome,
        curve: list[float],
        notes: dict[str, Any],
    ) -> None:
        self._sweep.fence()
        self._sweep.study.tell(trial, outcome, curve, notes)
        self._context.progress.end(trial.number, name, outcome)
        if outcome.state is State.FAILED:
            self._stop_where_all_failed(outcome)

    def _stop_where_all_failed(self, outcome: Outcome) -> None:
        """Raises SweepError where the first trials have all failed."""
        settings, study = self._context.settings, self._sweep.study
        counts = study.count_states()
        failed = counts["failed"]
        if counts["finished"] or self._sweep.standings.has_paused():
            return
        untrained = read_untrained(self._context.root).values()
        skipped = sum(trial.state is State.PRUNED for trial in untrained)  # by ``suggest``
        if counts["pruned"] > skipped or failed < min(
            FAILURES_THAT_STOP, settings.trials - skipped
        ):
            return
        # As ``Inventory.have_all_failed`` will see it in the next run.
        begins_anew = failed + skipped == study.count() and settings.repeats == 1
        next_step = (
            "run the same command: they begin from the beginning"
            if begins_anew
            else f"take them up again by sweep retry {settings.space} --failed"
        )
        raise SweepError(
            f"The first {failed} trials all failed, the last one because of {outcome.reason}; "
            f"mend {self._context.space.source.path} and {next_step}."
        )
