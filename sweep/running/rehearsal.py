"""The search space, loaded and rehearsed: its mistakes are told before anything has begun."""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from sweep.choice import Choice
from sweep.console.progress import Progress
from sweep.errors import Misuse
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.names import PRUNERS
from sweep.running.context import SweepContext
from sweep.search import proposal_check, warm_start
from sweep.search.enqueued import Proposal, read_enqueued, read_proposals
from sweep.search.pruners import Pruner
from sweep.search.scheduler import scheduler_of
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.settings import Settings
from sweep.space import mistakes, search_space
from sweep.space.identity import id_experience
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace
from sweep.space.source import SpaceSource
from sweep.system.keras_backend import check_backend

DRAWS = 10  # how many draws each proposal gets that is to differ from the others
MOST_PRUNED = 1000  # draws in a row, after which ``suggest`` is taken to prune them all


def load_space(source: SpaceSource, epochs: int | None, progress: Progress) -> SearchSpace:
    """Load the search space, and tell the user where it imports Keras too early.

    Args:
        source: the text of the search space.
        epochs: of a training; None is those of FIXED.
        progress: is told of an early import.

    Raises:
        Misuse: the environment names another backend of Keras than TensorFlow.
        SearchSpaceWrong: see ``sweep.space.search_space.load``.
    """
    remark = check_backend()  # the search space may import Keras
    if remark:
        progress.say(remark)
    had_keras = "keras" in sys.modules  # a notebook may have
    space = search_space.load(source)
    if "keras" in sys.modules and not had_keras:
        progress.say(
            f"{source.path} imports Keras at its top: inside its functions, "
            "this would begin seconds earlier"
        )
    return space if epochs is None else replace(space, fixed={**space.fixed, "epochs": epochs})


def draw_proposals(space: SearchSpace, number: int) -> dict[str, dict[str, Any]]:
    """Return the parameters of so many different proposals, by their ids.

    There are fewer where the search space has no more. They are drawn at random, and are the same
    at each call. Where the search space is conditional, those come first that have other
    parameters than the ones before.

    Raises:
        SearchSpaceWrong: see ``rehearse``.
    """
    drawn: dict[str, dict[str, Any]] = {}
    for _, parameters in itertools.islice(_draw(space), DRAWS * number):
        drawn[id_experience(space.source.name, parameters)] = parameters
    firsts = {frozenset(parameters): name for name, parameters in reversed(drawn.items())}.values()
    firsts_first = sorted(drawn, key=lambda name: name not in firsts)
    return {name: drawn[name] for name in firsts_first[:number]}


def _draw(space: SearchSpace) -> Iterator[tuple[optuna.Trial, dict[str, Any]]]:
    """Yield proposals that are drawn at random, without those that ``suggest`` prunes.

    Raises:
        SearchSpaceWrong: see ``rehearse``.
    """
    study = Study(space.source.name, None, StudyOptions("random"))
    pruned = 0
    while pruned < MOST_PRUNED:
        trial = study.ask()
        parameters = _parameters_of(trial, study, space)
        pruned = pruned + 1 if parameters is None else 0
        if parameters is not None:
            yield trial, parameters
    raise SearchSpaceWrong(
        f"{space.source.path}: suggest raises TrialPruned for each of {MOST_PRUNED} proposals in a "
        "row; let it prune fewer of them."
    )


def _parameters_of(trial: optuna.Trial, study: Study, space: SearchSpace) -> dict[str, Any] | None:
    """Return the parameters that ``suggest`` gives a trial, or None where it prunes the trial."""
    with mistakes.mistakes_in(space.source.path):
        try:
            return space.parameters(study.suggest(trial, space.suggest))
        except optuna.TrialPruned:
            return None


@dataclass(frozen=True)
class Rehearsal:
    """What one proposal shows: the distributions by parameter, and the epochs of a training.

    ``suggest`` does not prune that proposal.
    """

    distributions: dict[str, BaseDistribution]
    epochs: int


def rehearse(space: SearchSpace, settings: Settings) -> Rehearsal:
    """Make one proposal that no trial gets, so that mistakes are told before anything has begun.

    Raises:
        Misuse: the sampler, the pruner or the scheduler does not take its options, or is for one
            objective where there are several.
        SearchSpaceWrong: ``suggest`` raises, prunes all proposals, or returns what cannot be
            trained.
    """
    if len(space.objectives) > 1 and (
        settings.pruner != "none"
        or settings.scheduler != "none"
        or settings.sampler.startswith("cmaes")
    ):
        option = "--pruner" if settings.pruner != "none" else "--sampler cmaes"
        option = "--scheduler" if settings.scheduler != "none" else option
        raise Misuse(
            f"{space.source.path}: MONITOR has several names, and {option} is for one: "
            "leave one of them out."
        )
    options = StudyOptions(settings.sampler, settings.seed, objectives=space.objectives)
    study = Study(space.source.name, None, options)
    trial = study.ask()
    parameters = _parameters_of(trial, study, space)
    if parameters is None:
        trial, parameters = next(_draw(space))
    epochs = parameters["epochs"]
    Pruner(Choice.read("pruner", settings.pruner, PRUNERS), epochs)
    scheduler_of(settings.scheduler, epochs)
    return Rehearsal(trial.distributions, epochs)


def check_proposals(context: SweepContext) -> list[tuple[list[Proposal], Path | None]]:
    """Return what the settings say is to be enqueued, once ``suggest`` is seen to take it.

    Returns:
        The proposals of a file, and those of a warm start that is still to be made, the latter
        with the root that they come from.

    Raises:
        SweepError: ``suggest`` cannot take them.
    """
    space, root, settings = context.space, context.root, context.settings
    batches: list[tuple[list[Proposal], Path | None]] = []
    if settings.enqueue:
        file = Path(settings.enqueue)
        proposals = proposal_check.check(space, read_proposals(file), file)
        batches.append((proposals, None))
    if settings.warm_start is not None:
        other = warm_start.find_other_root(settings.warm_start, settings.space, root)
        # A second warm start would begin with what is the best there by now.
        if str(other) not in read_enqueued(root).warm_starts:
            with context.progress.reading(other) as done:
                snapshot = SnapshotReader(other, context.progress.say).look(done)
            fitting, description = warm_start.fitting_proposals(space, snapshot)
            context.progress.say(description)
            batches.append((fitting, other))
    return batches
