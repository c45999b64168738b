"""A study made again: empty, or with all trials that the folders know."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.experience.trials import TrialRecord
from sweep.search import optuna_adapter
from sweep.search.direct_study import DirectStudy
from sweep.search.journal import Draft, open_journal
from sweep.search.optuna_adapter import ENQUEUED_VALUES
from sweep.search.storage_access import StorageAccess
from sweep.search.trial_conversion import frozen_of, given_in


def empty(study: DirectStudy, access: StorageAccess) -> None:
    """Delete all trials, and the objectives if they were others; the study keeps its attributes.

    Each step is repeated by itself: the attributes of a deleted study cannot be read again.
    """
    if access.call(study.has_other_objectives) or access.call(lambda: bool(study.trials())):
        attributes = access.call(lambda: study.optuna_study.user_attrs)
        access.call(study.delete)
        access.call(lambda: study.create(attributes))


def rebuild(
    study: DirectStudy,
    access: StorageAccess,
    records: Mapping[int, TrialRecord],
    propose: Callable[[optuna.Trial], object],
    done: Callable[[], None],
) -> None:
    """Make the study again from the folders, see ``Study.rebuild``."""
    if isinstance(study.where, Path):
        draft = Draft()
        study.replace(study.factory.open(optuna.storages.JournalStorage(draft)))
        _add_trials(study, records, propose, done)
        draft.write(study.where)
        study.replace(study.factory.open(open_journal(study.where)))
    else:
        empty(study, access)
        _add_trials(study, records, propose, done)
    study.take_stock()


def _add_trials(
    study: DirectStudy,
    records: Mapping[int, TrialRecord],
    propose: Callable[[optuna.Trial], object],
    done: Callable[[], None],
) -> None:
    """Add the trials by number; those without a folder are proposed again at their place."""
    shadow = study.factory.open(None) if study.factory.keeps_pickles else None
    study.queue.note_given(given_in(record.entry) for record in records.values())
    for number in range(max(records, default=-1) + 1):
        frozen = frozen_of(records[number]) if number in records else None
        sampler_notes = _propose_again(shadow, frozen) if shadow else {}
        if frozen:
            frozen.system_attrs.update(sampler_notes)
            _add_trial(study, frozen, records[number])
        else:
            propose(study.ask())
        done()


def _add_trial(study: DirectStudy, frozen: FrozenTrial, record: TrialRecord) -> None:
    """Add one trial.

    The pruner judges each epoch of an interrupted one again, for some pruners note their answers.
    """
    study.optuna_study.add_trial(frozen)
    is_first = record.number == min(entry.number for entry in record.record.trials)
    if frozen.state is TrialState.RUNNING and is_first:  # others wait for what it is told
        trial = study.attach(study.trials()[-1])
        for epoch, value in enumerate(record.curve()):
            study.report(trial, epoch, value, is_judged=not record.record.unpruned)


def _propose_again(shadow: optuna.Study, frozen: FrozenTrial | None) -> dict[str, Any]:
    """Return the attributes that the sampler writes in a trial while it proposes.

    Args:
        shadow: a study in memory with the trials before this one; it gets this trial and its end.
        frozen: the trial as its folder keeps it; None if it has none.
    """
    trial = shadow.ask()
    if not frozen or _was_proposed(frozen):
        # To read this proposes all values together, as the first ``suggest_…`` of a trial does.
        trial.relative_params  # noqa: B018
    sampler_notes = dict(optuna_adapter.read_trial(trial).system_attrs)
    if frozen:
        for name, distribution in frozen.distributions.items():
            optuna_adapter.set_parameter(trial, name, frozen.params[name], distribution)
        if frozen.state.is_finished():
            shadow.tell(
                trial,
                frozen.values if frozen.state is TrialState.COMPLETE else None,
                state=frozen.state,
            )
    return sampler_notes


def _was_proposed(frozen: FrozenTrial) -> bool:
    """Tell whether the sampler has proposed a value of the trial: not if all were enqueued."""
    given = frozen.system_attrs.get(ENQUEUED_VALUES, {})
    return not frozen.params or any(
        name not in given and not distribution.single()
        for name, distribution in frozen.distributions.items()
    )
