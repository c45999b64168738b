"""What becomes of a training that can neither begin nor resume."""

import optuna

from sweep.errors import SweepError
from sweep.experience import backup_files
from sweep.experience.accounting import have_trained
from sweep.experience.record import Record
from sweep.experience.trials import TrialRecord
from sweep.running.opening import OpenSweep
from sweep.running.preparation_probe import Preparable, PreparationProbe
from sweep.running.record_keeper import RecordKeeper
from sweep.running.repeats import Repeat
from sweep.training.protocol import End, Job, Warned

MOST_LEFT = 2  # trainings that cannot be resumed; more of them are no accident


class TroubleJudge:
    """Decides whether a training fails, is left for another run, or ends this one.

    Args:
        sweep: open.
        records: writes that an experience has failed.
    """

    def __init__(self, sweep: OpenSweep, records: RecordKeeper) -> None:
        self._progress, self._stop = sweep.context.progress, sweep.context.stop
        self._records = records
        self._probe = PreparationProbe(
            sweep.context.space, sweep.place, sweep.context.stop, sweep.trial_records.values()
        )
        self._left: list[str] = []

    def note(self, trial: TrialRecord) -> None:
        """Use a trial that has ended as a control from now on, see ``PreparationProbe``."""
        self._probe.note(trial)

    def check_none_is_left(self) -> None:
        """Raises SweepError where a training was left for another run."""
        if self._left:
            raise SweepError(
                f"{'; '.join(self._left)}: mend that, and run the same command to resume."
            )

    def judge(
        self, trial: optuna.Trial, repeat: Repeat, record: Record, end: End, job: Job
    ) -> None:
        """Decide what it means that a training cannot begin, or cannot be resumed.

        It fails where another training can be prepared, unless it has trained before, or what is
        missing may be there again tomorrow: then it is left for another run.

        Args:
            trial: the trial of the training.
            repeat: the experience of the training.
            record: its record, as it is on disk.
            end: how its last process ended.
            job: what could not begin.

        Raises:
            SweepError: no training can begin.
        """
        others = self._probe.try_others(job, lambda text: self._warn(trial, text))
        if self._stop.is_set():
            return
        experience = repeat.experience
        has_backup = backup_files.newest_position(experience.sauvegarde) is not None
        has_trained = has_backup or have_trained(experience, record)
        trouble = (
            f"trial {trial.number} ({experience.id}) cannot "
            f"{'resume' if has_trained else 'begin'}: {end.why}"
        )
        if others is Preparable.NO:
            raise SweepError(
                f"{trouble}; nor can any other: mend that, and run the same command to resume."
            )
        if not (has_trained or end.by_the_day):
            self._records.write_failure(experience, record, end)
            return
        if others is Preparable.YES:
            self._warn(trial, f"{end.why}: it {_state_left(has_trained, has_backup)}")
        self._left.append(trouble)
        if others is Preparable.UNKNOWN or len(self._left) == MOST_LEFT:
            self.check_none_is_left()

    def _warn(self, trial: optuna.Trial, text: str) -> None:
        self._progress.tell(trial.number, Warned(text))


def _state_left(has_trained: bool, has_backup: bool) -> str:
    """Return in what state a training is left for another run, in words."""
    if not has_trained:
        return "stays to do"
    return f"stays interrupted{', with its backups' if has_backup else ''}"
