"""A search space tried out: a few of its proposals, built and trained for some batches, and what a trial will cost."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.running.local_processes import LocalProcesses
from sweep.running.rehearsal import draw_proposals, load_space
from sweep.space.source import find
from sweep.training.protocol import SAVES, Cost, End, Ending, Exactness, Job, News, OnNews, Sized

PROPOSALS = 3


@dataclass(frozen=True)
class Checked:
    """A proposal, all of whose parameters are here, and what a trial of it takes on this machine.

    ``exactness`` has the resumes that were tried, of the first proposal of each architecture.

    Its seconds are those of all epochs: a pruner or an EarlyStopping can make it less, and to save takes some more.
    """

    parameters: dict[str, Any]
    cost: Cost
    size: Sized
    exactness: tuple[Exactness, ...] = ()

    @property
    def trial_s(self) -> float:
        """The seconds from the beginning of the training to its end."""
        return self.cost.start_s + float(self.parameters["epochs"]) * self.cost.epoch_s


def check(space: str, epochs: int | None, progress: Progress) -> list[Checked]:
    """Return what trials of the search space cost, each measured in a process of its own as a training has one.

    Args:
        space: name or path of the search space.
        epochs: of a training; None is FIXED's.
        progress: shows how far it is.

    Raises:
        SweepError: the search space cannot be trained, in the words of ``run``; or the process was killed.
    """
    source = find(space)
    loaded = load_space(source, epochs, progress)
    proposals = draw_proposals(loaded, PROPOSALS)
    place, checked = LocalProcesses(source.imported_modules()), list[Checked]()
    progress.say("importing Keras, once for all that is tried")
    place.start()
    place.wait_until_warm(threading.Event())
    with progress.count("checking", len(proposals)) as done:
        for name, parameters in proposals.items():
            record = Record(
                id_experience=name,
                search_space=source.identity(),
                parameters=parameters,
                seed=parameters["seed"],
                threads=place.threads(1),
                trials=[],
            )
            job = Job(source, Experience(Path(name)), record, save_freq=1)
            one = _measured(place, job)
            if one.cost.architecture not in {other.cost.architecture for other in checked}:
                one = replace(one, exactness=_certified(place, job))
            checked.append(one)
            done()
    return checked


def resumes(checked: list[Checked]) -> Iterator[str]:
    """Yield a line for each architecture whose resumes were tried."""
    for one in checked:
        if one.exactness:
            yield f"a resume is {in_words(one.exactness)}: {one.cost.architecture}"


def in_words(exactness: tuple[Exactness, ...]) -> str:
    """Return what is known of the resumes of a training, in words."""
    for save, one in zip(SAVES, exactness, strict=False):
        if one.named:
            return f"approximate ({one.named})"
        if one.differs:
            return f"NOT exact (resumed {save}, {one.differs} differs)"
    return f"exact (proven over {len(exactness)} saves and 1 epoch's end)"


def _measured(place: LocalProcesses, job: Job) -> Checked:
    told = _told(job, lambda on_news: place.measure(job, threading.Event(), on_news))
    return Checked(job.record.parameters, told[Cost], told[Sized])


def _certified(place: LocalProcesses, job: Job) -> tuple[Exactness, ...]:
    """Train some batches in a folder that is removed again, and resume them in fresh processes."""
    with tempfile.TemporaryDirectory(prefix="sweep-check-") as folder:
        job = replace(job, experience=Experience(Path(folder).resolve() / job.experience.id))
        _told(job, lambda on_news: place.certify(job, threading.Event(), on_news))
        resumes = (_told(job, partial(_certify, place, job, save)) for save in SAVES)
        return tuple(told[Exactness] for told in resumes if Exactness in told)


def _certify(place: LocalProcesses, job: Job, save: str, on_news: OnNews) -> End:
    return place.certify(job, threading.Event(), on_news, save)


def _told(job: Job, work: Callable[[OnNews], End]) -> dict[type, Any]:
    """Return the latest news of each kind of a process.

    Raises:
        SweepError: the search space cannot be trained, or the process was killed.
    """
    told: dict[type, Any] = {}

    def on_news(news: News) -> None:
        told[type(news)] = news

    end = work(on_news)
    if end.ending is Ending.REFUSED:
        raise SweepError(end.why)
    if end.ending is not Ending.OUTCOME:
        raise SweepError(f"{job.source.path}, with {job.record.parameters}: {end.why}.")
    return told
