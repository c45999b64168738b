"""Whose trouble it is that a training could not begin: its own, or the session's.

A drive that is not mounted, a package that a fresh machine lacks, memory that others hold: such a day befalls all trainings
alike, and is the outcome of none. The control tells: another training is prepared, one that has been seen to train. Where
that is impossible too, it is the session's trouble.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from sweep.experience import Experience
from sweep.job import End, Ending, Job, News, Place
from sweep.known import Known
from sweep.opening import propose
from sweep.record import Record
from sweep.search_space import SearchSpace

PROPOSALS = 5  # are the control, where nothing has been trained yet


class Control:
    """Prepares another training, to tell whether any can be. Its methods may be called from any thread.

    Args:
        space: makes proposals where nothing has been trained yet.
        place: where trainings run.
        stop: once set, nothing more is told.
        known: the trials that there are.
    """

    def __init__(self, space: SearchSpace, place: Place, stop: threading.Event, known: Iterable[Known]) -> None:
        self._space, self._place, self._stop = space, place, stop
        self._lock = threading.Lock()
        self._trained: Known | None = None
        for one in known:
            self.note(one)

    def note(self, trial: Known) -> None:
        """Let a trial be the control from now on, where it is trained and has not failed."""
        if trial.record.sessions and trial.outcome and trial.outcome.values:
            self._trained = trial

    def fails(self, job: Job, say: Callable[[str], None]) -> str | None:
        """Return in words what can be prepared as little as the job, or None where another training can be.

        Args:
            job: could not be prepared.
            say: is told that this is tried, as it takes seconds.
        """
        with self._lock:
            trained = self._trained
            what = f"{trained.experience.id}, which was trained before," if trained else "another proposal"
            say(f"it could not begin: trying whether {what} can")
            jobs = [_prepared(job, trained.experience, trained.record)] if trained else self._proposals(job)
            for one in jobs:
                if self._end_of(one).ending is Ending.OUTCOME:
                    return None
            return what.rstrip(",")

    def _proposals(self, job: Job) -> Iterable[Job]:
        for name, parameters in propose(self._space, PROPOSALS).items():
            record = Record(name, job.record.search_space, parameters, parameters["seed"], job.record.threads, trials=[])
            if name != job.experience.id:
                yield _prepared(job, Experience(job.experience.path.with_name(name)), record)

    def _end_of(self, job: Job) -> End:
        return self._place.train(job, self._stop, _pass_over)


def _prepared(job: Job, experience: Experience, record: Record) -> Job:
    # Without the fence of ours, which does not travel: nothing is written.
    return replace(job, experience=Experience(experience.path), record=record, only_prepares=True, prunes=False)


def _pass_over(news: News) -> None:
    """Hear what the control says of itself, which is not of interest."""
