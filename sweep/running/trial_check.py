"""``sweep check``: a few proposals, built and trained for some batches, and what a trial costs."""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
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
from sweep.space.source import SpaceSource, find
from sweep.training.protocol import (
    SAVES,
    SAVES_OF_PHASES,
    Cost,
    End,
    Ending,
    Exactness,
    Job,
    News,
    OnNews,
    Sized,
)

PROPOSALS = 3


@dataclass(frozen=True)
class MeasuredProposal:
    """A proposal, and what a trial of it takes on this machine.

    The seconds are those of all epochs. A pruner or an EarlyStopping can make a trial shorter, and
    saving makes it somewhat longer.

    Args:
        parameters: all that decide the training.
        cost: what it was measured to take.
        size: the bytes that it takes on the disk.
        exactness: the resumes that were tried; only the first proposal of each architecture has
            them.
    """

    parameters: dict[str, Any]
    cost: Cost
    size: Sized
    exactness: tuple[Exactness, ...] = ()

    @property
    def trial_s(self) -> float:
        """The seconds from the beginning of the training to its end."""
        return self.cost.start_s + float(self.parameters["epochs"]) * self.cost.epoch_s


def measure_proposals(space: str, epochs: int | None, progress: Progress) -> list[MeasuredProposal]:
    """Return what trials of the search space cost, each measured in a process of its own.

    Args:
        space: name or path of the search space.
        epochs: of a training; None is those of FIXED.
        progress: shows how far it is.

    Raises:
        SweepError: the search space cannot be trained, in the words of ``run``; or the process was
            killed.
    """
    source = find(space)
    loaded = load_space(source, epochs, progress)
    proposals = draw_proposals(loaded, PROPOSALS)
    saves = SAVES_OF_PHASES if loaded.phases else SAVES
    place, measured = LocalProcesses(source.imported_modules()), list[MeasuredProposal]()
    progress.say("importing Keras, once for all that is tried")
    place.start()
    place.wait_until_warm(threading.Event())
    with progress.count("checking", len(proposals)) as done:
        for name, parameters in proposals.items():
            job = _job(source, name, parameters, place.threads(1))
            proposal = _measure(place, job)
            architectures = {other.cost.architecture for other in measured}
            if proposal.cost.architecture not in architectures:
                proposal = replace(proposal, exactness=_certify(place, job, saves))
            measured.append(proposal)
            done()
    return measured


def resume_lines(measured: list[MeasuredProposal]) -> Iterator[str]:
    """Yield a line for each architecture whose resumes were tried."""
    for proposal in measured:
        if proposal.exactness:
            exactness = describe_exactness(proposal.exactness)
            yield f"a resume is {exactness}: {proposal.cost.architecture}"


def describe_exactness(resumes: tuple[Exactness, ...]) -> str:
    """Return in words whether the resumes of a training are exact."""
    for save, resume in zip(SAVES_OF_PHASES, resumes, strict=False):
        if resume.named:
            return f"approximate ({resume.named})"
        if resume.differs:
            return f"NOT exact (resumed {save}, {resume.differs} differs)"
    return f"exact (proven over {len(resumes)} saves and 1 epoch's end)"


def _job(source: SpaceSource, name: str, parameters: dict[str, Any], threads: int) -> Job:
    record = Record(
        id_experience=name,
        search_space=source.identity(),
        parameters=parameters,
        seed=parameters["seed"],
        threads=threads,
        trials=[],
    )
    return Job(source, Experience(Path(name)), record, save_freq=1)


def _measure(place: LocalProcesses, job: Job) -> MeasuredProposal:
    with _in_folder_of_its_own(job) as job:
        news = _news_of(job, lambda on_news: place.measure(job, threading.Event(), on_news))
    return MeasuredProposal(job.record.parameters, news[Cost], news[Sized])


def _certify(place: LocalProcesses, job: Job, saves: Iterable[str]) -> tuple[Exactness, ...]:
    """Train some batches, and resume them in fresh processes."""
    with _in_folder_of_its_own(job) as job:
        _news_of(job, lambda on_news: place.certify(job, threading.Event(), on_news))
        resumes = (_news_of(job, partial(_resume, place, job, save)) for save in saves)
        return tuple(news[Exactness] for news in resumes if Exactness in news)


@contextlib.contextmanager
def _in_folder_of_its_own(job: Job) -> Iterator[Job]:
    """Yield the job with a folder in which callbacks may write, too; it is removed again."""
    with tempfile.TemporaryDirectory(prefix="sweep-check-") as folder:
        yield replace(job, experience=Experience(Path(folder).resolve() / job.experience.id))


def _resume(place: LocalProcesses, job: Job, save: str, on_news: OnNews) -> End:
    return place.certify(job, threading.Event(), on_news, save)


def _news_of(job: Job, work: Callable[[OnNews], End]) -> dict[type, Any]:
    """Return the latest news of each kind that a process has sent.

    Raises:
        SweepError: the search space cannot be trained, or the process was killed.
    """
    latest: dict[type, Any] = {}

    def on_news(news: News) -> None:
        latest[type(news)] = news

    end = work(on_news)
    if end.ending is Ending.REFUSED:
        raise SweepError(end.why)
    if end.ending is not Ending.OUTCOME:
        raise SweepError(f"{job.source.path}, with {job.record.parameters}: {end.why}.")
    return latest
