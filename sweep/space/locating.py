"""Find the file of a search space by its name or path, and the project that the file belongs to."""

import os
from pathlib import Path

from sweep.system.installed import is_of_python

FOLDER = Path("search_spaces")
MARKS = ("pyproject.toml", ".git")  # of the folder of a project


def spaces_folder() -> Path:
    """Return the nearest ``search_spaces/``: of this folder, or of one above it."""
    above = (Path.cwd() / FOLDER, *(folder / FOLDER for folder in Path.cwd().parents))
    return FOLDER if FOLDER.is_dir() else next(filter(Path.is_dir, above), FOLDER)


def names_of_spaces() -> list[str]:
    """Return the names of the search spaces in ``search_spaces/``."""
    return sorted(path.stem for path in spaces_folder().glob("*.py"))


def locate(space: str | Path) -> Path:
    """Return the path of the search space of this name, or at this path; it need not exist."""
    space = str(space)
    by_path = space.endswith(".py") or "/" in space
    path = Path(space) if by_path else spaces_folder() / f"{space}.py"
    is_there = "/" in space or path.exists()
    return path if is_there else spaces_folder() / path.name


def project_of(path: Path) -> Path:
    """Return the folder of the project that a search space belongs to, from which its root is told.

    That is the folder that holds ``search_spaces/``; where the file lies in none, the nearest
    folder above with one of ``MARKS``, or else the file's own. An installed search space has no
    project, and takes the working directory: the folders of Python are not the user's.

    Args:
        path: of the search space, resolved: a link to it leads to the same project.
    """
    if is_of_python(str(path)):
        return Path.cwd()
    with_spaces = (folder.parent for folder in path.parents if folder.name == FOLDER.name)
    marked = (folder for folder in path.parents if any(_exists(folder / mark) for mark in MARKS))
    return next(with_spaces, None) or next(marked, path.parent)


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 # Path.exists raises where a folder is not ours
