"""How the command line is called here, so that a command in a message can be copied and run."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def command(*words: str | Path) -> str:
    """Return a command of sweep as it is written in this folder, with this Python: a text."""
    return f"{_program()} {shlex.join(map(str, words))}"


def _program() -> str:
    """Return ``sweep``, or the path of that script, or how this Python is given the package."""
    script = Path(sys.executable).parent / "sweep"
    if shutil.which("sweep") == str(script):
        return "sweep"
    if not script.is_file():
        return f"{shlex.quote(_shortest(Path(sys.executable)))} -m sweep"
    return shlex.quote(_shortest(script))


def _shortest(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative
