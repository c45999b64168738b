"""An extension compared with the shorter training that it extends, its parent.

Only the number of epochs may differ; where it decides more, the record says so.
"""

import tempfile
from pathlib import Path
from typing import Any

import keras

from sweep.experience import backup_files
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.space.search_space import SearchSpace
from sweep.training.data.batch_source import BatchSource
from sweep.training.model_build import build_model
from sweep.training.phase_preparation import each_phase
from sweep.training.protocol import Job
from sweep.training.state.callback_fingerprint import callback_fingerprint
from sweep.training.user_callbacks import user_callbacks


def difference_from_parent(job: Job, space: SearchSpace, validation: BatchSource) -> str | None:
    """Return why an extension may differ from a training that was never shorter, or None.

    Before its first session, both are built to be compared. Then all is as if they had not been.
    """
    record = job.record
    if not record.parent or record.sessions:
        return None
    parent = parent_of(job)
    if not parent:
        return f"it extends {record.parent}, which is not here to be compared with"
    epochs = parent.parameters["epochs"]
    with tempfile.TemporaryDirectory(prefix="sweep-extend-") as folder:  # these callbacks write
        before, now = (
            _describe(job, Path(folder), space, parameters, validation, epochs)
            for parameters in (parent.parameters, record.parameters)
        )
    different = [name for name in now if now[name] != before[name]]
    if not different:
        return None
    return (
        f"it extends {record.parent}, and the number of epochs decides "
        f"{_in_words(different, before, now)}: the first {epochs} were trained as if there were no "
        "more"
    )


def _in_words(different: list[str], before: dict[str, Any], now: dict[str, Any]) -> str:
    if "optimizer" not in different:
        return f"the {different[0]}"
    old, new = before["optimizer"], now["optimizer"]
    parts = [name for name in old if old[name] != new.get(name)]
    return f"the optimizer ({', '.join(parts)})"


def _describe(
    job: Job,
    folder: Path,
    space: SearchSpace,
    parameters: dict[str, Any],
    validation: BatchSource,
    epochs: int,
) -> dict[str, Any]:
    """Return all of so many epochs that may depend on their number, in a comparable form."""
    model, _ = build_model(space, parameters, validation)
    of_user = user_callbacks(space, parameters, folder)
    description = {
        "model": model.get_config(),
        **_compiled(model),
        "callbacks": [callback_fingerprint(callback) for callback in of_user],
        "class weights": space.class_weight(parameters),
        "phases": _phases(space, model, parameters, validation, epochs),
    }
    keras.utils.clear_session()  # else the numbers in the names of the layers go on
    keras.utils.set_random_seed(job.record.seed)
    return description


def _compiled(model: keras.Model) -> dict[str, Any]:
    return {
        "optimizer": keras.saving.serialize_keras_object(model.optimizer)["config"],
        "loss": str(model.get_compile_config()),
    }


def _phases(
    space: SearchSpace,
    model: keras.Model,
    parameters: dict[str, Any],
    validation: BatchSource,
    epochs: int,
) -> list[Any]:
    """Return when each phase begins that does so within these epochs, and what it compiles."""
    first, described = 0, []
    for phase in each_phase(space.phases_of(parameters), model, parameters, validation):
        described.append([first, _compiled(model)])
        first += phase.epochs
        if first >= epochs:
            break
    return described


def parent_of(job: Job) -> Record | None:
    """Return the record of the shorter training that this one extends, or None."""
    name = job.record.parent
    if not name:
        return None
    return backup_files.read_record(Experience(job.experience.path.with_name(name)))
