"""The study of a root, opened: the same as before, or made again from the folders."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from sweep.console.progress import Progress
from sweep.errors import Misuse, SweepError
from sweep.experience.inventory import Inventory
from sweep.experience.root import study_of
from sweep.experience.snapshot import SnapshotReader
from sweep.search import proposal_check, warm_start
from sweep.search.enqueued import ENQUEUED, Proposal, key_of, read_enqueued, read_proposals
from sweep.search.pruners import Pruner
from sweep.search.storage import StudyUnreadable
from sweep.search.study import Study
from sweep.settings import PRUNERS, Choice, Settings
from sweep.space import search_space
from sweep.space.identity import id_experience
from sweep.space.search_space import SearchSpace
from sweep.space.source import SpaceSource
from sweep.system.files import move_to_quarantine

DRAWS = 10  # for each proposal that is to differ from the others


def load(source: SpaceSource, epochs: int | None, progress: Progress) -> SearchSpace:
    """Load the search space, with so many epochs where they are not None, and say so where it imports Keras too early.

    Raises:
        SearchSpaceWrong: see ``sweep.space.search_space.load``.
    """
    had_keras = "keras" in sys.modules  # a notebook may have
    space = search_space.load(source)
    if "keras" in sys.modules and not had_keras:
        progress.say(
            f"{source.path} imports Keras at its top: inside its functions, this would begin seconds earlier"
        )
    return space if epochs is None else replace(space, fixed={**space.fixed, "epochs": epochs})


def propose(space: SearchSpace, number: int) -> dict[str, dict[str, Any]]:
    """Return the parameters of so many different proposals by their ids, or fewer where the search space has no more.

    They are drawn at random, and are the same whenever they are asked for. Of a conditional search space, those come first
    that have other parameters than those before.

    Raises:
        SearchSpaceWrong: see ``rehearse``.
    """
    study = Study(space.source.name, None, "random", 0, "none")
    drawn: dict[str, dict[str, Any]] = {}
    for _ in range(DRAWS * number):
        with search_space.mistakes_in(space.source.path):
            parameters = space.parameters(study.suggest(study.ask(), space.suggest))
        drawn[id_experience(space.source.name, parameters)] = parameters
    firsts = {frozenset(parameters): name for name, parameters in reversed(drawn.items())}.values()
    return {
        name: drawn[name] for name in sorted(drawn, key=lambda name: name not in firsts)[:number]
    }


@dataclass(frozen=True)
class Rehearsal:
    """What one proposal that is made for nothing shows: the distributions by parameter, and the epochs of a training."""

    distributions: dict[str, BaseDistribution]
    epochs: int


def rehearse(space: SearchSpace, settings: Settings) -> Rehearsal:
    """Make one proposal for nothing, so that mistakes of ``suggest`` and of the options are told before anything is begun.

    Raises:
        Misuse: the sampler or the pruner does not take its options.
        SearchSpaceWrong: ``suggest`` raises, or returns what cannot be trained.
        Misuse: the sampler or the pruner is for one aim, and there are several.
    """
    if len(space.aims) > 1 and (settings.pruner != "none" or settings.sampler.startswith("cmaes")):
        which = "--pruner" if settings.pruner != "none" else "--sampler cmaes"
        raise Misuse(
            f"{space.source.path}: MONITOR has several names, and {which} is for one: leave one of them out."
        )
    study = Study(space.source.name, None, settings.sampler, settings.seed, "none", aims=space.aims)
    trial = study.ask()
    with search_space.mistakes_in(space.source.path):
        epochs = space.parameters(study.suggest(trial, space.suggest))["epochs"]
    Pruner(Choice.read("pruner", settings.pruner, PRUNERS), epochs)
    return Rehearsal(trial.distributions, epochs)


def proposals_of(
    space: SearchSpace, root: Path, settings: Settings, progress: Progress
) -> list[tuple[list[Proposal], Path | None]]:
    """Return what the settings say is to be enqueued, in parts; of a warm start that is still to be made, with its root.

    Raises:
        SweepError: ``suggest`` cannot take it.
    """
    found: list[tuple[list[Proposal], Path | None]] = []
    if settings.enqueue:
        found.append(
            (proposal_check.check(space, read_proposals(settings.enqueue), settings.enqueue), None)
        )
    if settings.warm_start is not None:
        other = warm_start.find(settings.warm_start, root)
        if (
            str(other) not in read_enqueued(root).warm_starts
        ):  # else it would begin with what is the best there by now
            with progress.reading(other) as done:
                sight = SnapshotReader(other, progress.say).look(done)
            fitting, said = warm_start.fitting(space, sight)
            progress.say(said)
            found.append((fitting, other))
    return found


def open_or_rebuild(
    space: SearchSpace,
    root: Path,
    settings: Settings,
    epochs: int,
    folders: Inventory,
    progress: Progress,
    stop: Event,
    always: bool,
) -> Study:
    """Return the study that agrees with the folders.

    Args:
        space: proposes to the trials whose folders are lost.
        root: of the sweep, and locked.
        settings: where the study is, and how it proposes.
        epochs: of a training.
        folders: settled.
        progress: is told why the study is made again, and shows how far that is.
        stop: ends the study's waiting for a server that is away.
        always: make it again, whatever it holds.

    Raises:
        SweepError: the storage is out of reach, or the study in it belongs to another root.
    """
    study, why = _open(space, root, settings, epochs, progress, stop)
    if settings.storage:
        study.keep_to(root)
    study.enqueue(read_enqueued(root).proposals)
    known = folders.known()
    for number, name in study.lost(known).items():
        progress.say(
            f"trial {number} {name}: its folder is missing, so it begins again from the beginning"
        )
    if (
        not known and not always
    ):  # a cut before the first folder, or all that there was is forgotten
        study.begin_anew()
        return study
    why = why or study.difference(known) or ("is to be made again" if always else None)
    if not why:
        return study

    def propose(trial: optuna.Trial) -> None:
        try:
            study.suggest(trial, space.suggest)
        except SweepError:
            raise
        except Exception as error:  # noqa: BLE001 # told when the trial is brought to its end, and asked again
            progress.say(
                f"trial {trial.number}: {search_space.error_in_file(error, space.source.path)}"
            )

    progress.say(f"the study {why}: it is rebuilt from the folders")
    with progress.count("rebuilding the study", max(known, default=-1) + 1) as done:
        study.rebuild(known, propose, done)
    return study


def check_to_come(space: SearchSpace, root: Path, study: Study) -> int:
    """Return how many proposals are enqueued and still to come, once it is sure that ``suggest`` takes them as it is now.

    Raises:
        Misuse: it does not, and was changed since.
    """
    to_come = study.to_come()
    numbers = (
        {key_of(one): number for number, one in enumerate(read_enqueued(root).proposals, 1)}
        if to_come
        else {}
    )
    for one in to_come:
        proposal_check.check(space, [one], root / ENQUEUED, numbers[key_of(one)])
    return len(to_come)


def _open(
    space: SearchSpace, root: Path, settings: Settings, epochs: int, progress: Progress, stop: Event
) -> tuple[Study, str | None]:
    """Return the study, and what is wrong with it; one that cannot be read is put aside, and a new one opened."""
    where = settings.storage or study_of(root, settings.study_dir)
    how = (settings.sampler, settings.seed, settings.pruner, progress.say, stop, epochs, space.aims)
    try:
        return Study(space.source.name, where, *how), None
    except StudyUnreadable:
        where = Path(where)  # only a file can be unreadable; a database that is, is out of reach
        aside = move_to_quarantine(where, where.parent)
        progress.say(f"{where} cannot be read, and is now {aside}")
        return Study(space.source.name, where, *how), "could not be read"
