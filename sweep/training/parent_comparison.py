"""An extension compared with the shorter training that it extends, its parent.

Only the number of epochs may differ; where it decides more, the record says so.
"""

from typing import Any

import keras

from sweep.experience import backup_files
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.space.search_space import SearchSpace
from sweep.training.data.batch_source import BatchSource
from sweep.training.findings import Findings
from sweep.training.model_build import build_model
from sweep.training.protocol import Job
from sweep.training.state.callback_fingerprint import callback_fingerprint
from sweep.training.user_callbacks import user_callbacks


def describe_parent(
    job: Job, space: SearchSpace, validation: BatchSource, findings: Findings
) -> dict[str, Any] | None:
    """Return how the parent is built, before the first session of an extension; else None."""
    if not job.record.parent or job.record.sessions:
        return None
    parent = parent_of(job)
    if not parent:
        findings.approximate_because.append(
            f"it extends {job.record.parent}, which is not here to be compared with"
        )
        return None
    model = build_model(space, parent.parameters, validation)
    of_user = user_callbacks(space, parent.parameters, job.experience.path)
    built = describe_training(space, parent.parameters, model, of_user)
    keras.utils.clear_session()  # else the numbers in the names of the layers go on
    keras.utils.set_random_seed(job.record.seed)
    return {"epochs": parent.parameters["epochs"], **built}


def describe_training(
    space: SearchSpace,
    parameters: dict[str, Any],
    model: keras.Model,
    of_user: list[keras.callbacks.Callback],
) -> dict[str, Any]:
    """Return all that may depend on the number of epochs, in a comparable form."""
    return {
        "model": model.get_config(),
        "optimizer": keras.saving.serialize_keras_object(model.optimizer)["config"],
        "loss": str(model.get_compile_config()),
        "callbacks": [callback_fingerprint(callback) for callback in of_user],
        "class weights": space.class_weight(parameters),
    }


def compare_with_parent(
    job: Job, parent: dict[str, Any], ours: dict[str, Any], findings: Findings
) -> None:
    """Find out where the extension differs from its parent in more than its number of epochs."""
    different = [name for name in ours if ours[name] != parent[name]]
    if different:
        parts = [
            name
            for name in parent["optimizer"]
            if parent["optimizer"][name] != ours["optimizer"].get(name)
        ]
        is_optimizer = "optimizer" in different
        part = f"the optimizer ({', '.join(parts)})" if is_optimizer else f"the {different[0]}"
        findings.approximate_because.append(
            f"it extends {job.record.parent}, and the number of epochs decides {part}: the first "
            f"{parent['epochs']} were trained as if there were no more"
        )


def parent_of(job: Job) -> Record | None:
    """Return the record of the shorter training that this one extends, or None."""
    name = job.record.parent
    if not name:
        return None
    return backup_files.read_record(Experience(job.experience.path.with_name(name)))
