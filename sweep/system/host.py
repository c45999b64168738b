"""This machine and this process, in words that another machine understands."""

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
OF_THIS_MACHINE = {
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "zfs",
    "f2fs",
    "tmpfs",
    "overlay",
    "apfs",
}  # file systems
CPUINFO = Path("/proc/cpuinfo")
# By which oneDNN, Eigen and LLVM choose the code that computes, under the name that Linux lists it by.
INSTRUCTION_SETS = {
    "flags": re.compile("ssse3|sse4_[12]|f16c|fma|avx.*|amx_.*"),
    "Features": re.compile("asimd.*|fphp|fcma|bf16|i8mm|sve.*|sme.*"),  # of ARM
}
# What TensorFlow and Keras read that can change a training. Numbers of threads are not among it: TensorFlow's are fixed and
# recorded by themselves, and its builds have no OpenMP and no MKL for OMP_NUM_THREADS and its like, which Dask sets on its
# workers. What NumPy makes with more threads are data, which have a digest.
DECIDES = re.compile(
    r"(ONEDNN|DNNL|XLA|NVIDIA_TF32|TF_(CUBLAS|CUDNN|CONV2D|MATMUL|XLA|USE|ENABLE|DISABLE|OVERRIDE))_.*"
    r"|TF_DETERMINISTIC_OPS|TF_AUTOTUNE_THRESHOLD|KERAS_MAX_.*|OPENBLAS_CORETYPE|NPY_(EN|DIS)ABLE_CPU_FEATURES"
)


def stop_signals() -> set[signal.Signals]:
    """Return the signals that ask to stop: Ctrl-C, SIGTERM, and a closed terminal's SIGHUP, unless nohup has it ignored."""
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return {signal.SIGINT, signal.SIGTERM} | (set() if is_ignored else {signal.SIGHUP})


def now() -> str:
    """Return the time in UTC, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(kw_only=True)
class ProcessId(JsonObject):
    """What names a process among all that ever ran.

    ``boot`` names the time since the host was booted ("" where its system has no name for it), ``started`` is in seconds
    after that boot. The oldest records have no ``boot``.
    """

    host: str
    boot: str | None = None
    pid: int
    started: float


@dataclass(kw_only=True)
class Machine(JsonObject):
    """What else decides the last bits of a training, beside the processor and the versions.

    ``flags`` name the parts of the instruction set that the code is chosen by. ``environment`` has the variables that are
    set. ``hash_seed`` is "random" where the order of a set differs from process to process. ``libc`` computes what has no
    code of its own in TensorFlow. Older records do not have the last two.
    """

    flags: list[str]
    environment: dict[str, str]
    hash_seed: str | None = None
    libc: str | None = None


def this_process() -> ProcessId:
    """Return the name of this process."""
    pid = os.getpid()
    return ProcessId(
        host=socket.gethostname(), boot=_boot(), pid=pid, started=_seconds_after_boot(pid)
    )


def is_same(one: ProcessId, other: ProcessId) -> bool:
    """Tell whether two names are those of one process."""
    first, second = ((name.host, name.boot, name.pid, name.started) for name in (one, other))
    return first == second


def is_alive(process: ProcessId) -> bool:
    """Tell whether a process still runs on this host; one of another host does not count."""
    if not is_of_this_boot(process):
        return False
    try:
        same = abs(_seconds_after_boot(process.pid) - process.started) < 1
        return same and psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_of_this_boot(process: ProcessId) -> bool:
    """Tell whether a process was started on this host since the host was booted."""
    return process.host == socket.gethostname() and process.boot in (None, _boot())


def _boot() -> str:
    """Return what names the time since the machine was started; nothing where the system has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _seconds_after_boot(pid: int) -> float:
    """When the process was started; not by the wall clock, which may be set back while a sweep runs.

    Some versions of psutil keep the time of the boot, and know no later step of that clock.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # no Linux, or no such process
        return psutil.Process(pid).create_time() - psutil.boot_time()
    return int(stat.rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def versions() -> dict[str, str]:
    """Return the versions that a training depends on.

    Of what loads or stores and does not compute (h5py, say), there is none here; and none of what makes the data.
    """
    packages = {name: version(name) for name in ("keras", "tensorflow", "optuna", "numpy")}
    return {"python": platform.python_version(), **packages, "sweep": __version__}


def processor() -> str:
    """Return the model of the processor, as Linux names it."""
    return _of_processor("model name") or platform.processor() or platform.machine()


def machine() -> Machine:
    """Return what this machine decides of a training."""
    flags = (
        flag
        for name, kind in INSTRUCTION_SETS.items()
        for flag in _of_processor(name).split()
        if kind.fullmatch(flag)
    )
    return Machine(
        flags=sorted(flags),
        environment={
            name: value for name, value in sorted(os.environ.items()) if DECIDES.fullmatch(name)
        },
        hash_seed="random" if sys.flags.hash_randomization else "0",
        libc=" ".join(platform.libc_ver()),
    )


def _of_processor(name: str) -> str:
    """Return what Linux says of the first processor under that name; nothing where it does not."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next(
        (
            line.partition(":")[2].strip()
            for line in lines
            if line.partition(":")[0].strip() == name
        ),
        "",
    )


def is_on_drive(path: Path) -> bool:
    """Tell whether ``path`` lies on a Google Drive, as Colab mounts it."""
    return _file_system(path) == DRIVE


def is_local(path: Path) -> bool:
    """Tell whether ``path`` lies on a disk of this machine, which no other one sees."""
    return _file_system(path) in OF_THIS_MACHINE


def _file_system(path: Path) -> str:
    mounts = {Path(disk.mountpoint): disk.fstype for disk in psutil.disk_partitions(all=True)}
    place = path.absolute()
    return next((mounts[folder] for folder in (place, *place.parents) if folder in mounts), "")


def cache_folder() -> Path:
    """Return the user's folder on the local disk for what can be made again."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sweep"
    except RuntimeError:  # a container may run as a user without a home
        return Path(tempfile.gettempdir()) / f"sweep-{os.getuid()}"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_for_keras() -> None:
    """Set what Python, TensorFlow and HDF5 read from the environment at their start, here and in all children."""
    os.environ["PYTHONHASHSEED"] = "0"  # a set has the same order in every session
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(
        "TF_FORCE_GPU_ALLOW_GROWTH", "true"
    )  # else one training takes all the memory of its GPU
    if (
        os.path.expanduser("~") == "~"  # noqa: PTH111 # nobody's home: TensorFlow would make a folder of that name here
    ):  # nobody's home: TensorFlow would make a folder of that name here
        os.environ.setdefault("KERAS_HOME", str(cache_folder() / "keras"))
    os.environ["HDF5_USE_FILE_LOCKING"] = (
        "FALSE"  # Google Drive has no locks, and one process alone writes an experience
    )
