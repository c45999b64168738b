"""Which GPU a training has: each worker has one of its own, in turn."""

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
OTHERS = {"kfd", "dxg"}  # AMD's, and Windows' below WSL: they are seen, and not counted


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, without importing TensorFlow."""
    return named(os.environ, [path.name for path in Path("/dev").iterdir()])


def named(environment: Mapping[str, str], devices: Iterable[str]) -> list[str]:
    """Return the GPUs as ``CUDA_VISIBLE_DEVICES`` names them.

    Args:
        environment: whose ``CUDA_VISIBLE_DEVICES`` says which may be used; as in CUDA, what follows a wrong one may not.
        devices: the names of the files in ``/dev``.
    """
    there = sorted(
        int(name.removeprefix("nvidia")) for name in devices if re.fullmatch(r"nvidia\d+", name)
    )
    if VISIBLE not in environment:
        return [str(number) for number in there]
    asked = (name.strip() for name in environment[VISIBLE].split(","))
    return list(itertools.takewhile(lambda name: name not in ("", "-1"), asked)) if there else []


def environment_of(worker: int, there: Sequence[str]) -> dict[str, str]:
    """Return what the environment of a worker's trainings says of GPUs; nothing where there are none.

    Args:
        worker: its number, from 0. The GPUs go round: workers 0 and 2 share the first of two.
        there: the names of the GPUs.
    """
    return {VISIBLE: there[worker % len(there)]} if there else {}


def is_visible() -> bool:
    """Tell whether TensorFlow would find a GPU, without importing it."""
    hidden = os.environ.get(VISIBLE, "0").strip() in ("", "-1")
    return bool(gpus()) or (not hidden and any(Path("/dev", name).exists() for name in OTHERS))
