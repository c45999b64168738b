"""One experience, trained until it has an outcome: in as many processes as that takes."""

from dataclasses import replace

import optuna

from sweep.errors import SweepError
from sweep.experience import backup_files
from sweep.experience.accounting import have_trained
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.running.opening import OpenSweep
from sweep.running.record_keeper import RecordKeeper
from sweep.running.repeats import Repeat
from sweep.running.restarts import DEATHS_THAT_FAIL, Restarts
from sweep.running.same_data import SameData
from sweep.running.trouble import TroubleJudge
from sweep.training.protocol import End, Ending, EpochDone, Job, News, SaveTakes, Sized, Warned

MOVED_ON_S = 0.5


class ExperienceTrainer:
    """Trains experiences, one at each call. Its methods may be called from any thread.

    Args:
        sweep: open.
        records: reads what a process has left.
        data: what the data of each training must be.
        judge: decides about a training that cannot begin.
    """

    def __init__(
        self, sweep: OpenSweep, records: RecordKeeper, data: SameData, judge: TroubleJudge
    ) -> None:
        self._sweep, self._context = sweep, sweep.context
        self._progress, self._stop = sweep.context.progress, sweep.context.stop
        self._records, self._data, self._judge = records, data, judge
        # Else a mistake in a later phase would be found hours later.
        self._rehearses_phases = sweep.context.space.phases is not None

    def train(
        self, trial: optuna.Trial, repeat: Repeat, record: Record, until: int | None = None
    ) -> None:
        """Train until the experience ends, is paused or given up in this run, or all is to stop.

        Where the process is killed, or the drive leaves it alone, the training begins again.

        Args:
            trial: hears of each epoch, where it is the first of its repeats.
            repeat: the experience.
            record: its record, without an outcome.
            until: the epoch before which it is paused; None is never.

        Raises:
            SweepError: no training can begin, or something has been waited for long enough.
        """
        self._sweep.place.wait_until_warm(self._stop)
        if not self._sweep.may_train():
            return
        restarts = Restarts()
        self._report_earlier_epochs(trial, repeat)
        self._progress.begin(trial.number, repeat.experience.id)
        while self._sweep.may_train():
            sessions = len(record.sessions)
            end, epoch = self._train_once(trial, repeat, record, until)
            if end.ending in (Ending.OUTCOME, Ending.PAUSED):
                return
            if end.ending is Ending.REFUSED:
                raise SweepError(end.why)
            record = self._records.read(trial, repeat)
            # The process may have died after it had written its end.
            if record.outcome or record.is_paused_for(until):
                return
            restarts.count(end, epoch, have_trained(repeat.experience, record, sessions))
            job = self._job(repeat, record, until)
            pause = self._pause_after(trial, repeat, job, end, restarts)
            if pause is None:
                return
            self._stop.wait(pause)

    def _report_earlier_epochs(self, trial: optuna.Trial, repeat: Repeat) -> None:
        trial_record = self._sweep.trial_records.get(trial.number)
        if trial_record and trial_record.experience == repeat.experience and repeat.is_first:
            curve = self._context.patiently(trial_record.curve)
            self._sweep.study.catch_up(trial, curve)

    def _train_once(
        self, trial: optuna.Trial, repeat: Repeat, record: Record, until: int | None
    ) -> tuple[End, int]:
        """Train in one process; return how it ended, and its last epoch, -1 for none."""
        epoch = -1

        def on_news(news: News) -> str | None:
            nonlocal epoch
            self._progress.tell(trial.number, news)
            if isinstance(news, Sized):
                self._sweep.disk.foretell(news)
            if isinstance(news, SaveTakes) and not news.is_assumed:
                self._sweep.limits.learn_save(news.seconds)
            if not isinstance(news, EpochDone):
                return None
            epoch = news.epoch
            # A pruner compares the first repeats of trials with each other.
            return self._report(trial, news, job.prunes) if repeat.is_first else None

        job = self._job(repeat, record, until)
        if self._rehearses_phases and not record.sessions:
            end = self._sweep.place.train(job.only_preparing(), self._stop, on_news)
            if end.ending is not Ending.OUTCOME:
                return end, epoch
            self._rehearses_phases = False
        return self._sweep.place.train(job, self._stop, on_news), epoch

    def _job(self, repeat: Repeat, record: Record, until: int | None) -> Job:
        settings = self._context.settings
        return Job(
            source=self._context.space.source,
            experience=Experience(repeat.experience.path),
            record=record,
            save_freq=settings.save_freq,
            gb_an_hour=settings.drive_gb,
            keep_data=settings.keep_data,
            prunes=settings.pruner != "none" and repeat.is_first and not record.unpruned,
            cluster=self._sweep.place.cluster,
            run=self._sweep.run,
            data_before=self._data.expected(record.parameters),
            objectives=self._records.objectives.expected(),
            until=until,
        )

    def _report(self, trial: optuna.Trial, done: EpochDone, is_judged: bool) -> str | None:
        """Return why the pruner ends the trial here, if it does."""
        self._sweep.fence()
        try:
            return self._sweep.study.report(trial, done.epoch, done.value, is_judged)
        except SweepError as error:  # the end of the trial tells each epoch again
            self._warn(trial, str(error))
            return None

    def _pause_after(
        self, trial: optuna.Trial, repeat: Repeat, job: Job, end: End, restarts: Restarts
    ) -> float | None:
        """Return the seconds to wait before the training begins again.

        None where it is given up in this run.

        Raises:
            SweepError: no training can begin, or something has been waited for long enough.
        """
        # There is more on disk than this process knew, or a worker of a cluster was closed.
        if end.ending in (Ending.MOVED_ON, Ending.STOPPED):
            return MOVED_ON_S
        pause = restarts.pause(end)
        if restarts.has_died_too_often:
            often = f"({DEATHS_THAT_FAIL} times without a new epoch in between)"
            end = replace(end, why=f"{end.why} {often}")
        if pause is None and restarts.has_died_too_often and restarts.was_at_work:
            self._records.write_failure(repeat.experience, job.record, end)
        elif pause is None:
            self._judge.judge(trial, repeat, job.record, end, job)
        else:
            has_backup = backup_files.newest_position(repeat.experience.sauvegarde)
            next_step = "resumes from its backup" if has_backup else "is begun again"
            self._warn(trial, f"{end.why}: it {next_step}")
        return pause

    def _warn(self, trial: optuna.Trial, text: str) -> None:
        self._progress.tell(trial.number, Warned(text))
