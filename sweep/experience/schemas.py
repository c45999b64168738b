"""The shapes and bounds of sweep's JSON files, whose content may come from anybody."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from sweep.settings import MOST_REPEATS
from sweep.space.identity import ID_DIGITS
from sweep.space.objectives import MODES
from sweep.system.json_text import MEBIBYTE, Time

MOST_BYTES_OF_RECORD = 16 * MEBIBYTE  # 10,000 trials that led to one experience
MOST_BYTES_OF_POSITION = 32 * MEBIBYTE  # a record, and a log of 30,000 epochs
MOST_BYTES_OF_ENQUEUED = 4 * MEBIBYTE
MOST_BYTES_OF_UNTRAINED = 16 * MEBIBYTE  # 100,000 trials
MOST_INTEGER = 2**53
MOST_EPOCHS = 10**9
SEEDS = 2**32


Count = Annotated[int, Meta(ge=0, lt=2**40)]
Epoch = Annotated[int, Meta(ge=0, le=MOST_EPOCHS)]
Seed = Annotated[int, Meta(ge=0, lt=SEEDS)]
TrialNumber = Annotated[int, Meta(ge=0, lt=10**9)]
Seconds = Annotated[float, Meta(ge=0, lt=2.0**32)]  # 136 years; NaN is none of them
Started = Annotated[float, Meta(gt=-(2.0**40), lt=2.0**40)]
Repeats = Annotated[int, Meta(ge=1, le=MOST_REPEATS)]
Name = Annotated[str, Meta(max_length=1000)]
Id = Annotated[str, Meta(pattern=rf"^[0-9a-f]{{{ID_DIGITS}}}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Pid = Annotated[int, Meta(gt=0, lt=2**31)]
Texts = dict[str, str]
Params = Annotated[dict[Name, Any], Meta(max_length=200)]
Proposal = Annotated[dict[str, Any], Meta(min_length=1, max_length=1000)]
ObjectiveEntry = tuple[Name, Literal[MODES]]  # type: ignore[valid-type] # "max" or "min"


class ProcessShape(TypedDict):
    """See ``sweep.system.host.ProcessId``."""

    host: Name
    pid: Pid
    started: Started
    boot: NotRequired[Name]


class FolderHolderShape(ProcessShape):
    """See ``sweep.experience.entries.FolderHolder``."""

    number: Count


class HolderShape(TypedDict):
    """See ``sweep.experience.root_lock.RootHolder``."""

    host: Name
    boot: Name
    pid: Pid
    started: Started
    since: Name
    renewed: Count


class AskedShape(TypedDict):
    """How a sweep was run last."""

    trials: Annotated[int, Meta(ge=1, lt=2**53)]
    workers: Annotated[int, Meta(ge=1, lt=2**16)]
    seed: int
    sampler: Name
    pruner: Name
    scheduler: NotRequired[Name]


class EnqueuedShape(TypedDict):
    """See ``sweep.search.enqueued.Enqueued``."""

    proposals: Annotated[list[Proposal], Meta(max_length=10_000)]
    warm_starts: list[str]


class UntrainedShape(TypedDict):
    """See ``sweep.experience.untrained.UntrainedTrial``."""

    number: TrialNumber
    state: Literal["failed", "pruned"]
    reason: str


class CodeShape(TypedDict):
    """See ``sweep.space.source.SpaceSource.identity``."""

    name: Name
    fingerprint: Texts
    modules: NotRequired[dict[str, Texts]]
    accepted: NotRequired[list[str]]


class ParametersShape(TypedDict):
    """The parameters that every training has."""

    epochs: Annotated[int, Meta(ge=1, le=MOST_EPOCHS)]
    seed: Seed


class TrialEntryShape(TypedDict):
    """See ``sweep.experience.entries.TrialEntry``.

    ``sweep.search.trial_conversion`` checks what Optuna needs of it.
    """

    number: TrialNumber
    ended: Time | None
    begun: NotRequired[Name | None]
    came_from: NotRequired[str | None]
    repeat: NotRequired[Count]
    repeats: NotRequired[Repeats]
    params: NotRequired[Params]


class ProofShape(TypedDict):
    """See ``sweep.experience.entries.Comparison``."""

    compared: Count
    differs: list[str]


class EvidenceShape(TypedDict):
    """See ``sweep.experience.resume_proof.Evidence``."""

    header: str
    rows: list[str]
    samples: list[tuple[Epoch, Count, dict[str, Any]]]


class MachineShape(TypedDict):
    """See ``sweep.system.host.Machine``."""

    flags: list[str]
    environment: Texts
    hash_seed: NotRequired[str]
    libc: NotRequired[str]


class EndedShape(TypedDict):
    """See ``sweep.experience.entries.SessionEnd``."""

    how: Name
    epoch: Epoch
    batch: Count
    trained_s: Seconds
    prepared_s: NotRequired[Seconds]
    sample: NotRequired[tuple[Epoch, Count, dict[str, Any]] | None]


class SessionShape(TypedDict):
    """See ``sweep.experience.entries.Session``."""

    begun: Time
    epoch: Epoch
    batch: Count
    process: ProcessShape
    batches: NotRequired[Count]
    ended: NotRequired[EndedShape]
    proof: NotRequired[ProofShape]
    evidence: NotRequired[EvidenceShape | None]
    machine: NotRequired[MachineShape | None]
    processor: NotRequired[str]
    versions: NotRequired[Texts]
    cluster: NotRequired[str | None]
    until: NotRequired[Epoch | None]


class FileShape(TypedDict):
    """The size and digest of a file of an ended experience."""

    bytes: Annotated[int, Meta(ge=0, lt=2**62)]
    sha256: Sha256


class OutcomeShape(TypedDict):
    """See ``sweep.experience.record.Outcome``."""

    state: Literal["finished", "failed", "pruned"]
    ended: Time
    reason: NotRequired[str | None]
    values: NotRequired[dict[Name, float]]
    val_acc: NotRequired[float | None]  # written before there were other objectives
    epoch: NotRequired[Epoch | None]
    constraints: NotRequired[Annotated[list[float], Meta(max_length=1000)] | None]
    traceback: NotRequired[str | None]
    died: NotRequired[bool]
    log: NotRequired[FileShape | None]
    model: NotRequired[FileShape | None]


class DataFileShape(TypedDict):
    """A file that ``load_data`` opened."""

    path: str
    bytes: Annotated[int, Meta(ge=0, lt=2**62)]
    modified: Time


class ReadShape(TypedDict):
    """What ``load_data`` has read, see ``sweep.space.noted_parameters``."""

    values: dict[str, Any]
    absent: list[str]
    all: bool


class DataIdentityShape(TypedDict):
    """The data of a training, see ``sweep.experience.record.Record``."""

    digest: Sha256
    files: list[DataFileShape]
    count: Count
    read: NotRequired[ReadShape | None]


class PositionShape(TypedDict):
    """See ``sweep.experience.position.Position``; its file also has the digest of the weights."""

    epoch: Epoch
    batch: Count
    stop_training: bool
    log: str
    logs: dict[str, Any]
    state: dict[str, Any]
    saved: Name
    record: NotRequired["RecordShape | None"]
    phases: NotRequired[Annotated[list[Epoch], Meta(min_length=1)]]
    weights: Sha256


class LabelShape(TypedDict):
    """The label in the archive of a model: the monitored value, and its epoch."""

    value: NotRequired[float]
    val_acc: NotRequired[float]  # written before there were other objectives
    epoch: Epoch


class RecordShape(TypedDict):
    """See ``sweep.experience.record.Record``; older versions left some keys out."""

    id_experience: Id
    search_space: CodeShape
    parameters: ParametersShape
    tuples: NotRequired[list[list[str | int]]]
    seed: Seed
    threads: Annotated[int, Meta(ge=1, le=2**16)]
    trials: list[TrialEntryShape]
    sessions: list[SessionShape]
    approximate_because: NotRequired[str | None]
    outcome: NotRequired[OutcomeShape | None]
    parent: NotRequired[Id | None]
    aims: NotRequired[Annotated[list[ObjectiveEntry], Meta(min_length=1, max_length=100)]]
    count_params: NotRequired[Count | None]
    data: NotRequired[str | None]
    unpruned: NotRequired[bool]
    data_identity: NotRequired[DataIdentityShape | None]
    holder: NotRequired[FolderHolderShape | None]
