"""The data of a training in batches, compared with the data of its earlier sessions."""

import keras

from sweep.experience.known_data import DataIdentity, are_other
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.noted_parameters import NotedParameters, Read, has_read
from sweep.space.search_space import SearchSpace
from sweep.training.data import batch_source
from sweep.training.data.array_batches import ArrayBatches
from sweep.training.data.arrays import is_arrays
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.loading import LoadedData, identify, load_data, wrong_for_these
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
    parameters = NotedParameters(job.record.parameters)
    with wrong_for_these(parameters):
        loaded = load_data(space, parameters, job.run)
        batches = make_batches(job, space, loaded, findings, say)
    pairs = zip(loaded.data, batches, strict=True)
    compared = [part if is_arrays(part) else source.compared() for part, source in pairs]
    findings.data_identity = identify(loaded, compared)
    if change := _change(job, space, findings.data_identity):
        findings.approximate_because.append(f"its data were changed on the way: {change}")
        batches = make_batches(job, space, loaded, findings, say)  # their number may differ
    keras.utils.set_random_seed(job.record.parameters["seed"])
    return batches


def _change(job: Job, space: SearchSpace, identity: DataIdentity) -> str | None:
    """Return in words what has changed in the data since the session before, or None.

    Raises:
        SearchSpaceWrong: the data must be those of before, and are not.
    """
    wanted, had = job.data_before, job.record.data_identity
    if wanted and are_other(wanted, identity):
        raise SearchSpaceWrong(
            f"{space.source.path}: load_data gives other data than the experiences in "
            f"{job.experience.path.parent} were trained on ({_describe_change(wanted, identity)}); "
            "put the data back, take another --root, or go on with --accept-change."
        )
    if had is None or had["digest"] == identity["digest"]:
        return None
    return _describe_change(had, identity)


def _describe_change(before: DataIdentity, now: DataIdentity) -> str:
    was_read, is_read = before.get("read"), now.get("read")
    if was_read != is_read:  # of an extension, which has other epochs; or the code was changed
        return f"load_data read {_in_words(was_read)}, and now {_in_words(is_read)}"
    return describe_changes(before["files"], now["files"]) or (
        "no file that it opens was changed: see what else it reads, give what it draws at random "
        "a seed, as numpy.random.default_rng(0), sort what comes out of a set, and know that "
        "another machine may compute other last digits"
    )


def _in_words(read: Read | None) -> str:
    values = read["values"] if read else {}
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "no parameter"


def make_batches(
    job: Job, space: SearchSpace, loaded: LoadedData, findings: Findings, say: batch_source.Say
) -> tuple[BatchSource, BatchSource]:
    """Return the batches of these data; see ``load_batches``."""
    record, parameters = job.record, job.record.parameters
    train, validation = loaded.data
    batch_size, seed = parameters["batch_size"], parameters["seed"]
    keras.utils.set_random_seed(seed)
    is_approximate = record.approximate_because or findings.approximate_because
    # After a change of the search space, their number may differ.
    counted = record.sessions[-1].batches if record.sessions and not is_approximate else None
    batches = make_batch_source(train, True, batch_size, seed, say, counted)
    validation_batches = make_batch_source(validation, False, batch_size, seed, say)
    findings.data = batches.kind
    is_used = batches.kind == ArrayBatches.kind or has_read(loaded.parameters.read(), "batch_size")
    if not is_used and "batch_size" not in space.fixed:
        raise SearchSpaceWrong(
            f"{space.source.path}: suggest returns batch_size, but the batches of a {batches.kind} "
            "are made by load_data; put it into FIXED, or take it from the parameters in "
            "load_data(parameters)."
        )
    if not record.sessions and not is_approximate:
        why = batches.why_approximate() or validation_batches.why_approximate()
        if why:
            findings.approximate_because.append(why)
    # What is drawn from here on is the same, however the data were loaded, and how often.
    keras.utils.set_random_seed(seed)
    return batches, validation_batches
