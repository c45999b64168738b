"""Which GPU a training uses: each worker gets one, in turn."""

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
OTHER_DEVICES = {"kfd", "dxg"}  # AMD's, and Windows' below WSL: they are seen, not counted


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, without importing TensorFlow."""
    return visible_gpus(os.environ, [path.name for path in Path("/dev").iterdir()])


def visible_gpus(environment: Mapping[str, str], devices: Iterable[str]) -> list[str]:
    """Return the GPUs as ``CUDA_VISIBLE_DEVICES`` names them.

    Args:
        environment: its ``CUDA_VISIBLE_DEVICES`` lists the GPUs that may be used. As in CUDA, none
            that follows a wrong one may.
        devices: the names of the files in ``/dev``.
    """
    nvidia = [name for name in devices if re.fullmatch(r"nvidia\d+", name)]
    numbers = sorted(int(name.removeprefix("nvidia")) for name in nvidia)
    if VISIBLE not in environment:
        return [str(number) for number in numbers]
    if not numbers:
        return []
    allowed = (name.strip() for name in environment[VISIBLE].split(","))
    return list(itertools.takewhile(lambda name: name not in ("", "-1"), allowed))


def environment_of(worker: int, names: Sequence[str]) -> dict[str, str]:
    """Return the environment variable that gives a worker its GPU; none where there is no GPU.

    Args:
        worker: its number, from 0. Workers share GPUs in turn: 0 and 2 get the first of two.
        names: the names of the GPUs.
    """
    return {VISIBLE: names[worker % len(names)]} if names else {}


def is_visible() -> bool:
    """Tell whether TensorFlow would find a GPU, without importing it."""
    if gpus():
        return True
    is_hidden = os.environ.get(VISIBLE, "0").strip() in ("", "-1")
    return not is_hidden and any(Path("/dev", name).exists() for name in OTHER_DEVICES)
