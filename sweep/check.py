"""A search space tried out: a few of its proposals, built and trained for some batches, and what a trial will cost."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from sweep import search_space
from sweep.errors import SweepError
from sweep.experience import Experience
from sweep.job import Cost, End, Ending, Job, News, Sized
from sweep.opening import load, propose
from sweep.places import LocalProcesses
from sweep.progress import Progress
from sweep.record import Record
from sweep.status import duration
from sweep.table import print_parameters

PROPOSALS = 3


@dataclass(frozen=True)
class Checked:
    """A proposal, all of whose parameters are here, and what a trial of it takes on this machine.

    Its seconds are those of all epochs: a pruner or an EarlyStopping can make it less, and to save takes some more.
    """

    parameters: dict[str, Any]
    cost: Cost
    size: Sized

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
    source = search_space.find(space)
    loaded = load(source, epochs, progress)
    proposals = propose(loaded, PROPOSALS)
    place, checked = LocalProcesses(source.imported_modules()), []
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
            checked.append(_measured(place, job))
            done()
    return checked


def print_costs(checked: list[Checked]) -> None:
    """Print to stdout what is tried in each row, the numbers in its model, and what a trial of it takes."""
    columns = {
        "weights": [f"{one.cost.weights:,}" for one in checked],
        "time": [duration(one.trial_s) for one in checked],
        "memory": [decimal(one.cost.memory) for one in checked],
        "disk": [decimal(one.size.ended) for one in checked],
    }
    print_parameters([one.parameters for one in checked], columns)


def _measured(place: LocalProcesses, job: Job) -> Checked:
    told: dict[type, Any] = {}

    def on_news(news: News) -> None:
        told[type(news)] = news

    end: End = place.measure(job, threading.Event(), on_news)
    if end.ending is Ending.REFUSED:
        raise SweepError(end.why)
    if end.ending is not Ending.OUTCOME:
        raise SweepError(f"{job.source.path}, with {job.record.parameters}: {end.why}.")
    return Checked(job.record.parameters, told[Cost], told[Sized])
