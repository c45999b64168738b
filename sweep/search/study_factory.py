"""Optuna's own study, opened or created as a sweep's options say."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.storages import BaseStorage

from sweep.choice import Choice
from sweep.names import PRUNERS, SAMPLERS
from sweep.search.pruners import Pruner
from sweep.search.samplers import SAMPLERS_WITH_PICKLES, SeededSampler
from sweep.search.trial_conversion import directions_of
from sweep.space.objectives import DEFAULT, Objective


@dataclass(frozen=True)
class StudyOptions:
    """How a study proposes and prunes.

    Args:
        sampler, seed: see ``sweep.search.samplers.SeededSampler``.
        pruner: see ``sweep.search.pruners.Pruner``.
        epochs: of a training; some pruners need their number.
        objectives: what the values of a trial mean; a pruner sees the first one only.
        paused, has_scheduler: see ``SeededSampler``.
    """

    sampler: str
    seed: int = 0
    pruner: str = "none"
    epochs: int = 1
    objectives: Sequence[Objective] = DEFAULT
    paused: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    has_scheduler: bool = False


class StudyFactory:
    """Opens, creates and deletes the study of one name in any storage.

    Raises:
        Misuse: the sampler or the pruner does not take these options, or lacks a package.
    """

    def __init__(self, name: str, options: StudyOptions) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # ``sweep.search.any_choices`` lets a choice be a list, which Optuna warns of.
        warnings.filterwarnings("ignore", "Choices for a categorical distribution should be")
        sampler = Choice.read("sampler", options.sampler, SAMPLERS)
        pruner = Choice.read("pruner", options.pruner, PRUNERS)
        self._name = name
        self.options = options
        self.directions = directions_of(options.objectives)
        self.sampler = SeededSampler(sampler, options.seed, options.paused, options.has_scheduler)
        self.pruner = Pruner(pruner, options.epochs)
        self.prunes = pruner.name != "none"
        self.keeps_pickles = sampler.name in SAMPLERS_WITH_PICKLES

    def open(self, storage: BaseStorage | None) -> optuna.Study:
        """Open the study in a storage, or create it there; None is a new storage in memory."""
        return optuna.create_study(
            study_name=self._name,
            directions=self.directions,
            load_if_exists=True,
            sampler=self.sampler,
            pruner=self.pruner.optuna_pruner,
            storage=storage,
        )

    def delete(self, storage: BaseStorage) -> None:
        """Delete the study with all its trials.

        Raises:
            KeyError: there is none.
        """
        optuna.delete_study(study_name=self._name, storage=storage)
