"""Write a new search space: a commented file that runs as it is, for its author to change."""

import re
from importlib.resources import files
from pathlib import Path

from sweep.errors import Misuse, SweepError
from sweep.space.locating import spaces_folder

NAME = r"\w[\w-]*"


def write(name: str) -> Path:
    """Write ``search_spaces/NAME.py``, or the Python file at that path, and return its path.

    Raises:
        Misuse: the name cannot be one of a file.
        SweepError: the file exists already.
    """
    by_path = name.endswith(".py")
    path = Path(name) if by_path else spaces_folder() / f"{name}.py"
    if not re.fullmatch(NAME, path.stem if by_path else name):
        raise Misuse(
            f"{name!r} is no name for a search space: "
            "give letters, digits, _ and -, or a path that ends in .py."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    template = (files("sweep.space") / "template.txt").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template)
    except FileExistsError:
        raise SweepError(
            f"{path} is there already, and stays as it is: give another name."
        ) from None
    return path
