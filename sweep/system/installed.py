"""sweep.system.installed."""

import os
import site
import sysconfig
from pathlib import Path

SWEEP = Path(__file__).parent.parent  # the package


def is_of_python(path: str) -> bool:
    """Tell whether a path lies in the folders of Python, of its packages, or of sweep itself."""
    return path.startswith(OF_PYTHON) or "/site-packages/" in path or "/dist-packages/" in path


def _folders_of_python() -> tuple[str, ...]:
    """Return those of its own files: its prefix may hold the user's too, as /usr and an environment in a project do."""
    paths = sysconfig.get_paths()
    folders = {str(SWEEP), site.getusersitepackages()}
    folders |= {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(f"{folder}{os.sep}" for folder in folders if folder.strip(os.sep))


OF_PYTHON = _folders_of_python()
