"""What is trained, made of the search space: its data in batches, its model, its callbacks; and how they were made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.objectives import MEASURED
from sweep.space.search_space import SearchSpace
from sweep.training import session, steps
from sweep.training.data import batch_source
from sweep.training.data.array_batches import ArrayBatches
from sweep.training.data.arrays import Data, is_arrays
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.loading import identify, load_data
from sweep.training.data.make_batches import make_batch_source
from sweep.training.data.opened_files import describe_changes
from sweep.training.protocol import Job, Sized
from sweep.training.state import callback_fingerprint
from sweep.training.steps import Weigh
from sweep.wording import nearest

HDF5_BYTES = 40_000  # what a file of weights takes beside the weights, about


@dataclass(frozen=True)
class Prepared:
    """What is trained: a model, its batches and those of its validation, what weighs them by class, the user's callbacks."""

    model: keras.Model
    batches: BatchSource
    validation: BatchSource
    weigh: Weigh | None
    of_user: list[keras.callbacks.Callback]


def load_batches(
    job: Job, space: SearchSpace, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of the training and of its validation, and note in the record what they are and promise.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
        SearchSpaceWrong: ``batch_size`` is suggested, and nothing takes it; or these are other data than before.
    """
    loaded = load_data(space, job.run)
    batches = make_batches(job, space, loaded.data, say)
    pairs = zip(loaded.data, batches, strict=True)
    compared = [part if is_arrays(part) else source.compared() for part, source in pairs]
    if _are_others(job, space, identify(loaded, compared)):
        batches = make_batches(job, space, loaded.data, say)  # they may be of another number
    keras.utils.set_random_seed(job.record.parameters["seed"])
    return batches


def _are_others(job: Job, space: SearchSpace, identity: dict[str, Any]) -> bool:
    """Tell whether this training had other data in the session before, and note those that it has now.

    Raises:
        SearchSpaceWrong: the data must be those of before, and are not.
    """
    wanted, had = job.data_before, job.record.data_identity
    if wanted and wanted["digest"] != identity["digest"]:
        raise SearchSpaceWrong(
            f"{space.source.path}: load_data gives other data than the experiences in {job.experience.path.parent} were "
            f"trained on ({_why_others(wanted, identity)}); put the data back, take another --root, or go on with "
            "--accept-change."
        )
    are_others = had is not None and had["digest"] != identity["digest"]
    if had and are_others:
        job.record.mark_approximate(
            f"its data were changed on the way: {_why_others(had, identity)}"
        )
    job.record.data_identity = identity
    return are_others


def _why_others(before: dict[str, Any], now: dict[str, Any]) -> str:
    return describe_changes(before["files"], now["files"]) or (
        "no file that it opens was changed: see what else it reads, give what it draws at random a seed, as "
        "numpy.random.default_rng(0), sort what comes out of a set, and know that another machine may compute other "
        "last digits"
    )


def make_batches(
    job: Job, space: SearchSpace, data: Data, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of these data, and note in the record what they promise; see ``load_batches``."""
    record, parameters = job.record, job.record.parameters
    train, validation = data
    size, seed = parameters["batch_size"], parameters["seed"]
    keras.utils.set_random_seed(seed)
    # Where the search space was changed on the way, there may be others now.
    counted = (
        record.sessions[-1].batches if record.sessions and not record.approximate_because else None
    )
    batches = make_batch_source(train, True, size, seed, say, counted)
    tests = make_batch_source(validation, False, size, seed, say)
    record.data = batches.kind
    if batches.kind != ArrayBatches.kind and "batch_size" not in space.fixed:
        raise SearchSpaceWrong(
            f"{space.source.path}: suggest returns batch_size, but the batches of a {batches.kind} are made by load_data; "
            "put it into FIXED."
        )
    if not record.sessions and not record.approximate_because:
        why = batches.why_approximate() or tests.why_approximate()
        if why:
            record.mark_approximate(why)
    keras.utils.set_random_seed(
        seed
    )  # of what is drawn from here on, whether the data were loaded, kept or looked at twice
    return batches, tests


def build(space: SearchSpace, parameters: dict[str, Any], validation: BatchSource) -> keras.Model:
    """Build the model, its metrics too: a batch of validation does.

    Raises:
        SearchSpaceWrong: there is no compiled model with the metrics of MONITOR, or it is one for several devices.
    """
    path = space.source.path
    model = space.build_model(parameters)
    if not isinstance(model, keras.Model):
        raise SearchSpaceWrong(
            f"{path}: build_model returns a {type(model).__name__}; return a keras.Model."
        )
    if not model.compiled:
        raise SearchSpaceWrong(
            f"{path}: build_model returns a model that is not compiled; call model.compile(…)."
        )
    if model.distribute_strategy is not tf.distribute.get_strategy():
        raise SearchSpaceWrong(
            f"{path}: build_model uses a tf.distribute strategy; each training has one device: leave it out."
        )
    for name in ("make_train_function", "make_test_function"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise SearchSpaceWrong(
                f"{path}: its model has a {name} of its own, which is not called; change {name.split('_')[1]}_step."
            )
    metrics = steps.build(model, validation)
    model.built = True  # its layers are by now; of one that is never called as a whole, Keras would write no weights
    for objective in space.objectives:
        if objective.name not in MEASURED:
            _check_metric(objective.name, metrics, path)
    return model


def _check_metric(monitored: str, metrics: dict[str, Any], path: Path) -> None:
    name = monitored.removeprefix("val_")
    if name not in metrics:
        names = [one for one in metrics if one != "loss"]
        near = nearest(name, names, 0.3)
        found = f"only {', '.join(names)}" if names else "none"
        missing = 'metrics=["acc"]' if name == "acc" else "one, or let MONITOR name another"
        mend = f'name="{name}" for {near}' if near else missing
        raise SearchSpaceWrong(
            f'{path}: build_model compiles no metric named "{name}" ({found}); give compile(…) {mend}.'
        )
    if np.ndim(metrics[name]):
        raise SearchSpaceWrong(
            f"{path}: the metric {name} has several numbers, and MONITOR needs one: let it take their mean."
        )


def callbacks(space: SearchSpace, parameters: dict[str, Any]) -> list[keras.callbacks.Callback]:
    """Return the callbacks of the search space.

    Raises:
        SearchSpaceWrong: they are something else, or one of them is a BackupAndRestore.
    """
    found = space.callbacks(parameters)
    if not isinstance(found, list | tuple) or any(
        not isinstance(one, keras.callbacks.Callback) for one in found
    ):
        raise SearchSpaceWrong(
            f"{space.source.path}: callbacks returns {found!r}; return a list of keras.callbacks."
        )
    if any(isinstance(one, keras.callbacks.BackupAndRestore) for one in found):
        raise SearchSpaceWrong(
            f"{space.source.path}: callbacks returns a BackupAndRestore; every training has one already, which resumes it "
            "at the batch: leave yours out."
        )
    return list(found)


def count_params(model: keras.Model) -> int:
    """Return how many numbers the weights of a model are; Keras counts those of a model only that was called as a whole."""
    return sum(int(np.prod(weight.shape)) for weight in model.weights)


def size(model: keras.Model) -> Sized:
    """Return what the files of this model take: at rest two backups and the best model, while it trains one more of each."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = {
        id(variable): variable for variable in [*model.variables, *model.optimizer.variables]
    }
    one = HDF5_BYTES + sum(variable.value.numpy().nbytes for variable in variables.values())
    return Sized(training=5 * one, ended=3 * one, best=one)


def how_its_parent_was_built(
    job: Job, space: SearchSpace, validation: BatchSource
) -> dict[str, Any] | None:
    """Build the model and the callbacks of the shorter training that this one extends, before its first session."""
    if not job.record.parent or job.record.sessions:
        return None
    parent = session.parent_of(job)
    if not parent:
        job.record.mark_approximate(
            f"it extends {job.record.parent}, which is not here to be compared with"
        )
        return None
    built = how_built(
        space,
        parent.parameters,
        build(space, parent.parameters, validation),
        callbacks(space, parent.parameters),
    )
    keras.utils.clear_session()  # else the names of the layers count on
    keras.utils.set_random_seed(job.record.seed)
    return {"epochs": parent.parameters["epochs"], **built}


def how_built(
    space: SearchSpace,
    parameters: dict[str, Any],
    model: keras.Model,
    of_user: list[keras.callbacks.Callback],
) -> dict[str, Any]:
    """Return all that may depend on how many epochs there are to be, in comparable form."""
    return {
        "model": model.get_config(),
        "optimizer": keras.saving.serialize_keras_object(model.optimizer)["config"],
        "loss": str(model.get_compile_config()),
        "callbacks": [callback_fingerprint.callback_fingerprint(callback) for callback in of_user],
        "class weights": space.class_weight(parameters),
    }


def compare_with_its_parent(job: Job, parent: dict[str, Any], ours: dict[str, Any]) -> None:
    """Note where the longer training is not the shorter one with more epochs, but another from its first batch on."""
    different = [name for name in ours if ours[name] != parent[name]]
    if different:
        parts = [
            name
            for name in parent["optimizer"]
            if parent["optimizer"][name] != ours["optimizer"].get(name)
        ]
        what = (
            f"the optimizer ({', '.join(parts)})"
            if "optimizer" in different
            else f"the {different[0]}"
        )
        job.record.mark_approximate(
            f"it extends {job.record.parent}, and the number of epochs decides {what}: the first "
            f"{parent['epochs']} were trained as if there were no more"
        )
