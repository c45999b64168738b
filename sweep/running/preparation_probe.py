"""Whose trouble it is that a training could not begin: its own, or the session's.

A drive that is not mounted, a package that a fresh machine lacks, memory that others hold: such a day befalls all trainings
alike, and is the outcome of none. Controls tell: other trainings are prepared, above all those that have been seen to train.
Where none of them can be, it is the session's trouble.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import Enum

from sweep.errors import SweepError
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.experience.trials import TrialRecord
from sweep.running.rehearsal import draw_proposals
from sweep.space.search_space import SearchSpace
from sweep.training.protocol import End, Ending, Job, News, Place

TRAINED, PROPOSALS = (
    2,
    5,
)  # so many at most are tried, of those that were trained before and of others


class Others(Enum):
    """Whether other trainings can be prepared."""

    CAN = "can"
    CANNOT = "cannot"
    UNKNOWN = "unknown"  # there is no other


class PreparationProbe:
    """Prepares other trainings, to tell whether any can be. Its methods may be called from any thread.

    Args:
        space: makes proposals beside those that were trained.
        place: where trainings run.
        stop: once set, nothing more is told.
        known: the trials that there are.
    """

    def __init__(
        self, space: SearchSpace, place: Place, stop: threading.Event, known: Iterable[TrialRecord]
    ) -> None:
        self._space, self._place, self._stop = space, place, stop
        self._lock = threading.Lock()
        self._trained: list[TrialRecord] = []
        for one in known:
            self.note(one)

    def note(self, trial: TrialRecord) -> None:
        """Let a trial be the first control from now on, where it is trained and has not failed."""
        if trial.record.sessions and trial.outcome and trial.outcome.values:
            self._trained = [trial, *self._trained[: TRAINED - 1]]

    def look(self, job: Job, say: Callable[[str], None]) -> Others:
        """Tell whether another training can be prepared: its data are loaded and its model is built, and no more.

        Args:
            job: could not be prepared.
            say: is told that this is tried, as it takes seconds.
        """
        with self._lock:
            say("trying whether another training can be prepared")
            found = Others.UNKNOWN
            for other in self._others(job):
                if self._stop.is_set():
                    break
                if self._end_of(other).ending is Ending.OUTCOME:
                    return Others.CAN
                found = Others.CANNOT
            return found

    def _others(self, job: Job) -> Iterator[Job]:
        for one in self._trained:
            yield _prepared(job, one.experience, one.record)
        try:
            proposals = draw_proposals(self._space, PROPOSALS)
        except SweepError:  # ``suggest`` raises for some values, which says nothing of the session
            return
        for name, parameters in proposals.items():
            record = Record(
                name,
                job.record.search_space,
                parameters,
                parameters["seed"],
                job.record.threads,
                trials=[],
            )
            if name != job.experience.id:
                yield _prepared(job, Experience(job.experience.path.with_name(name)), record)

    def _end_of(self, job: Job) -> End:
        return self._place.train(job, self._stop, _pass_over)


def _prepared(job: Job, experience: Experience, record: Record) -> Job:
    # Without the fence of ours, which does not travel: nothing is written.
    return replace(
        job, experience=Experience(experience.path), record=record, only_prepares=True, prunes=False
    )


def _pass_over(news: News) -> None:
    """Hear what a control says of itself, which is not of interest."""
