"""The study of a root, opened: the same as before, or rebuilt from the folders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import optuna

from sweep.errors import SweepError
from sweep.experience.inventory import Inventory
from sweep.experience.record import Outcome, State
from sweep.experience.root import study_of
from sweep.experience.trials import TrialRecord
from sweep.experience.untrained import forget_untrained
from sweep.running.context import SweepContext
from sweep.search import proposal_check
from sweep.search.enqueued import ENQUEUED, key_of, read_enqueued
from sweep.search.journal import StudyUnreadable
from sweep.search.study import Study
from sweep.search.study_check import trained_without_folder
from sweep.search.study_factory import StudyOptions
from sweep.space import mistakes
from sweep.space.search_space import SearchSpace
from sweep.system.files import move_to_quarantine
from sweep.system.host import now


def open_or_rebuild(
    context: SweepContext,
    epochs: int,
    folders: Inventory,
    paused_values: Mapping[int, Mapping[int, float]],
    always_rebuild: bool,
) -> Study:
    """Return the study that agrees with the folders.

    Args:
        context: of the sweep, whose root is locked.
        epochs: of a training.
        folders: of the root, settled.
        paused_values: what the sampler sees of paused trials, by number and epoch.
        always_rebuild: make the study again, whatever it holds.

    Raises:
        SweepError: the storage is out of reach, or the study in it belongs to another root.
    """
    study, trouble = _open(context, epochs, paused_values)
    if context.settings.storage:
        study.keep_to(context.root)
    study.enqueue(read_enqueued(context.root).proposals)
    trial_records = folders.trials()
    for number, name in trained_without_folder(study.trials(), trial_records).items():
        context.progress.say(
            f"trial {number} {name}: its folder is missing, so it begins again from the beginning"
        )
    # A kill before the first folder, or all that there was is forgotten.
    if not trial_records and not always_rebuild:
        study.empty()
        context.write_patiently(lambda: forget_untrained(context.root))
        return study
    trouble = trouble or study.difference(trial_records)
    if always_rebuild:
        trouble = trouble or "is to be made again"
    if trouble:
        context.progress.say(f"the study {trouble}: it is rebuilt from the folders")
        _rebuild(context, study, trial_records)
    return study


def _rebuild(context: SweepContext, study: Study, trial_records: Mapping[int, TrialRecord]) -> None:
    total = max(trial_records, default=-1) + 1
    with context.progress.count("rebuilding the study", total) as done:
        study.rebuild(trial_records, _proposer(context, study), done)


def _proposer(context: SweepContext, study: Study) -> Callable[[optuna.Trial], None]:
    """Return what proposes to the trials whose folders are lost."""
    space = context.space

    def propose(trial: optuna.Trial) -> None:
        try:
            study.suggest(trial, space.suggest)
        except SweepError:
            raise
        except optuna.TrialPruned:  # told here: the trials after it are proposed knowing it
            study.tell(trial, Outcome(State.PRUNED, now()), [])
        # It is told when the trial is brought to its end, and asked again.
        except Exception as error:  # noqa: BLE001
            reason = mistakes.error_in_file(error, space.source.path)
            context.progress.say(f"trial {trial.number}: {reason}")

    return propose


def check_to_come(space: SearchSpace, root: Path, study: Study) -> int:
    """Return how many proposals are enqueued and still to come, once ``suggest`` takes them.

    Raises:
        Misuse: it does not take them as it is now, and was changed since they were enqueued.
    """
    to_come = study.waiting_proposals()
    if not to_come:
        return 0
    enqueued = enumerate(read_enqueued(root).proposals, 1)
    numbers = {key_of(proposal): number for number, proposal in enqueued}
    for proposal in to_come:
        proposal_check.check(space, [proposal], root / ENQUEUED, numbers[key_of(proposal)])
    return len(to_come)


def _open(
    context: SweepContext, epochs: int, paused_values: Mapping[int, Mapping[int, float]]
) -> tuple[Study, str | None]:
    """Return the study, and what is wrong with it.

    A study that cannot be read is moved to the quarantine, and a new one is opened.
    """
    settings, space, progress = context.settings, context.space, context.progress
    where = settings.storage or study_of(context.root, settings.study_dir)
    options = StudyOptions(
        settings.sampler,
        settings.seed,
        settings.pruner,
        epochs,
        space.objectives,
        paused_values,
        has_scheduler=settings.scheduler != "none",
    )
    arguments = (options, progress.say, context.stop)
    try:
        return Study(space.source.name, where, *arguments), None
    except StudyUnreadable:
        # Only a file can be unreadable: a database that is, is out of reach.
        where = Path(where)
        aside = move_to_quarantine(where, where.parent)
        progress.say(f"{where} cannot be read, and is now {aside}")
        return Study(space.source.name, where, *arguments), "could not be read"
