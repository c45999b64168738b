"""Whose trouble it is that a training could not begin: its own, or that of the whole session.

A drive that is not mounted, a package that a fresh machine lacks, memory that other programs hold:
such a trouble befalls all trainings alike, and says nothing of any of them. So other trainings are
prepared as controls, first those that have been seen to train. Where none of them can be prepared,
the trouble is the session's.
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

# How many controls are tried at most: trainings that have trained before, and fresh proposals.
MOST_TRAINED = 2
MOST_PROPOSALS = 5


class Preparable(Enum):
    """Whether other trainings can be prepared."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # there is no other


class PreparationProbe:
    """Prepares other trainings, to tell whether any can be. Its methods work from any thread.

    Args:
        space: makes proposals, which are tried beside the trainings that have trained.
        place: where trainings run.
        stop: once set, no further training is prepared.
        trial_records: the trials that there are.
    """

    def __init__(
        self,
        space: SearchSpace,
        place: Place,
        stop: threading.Event,
        trial_records: Iterable[TrialRecord],
    ) -> None:
        self._space, self._place, self._stop = space, place, stop
        self._lock = threading.Lock()
        self._trained: list[TrialRecord] = []
        for trial in trial_records:
            self.note(trial)

    def note(self, trial: TrialRecord) -> None:
        """Let a trial be the first control from now on, if it has trained and has not failed."""
        if trial.record.sessions and trial.outcome and trial.outcome.values:
            self._trained = [trial, *self._trained[: MOST_TRAINED - 1]]

    def try_others(self, job: Job, say: Callable[[str], None]) -> Preparable:
        """Tell whether another training can be prepared: its data loaded, and its model built.

        Args:
            job: the training that could not be prepared.
            say: is told that this is tried, as it takes seconds.
        """
        with self._lock:
            say("trying whether another training can be prepared")
            answer = Preparable.UNKNOWN
            for other in self._others(job):
                if self._stop.is_set():
                    break
                if self._prepare(other).ending is Ending.OUTCOME:
                    return Preparable.YES
                answer = Preparable.NO
            return answer

    def _others(self, job: Job) -> Iterator[Job]:
        for trial in self._trained:
            yield _only_preparing(job, trial.experience, trial.record)
        try:
            proposals = draw_proposals(self._space, MOST_PROPOSALS)
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
                experience = Experience(job.experience.path.with_name(name))
                yield _only_preparing(job, experience, record)

    def _prepare(self, job: Job) -> End:
        return self._place.train(job, self._stop, _ignore_news)


def _only_preparing(job: Job, experience: Experience, record: Record) -> Job:
    # The experience is made anew without its fence, which cannot be pickled: nothing is written.
    other = replace(job, experience=Experience(experience.path), record=record)
    return other.only_preparing()


def _ignore_news(news: News) -> None:
    """Do nothing with what a control says of itself."""
