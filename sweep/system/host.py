"""This machine and this process, described so that another machine can recognise them."""

import os
import platform
import re
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from sweep.system.json_object import JsonObject
from sweep.version import __version__

DRIVE = "fuse.drive"
# File systems of a disk that only this machine sees.
LOCAL = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "apfs"}
CPUINFO = Path("/proc/cpuinfo")
# oneDNN, Eigen and LLVM choose the code that computes by these. The keys are Linux's names for the
# lists of them.
INSTRUCTION_SETS = {
    "flags": re.compile("ssse3|sse4_[12]|f16c|fma|avx.*|amx_.*"),
    "Features": re.compile("asimd.*|fphp|fcma|bf16|i8mm|sve.*|sme.*"),  # of ARM
}
# Environment variables that TensorFlow and Keras read and that can change a training. Numbers of
# threads are not among them. TensorFlow's are fixed and recorded apart, and its builds have no
# OpenMP and no MKL, which would read OMP_NUM_THREADS and the like, which Dask sets on its workers.
# NumPy with more threads could only change the data, which have a digest.
_TENSORFLOWS = "CUBLAS|CUDNN|CONV2D|MATMUL|XLA|USE|ENABLE|DISABLE|OVERRIDE"
DECIDES = re.compile(
    rf"(ONEDNN|DNNL|XLA|NVIDIA_TF32|TF_({_TENSORFLOWS}))_.*"
    r"|TF_DETERMINISTIC_OPS|TF_AUTOTUNE_THRESHOLD|KERAS_MAX_.*"
    r"|OPENBLAS_CORETYPE|NPY_(EN|DIS)ABLE_CPU_FEATURES"
)


def stop_signals() -> set[signal.Signals]:
    """Return the signals that ask to stop: Ctrl-C, SIGTERM, and SIGHUP of a closed terminal.

    SIGHUP is left out where nohup has made this process ignore it.
    """
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return {signal.SIGINT, signal.SIGTERM} | (set() if is_ignored else {signal.SIGHUP})


def now() -> str:
    """Return the time in UTC, in ISO 8601, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(kw_only=True)
class ProcessId(JsonObject):
    """The identity of a process among all that ever ran.

    ``boot`` is the id of the host's boot, "" where its system has none; the oldest records have no
    ``boot``. ``started`` is in seconds after that boot.
    """

    host: str
    boot: str | None = None
    pid: int
    started: float


@dataclass(kw_only=True)
class Machine(JsonObject):
    """Properties of a machine that decide the last bits of a training.

    The processor and the versions of packages are recorded apart.

    - ``flags``: the parts of the instruction set by which libraries choose their code.
    - ``environment``: the environment variables that are set and can change a training.
    - ``hash_seed``: "random" where the order of a set differs from process to process.
    - ``libc``: computes what TensorFlow has no code of its own for.

    Older records do not have the last two.
    """

    flags: list[str]
    environment: dict[str, str]
    hash_seed: str | None = None
    libc: str | None = None


def this_process() -> ProcessId:
    """Return the identity of this process."""
    pid = os.getpid()
    return ProcessId(
        host=socket.gethostname(), boot=_boot(), pid=pid, started=_seconds_after_boot(pid)
    )


def is_same(first: ProcessId, second: ProcessId) -> bool:
    """Tell whether both identify the same process."""
    return _identity(first) == _identity(second)


def _identity(process: ProcessId) -> tuple[str, str | None, int, float]:
    return process.host, process.boot, process.pid, process.started


def is_alive(process: ProcessId) -> bool:
    """Tell whether a process still runs on this host; False for a process of another host."""
    if not is_of_this_boot(process):
        return False
    try:
        same = abs(_seconds_after_boot(process.pid) - process.started) < 1
        return same and psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_of_this_boot(process: ProcessId) -> bool:
    """Tell whether a process was started on this host, and since its last boot."""
    return process.host == socket.gethostname() and process.boot in (None, _boot())


def _boot() -> str:
    """Return the id of the machine's current boot; "" where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _seconds_after_boot(pid: int) -> float:
    """Return how long after the boot a process was started, in seconds.

    This does not use the wall clock, which may be set back while a sweep runs: some versions of
    psutil keep the time of the boot, and see no later step of that clock.

    Raises:
        psutil.NoSuchProcess: the process has ended.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # no Linux, or no such process
        return psutil.Process(pid).create_time() - psutil.boot_time()
    return int(stat.rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def versions() -> dict[str, str]:
    """Return the versions of what a training depends on.

    Packages that load or store and do not compute, such as h5py, are left out; so are those that
    make the data.
    """
    packages = {name: version(name) for name in ("keras", "tensorflow", "optuna", "numpy")}
    return {"python": platform.python_version(), **packages, "sweep": __version__}


def processor() -> str:
    """Return the model of the processor, as Linux names it."""
    return _of_processor("model name") or platform.processor() or platform.machine()


def machine() -> Machine:
    """Return the properties of this machine that decide the last bits of a training."""
    flags = (
        flag
        for name, kind in INSTRUCTION_SETS.items()
        for flag in _of_processor(name).split()
        if kind.fullmatch(flag)
    )
    names = sorted(name for name in os.environ if DECIDES.fullmatch(name))
    return Machine(
        flags=sorted(flags),
        environment={name: os.environ[name] for name in names},
        hash_seed="random" if sys.flags.hash_randomization else "0",
        libc=" ".join(platform.libc_ver()),
    )


def _of_processor(name: str) -> str:
    """Return what Linux says of the first processor under this name, or ""."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def is_on_drive(path: Path) -> bool:
    """Tell whether ``path`` lies on a Google Drive, as Colab mounts it."""
    return _file_system(path) == DRIVE


def is_local(path: Path) -> bool:
    """Tell whether ``path`` lies on a disk that only this machine sees."""
    return _file_system(path) in LOCAL


def _file_system(path: Path) -> str:
    mounts = {Path(disk.mountpoint): disk.fstype for disk in psutil.disk_partitions(all=True)}
    place = path.absolute()
    return next((mounts[folder] for folder in (place, *place.parents) if folder in mounts), "")


def cache_folder() -> Path:
    """Return the user's folder on the local disk for files that can be made again."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sweep"
    except RuntimeError:  # a container may run as a user without a home
        return Path(tempfile.gettempdir()) / f"sweep-{os.getuid()}"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_for_keras() -> None:
    """Set the environment variables that Python, TensorFlow and HDF5 read when they start.

    They hold for this process and all its children.
    """
    os.environ["PYTHONHASHSEED"] = "0"  # a set has the same order in every session
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Otherwise one training takes all the memory of its GPU.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    has_home = os.path.expanduser("~") != "~"  # noqa: PTH111 # Path raises without a home
    if not has_home:  # TensorFlow would make a folder named ~ in the current folder
        os.environ.setdefault("KERAS_HOME", str(cache_folder() / "keras"))
    # Google Drive has no locks, and only one process writes an experience.
    os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
