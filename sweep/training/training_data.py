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
from sweep.training.findings import Findings
from sweep.training.protocol import Job


def load_batches(
    job: Job, space: SearchSpace, findings: Findings, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of the training and of its validation.

    Args:
        job: what is trained.
        space: that of the job.
        findings: is told what the data are.
        say: is given what the user should know.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
        SearchSpaceWrong: ``batch_size`` is suggested, and nothing takes it; or these are other
            data than before.
    """
    loaded = load_data(space, job.run)
    batches = make_batches(job, space, loaded.data, findings, say)
    pairs = zip(loaded.data, batches, strict=True)
    compared = [part if is_arrays(part) else source.compared() for part, source in pairs]
    findings.data_identity = identify(loaded, compared)
    if change := _change(job, space, findings.data_identity):
        findings.approximate_because.append(f"its data were changed on the way: {change}")
        batches = make_batches(job, space, loaded.data, findings, say)  # their number may differ
    keras.utils.set_random_seed(job.record.parameters["seed"])
    return batches


def _change(job: Job, space: SearchSpace, identity: dict[str, Any]) -> str | None:
    """Return in words what has changed in the data since the session before, or None.

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
    if had is None or had["digest"] == identity["digest"]:
        return None
    return _describe_change(had, identity)


def _describe_change(before: dict[str, Any], now: dict[str, Any]) -> str:
    return describe_changes(before["files"], now["files"]) or (
        "no file that it opens was changed: see what else it reads, give what it draws at random "
        "a seed, as numpy.random.default_rng(0), sort what comes out of a set, and know that "
        "another machine may compute other last digits"
    )


def make_batches(
    job: Job, space: SearchSpace, data: Data, findings: Findings, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of these data; see ``load_batches``."""
    record, parameters = job.record, job.record.parameters
    train, validation = data
    batch_size, seed = parameters["batch_size"], parameters["seed"]
    keras.utils.set_random_seed(seed)
    is_approximate = record.approximate_because or findings.approximate_because
    # After a change of the search space, their number may differ.
    counted = record.sessions[-1].batches if record.sessions and not is_approximate else None
    batches = make_batch_source(train, True, batch_size, seed, say, counted)
    validation_batches = make_batch_source(validation, False, batch_size, seed, say)
    findings.data = batches.kind
    if batches.kind != ArrayBatches.kind and "batch_size" not in space.fixed:
        raise SearchSpaceWrong(
            f"{space.source.path}: suggest returns batch_size, but the batches of a {batches.kind} "
            "are made by load_data; put it into FIXED."
        )
    if not record.sessions and not is_approximate:
        why = batches.why_approximate() or validation_batches.why_approximate()
        if why:
            findings.approximate_because.append(why)
    # What is drawn from here on is the same, however the data were loaded, and how often.
    keras.utils.set_random_seed(seed)
    return batches, validation_batches
