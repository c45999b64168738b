"""The controller's part of ``experience.json``: which trials led to the experience, and its end."""

import functools

import optuna

from sweep.experience import backup_files
from sweep.experience.folder import Experience
from sweep.experience.record import Outcome, Record, State
from sweep.experience.trials import TrialRecord
from sweep.running.context import SweepContext
from sweep.running.repeats import Repeat
from sweep.running.same_objectives import SameObjectives
from sweep.search.study import Study
from sweep.system.host import now
from sweep.training.protocol import End, Ending


class RecordKeeper:
    """Reads and writes records, again and again while the root does not answer.

    Args:
        context: of the sweep.
        study: has the entries of the trials.
        objectives: of the trainings.
    """

    def __init__(self, context: SweepContext, study: Study, objectives: SameObjectives) -> None:
        self._context, self._study, self.objectives = context, study, objectives

    def read(self, trial: optuna.Trial, repeat: Repeat) -> Record:
        """Return the record of an experience as it is on disk, or a new one, with this trial in it.

        Nothing is written.
        """
        return self._context.patiently(lambda: self._read(trial, repeat))

    def _read(self, trial: optuna.Trial, repeat: Repeat) -> Record:
        record = backup_files.read_record(repeat.experience) or self._new_record(repeat)
        if not record.outcome:
            if not backup_files.newest_position(repeat.experience.sauvegarde):
                record.parameters = repeat.parameters  # as they are written today
            source = self._context.space.source
            changed = source.changes_since(record.search_space)
            if changed:
                record.mark_approximate(
                    f"its search space was changed on the way, in {', '.join(changed)}"
                )
            record.search_space = source.identity()
        entries = {entry.number: entry for entry in record.trials}
        before = entries.get(trial.number)
        if not (before and before.ended):
            entry = self._study.entry(trial)
            entry.came_from = before.came_from if before else None
            if repeat.count > 1:
                entry.repeat, entry.repeats = repeat.number, repeat.count
            entries[trial.number] = entry
        record.trials = list(entries.values())
        return record

    def _new_record(self, repeat: Repeat) -> Record:
        space = self._context.space
        return Record(
            id_experience=repeat.experience.id,
            search_space=space.source.identity(),
            parameters=repeat.parameters,
            seed=repeat.parameters["seed"],
            threads=self._context.settings.threads or 1,
            trials=[],
            objectives=list(self.objectives.expected() or space.objectives),
        )

    def write_failure(self, experience: Experience, record: Record, end: End) -> None:
        """Write that an experience has failed, because its process ended so."""
        died = end.ending is Ending.DIED
        record.outcome = Outcome(State.FAILED, now(), end.why, traceback=end.traceback, died=died)
        self._context.patiently(lambda: experience.write(record))

    def write_end(self, trial: TrialRecord) -> None:
        """Write into each experience of a trial its values, and that the trial has ended."""
        for repeat in trial.repeats:
            self._context.patiently(functools.partial(self._write_end, repeat))

    def _write_end(self, repeat: TrialRecord) -> None:
        experience, record, outcome = repeat.experience, repeat.record, repeat.record.outcome
        if outcome:
            # Read from the log once more: not every outcome was written by a training of today.
            outcome.values, outcome.epoch = experience.values(record)
        space = self._context.space
        is_finished = outcome and outcome.state is State.FINISHED
        if space.constraints and outcome and is_finished and outcome.epoch is not None:
            results = experience.results(record, outcome.epoch)
            outcome.constraints = space.constraints_of(record.parameters, results)
        if not repeat.entry.ended:
            repeat.entry.ended = now()
            experience.write(record)
