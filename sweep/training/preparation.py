"""All that is trained, made from the search space: its batches, its model, its callbacks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from sweep.space.phases import Phases
from sweep.space.search_space import SearchSpace, load
from sweep.system import plain_files
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.class_weight import weigh_by_class
from sweep.training.findings import Findings
from sweep.training.model_build import build_model, count_params, disk_size
from sweep.training.objective_choice import choose_objectives
from sweep.training.parent_comparison import difference_from_parent
from sweep.training.phase_preparation import each_phase
from sweep.training.process_setup import begin_process
from sweep.training.protocol import Job, Link, Warned
from sweep.training.steps import Weigh
from sweep.training.training_data import load_batches
from sweep.training.user_callbacks import user_callbacks


@dataclass(frozen=True)
class Prepared:
    """All that is trained.

    Attributes:
        space: the search space.
        phases: of the training.
        model: built and compiled.
        metrics: what its test step logs.
        batches: the batches of the training.
        validation: the batches of the validation.
        weigh: gives a batch its weights by class, or is None.
        findings: what the record is to say of all this.
        of_user: the callbacks of the search space, once they are made.
    """

    space: SearchSpace
    phases: Phases
    model: keras.Model
    metrics: dict[str, Any]
    batches: BatchSource
    validation: BatchSource
    weigh: Weigh | None
    findings: Findings
    of_user: list[keras.callbacks.Callback] = field(default_factory=list)


def prepare(
    job: Job, batches_of: Callable[[SearchSpace, Findings], tuple[BatchSource, BatchSource]]
) -> Prepared:
    """Make what the job trains, as a training of it would.

    Args:
        job: its search space is loaded.
        batches_of: returns the batches of the training, and those of its validation.
    """
    findings = Findings()
    plain_files.make_folder(job.experience.path)  # a training's is there already
    begin_process(job.record)
    space, parameters = load(job.source), job.record.parameters
    batches, validation = batches_of(space, findings)
    weigh = weigh_by_class(space, parameters, batches.spec())
    model, metrics = build_model(space, parameters, validation)
    phases = space.phases_of(parameters)
    made = Prepared(space, phases, model, metrics, batches, validation, weigh, findings)
    return with_callbacks(made, job)


def prepare_training(job: Job, link: Link) -> tuple[Prepared, str | None]:
    """Make what the job trains, and tell the link the size of its files.

    The callbacks of the search space are not made yet: they may open files in the folder, which
    another process may hold.

    Returns:
        What is trained, and how it differs from the training that it extends.
    """
    parameters, findings = job.record.parameters, Findings()
    space, batches, validation = _load(job, link, findings)
    weigh = weigh_by_class(space, parameters, batches.spec())
    difference = difference_from_parent(job, space, validation)
    model, metrics = build_model(space, parameters, validation)
    findings.count_params = count_params(model)
    link.tell(disk_size(model))
    phases = space.phases_of(parameters)
    made = Prepared(space, phases, model, metrics, batches, validation, weigh, findings)
    return made, difference


def with_callbacks(made: Prepared, job: Job) -> Prepared:
    """Return what is trained, with the callbacks of the search space; the folder is held.

    The findings are then whole: these callbacks may log what MONITOR names.
    """
    parameters, folder = job.record.parameters, job.experience.path
    of_user = user_callbacks(made.space, parameters, folder)
    made.findings.objectives = choose_objectives(job, made.space, made.metrics, of_user)
    return replace(made, of_user=of_user)


def prepare_only(job: Job, link: Link) -> None:
    """Load the data, build the model and prepare it for each phase, to see whether that works.

    The callbacks of the search space are not made: they may open files of this training.
    """
    space, batches, validation = _load(job, link, Findings())
    parameters = job.record.parameters
    weigh_by_class(space, parameters, batches.spec())
    model, _ = build_model(space, parameters, validation)
    for _ in each_phase(space.phases_of(parameters), model, parameters, validation):
        pass  # the model is prepared for it now


def _load(job: Job, link: Link, findings: Findings) -> tuple[SearchSpace, BatchSource, BatchSource]:
    begin_process(job.record)
    space = load(job.source)
    return space, *load_batches(job, space, findings, lambda text: link.tell(Warned(text)))
