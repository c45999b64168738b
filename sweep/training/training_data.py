"""The data of a training in batches, compared with the data of its earlier sessions."""

from typing import Any

import keras

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace
from sweep.training.data import batch_source
from sweep.training.data.array_batches import ArrayBatches
from sweep.training.data.arrays import Data, is_arrays
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.loading import identify, load_data
from sweep.training.data.make_batches import make_batch_source
from sweep.training.data.opened_files import describe_changes
from sweep.training.protocol import Job


def load_batches(
    job: Job, space: SearchSpace, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of the training and of its validation, and record what they are.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
        SearchSpaceWrong: ``batch_size`` is suggested, and nothing takes it; or these are other
            data than before.
    """
    loaded = load_data(space, job.run)
    batches = make_batches(job, space, loaded.data, say)
    pairs = zip(loaded.data, batches, strict=True)
    compared = [part if is_arrays(part) else source.compared() for part, source in pairs]
    if _have_changed(job, space, identify(loaded, compared)):
        batches = make_batches(job, space, loaded.data, say)  # their number may differ
    keras.utils.set_random_seed(job.record.parameters["seed"])
    return batches


def _have_changed(job: Job, space: SearchSpace, identity: dict[str, Any]) -> bool:
    """Return whether the session before had other data, and record the present ones.

    Raises:
        SearchSpaceWrong: the data must be those of before, and are not.
    """
    wanted, had = job.data_before, job.record.data_identity
    if wanted and wanted["digest"] != identity["digest"]:
        raise SearchSpaceWrong(
            f"{space.source.path}: load_data gives other data than the experiences in "
            f"{job.experience.path.parent} were trained on ({_describe_change(wanted, identity)}); "
            "put the data back, take another --root, or go on with --accept-change."
        )
    have_changed = had is not None and had["digest"] != identity["digest"]
    if had and have_changed:
        change = _describe_change(had, identity)
        job.record.mark_approximate(f"its data were changed on the way: {change}")
    job.record.data_identity = identity
    return have_changed


def _describe_change(before: dict[str, Any], now: dict[str, Any]) -> str:
    return describe_changes(before["files"], now["files"]) or (
        "no file that it opens was changed: see what else it reads, give what it draws at random "
        "a seed, as numpy.random.default_rng(0), sort what comes out of a set, and know that "
        "another machine may compute other last digits"
    )


def make_batches(
    job: Job, space: SearchSpace, data: Data, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of these data, and record what they are; see ``load_batches``."""
    record, parameters = job.record, job.record.parameters
    train, validation = data
    batch_size, seed = parameters["batch_size"], parameters["seed"]
    keras.utils.set_random_seed(seed)
    # After a change of the search space, their number may differ.
    counted = (
        record.sessions[-1].batches if record.sessions and not record.approximate_because else None
    )
    batches = make_batch_source(train, True, batch_size, seed, say, counted)
    validation_batches = make_batch_source(validation, False, batch_size, seed, say)
    record.data = batches.kind
    if batches.kind != ArrayBatches.kind and "batch_size" not in space.fixed:
        raise SearchSpaceWrong(
            f"{space.source.path}: suggest returns batch_size, but the batches of a {batches.kind} "
            "are made by load_data; put it into FIXED."
        )
    if not record.sessions and not record.approximate_because:
        why = batches.why_approximate() or validation_batches.why_approximate()
        if why:
            record.mark_approximate(why)
    # What is drawn from here on is the same, however the data were loaded, and how often.
    keras.utils.set_random_seed(seed)
    return batches, validation_batches
