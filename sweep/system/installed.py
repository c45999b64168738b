"""Whether a file belongs to Python, to an installed package, or to sweep itself."""

import os
import site
import sysconfig
from pathlib import Path

SWEEP = Path(__file__).parent.parent  # the folder of the package


def is_of_sweep(path: str) -> bool:
    """Tell whether a path lies in the package."""
    return path.startswith(f"{SWEEP}{os.sep}")


def is_of_python(path: str) -> bool:
    """Tell whether a path lies in a folder of Python, of its packages, or of sweep itself."""
    return path.startswith(OF_PYTHON) or "/site-packages/" in path or "/dist-packages/" in path


def _folders_of_python() -> tuple[str, ...]:
    """Return the folders that hold Python's files and packages, and those of sweep.

    Python's prefix is not among them: it may hold the user's files too, as /usr and a virtual
    environment in a project do.
    """
    paths = sysconfig.get_paths()
    folders = {str(SWEEP), site.getusersitepackages()}
    folders |= {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(f"{folder}{os.sep}" for folder in folders if folder.strip(os.sep))


OF_PYTHON = _folders_of_python()
