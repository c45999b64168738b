"""Write a new search space, which runs as it is, for its author to change."""

import re
from importlib.resources import files
from pathlib import Path

from sweep.errors import Misuse, SweepError
from sweep.space.locating import FOLDER, spaces_folder
from sweep.system.installed import SWEEP
from sweep.wording import did_you_mean

NAME = r"\w[\w-]*"


def write(name: str, like: str | None = None) -> Path:
    """Write ``search_spaces/NAME.py``, or the Python file at that path, and return its path.

    Args:
        name: of the new search space, or its path.
        like: the name of one that comes with sweep, to be copied; None is a template with comments.

    Raises:
        Misuse: the name cannot be one of a file, or none comes with sweep that is ``like`` it.
        SweepError: the file exists already.
    """
    by_path = name.endswith(".py")
    path = Path(name) if by_path else spaces_folder() / f"{name}.py"
    if not re.fullmatch(NAME, path.stem if by_path else name):
        raise Misuse(
            f"{name!r} is no name for a search space: "
            "give letters, digits, _ and -, or a path that ends in .py."
        )
    text = _text_of(like) if like else (files("sweep.space") / "template.txt").read_text("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SweepError(
            f"{path} is there already, and stays as it is: give another name."
        ) from None
    return path


def _text_of(like: str) -> str:
    # The wheel has them in the package, and a clone beside it.
    folders = (folder for folder in (SWEEP / FOLDER, SWEEP.parent / FOLDER) if folder.is_dir())
    paths = {path.stem: path for folder in folders for path in sorted(folder.glob("*.py"))}
    if like not in paths:
        near, names = did_you_mean(like, paths), ", ".join(paths)
        raise Misuse(f"No search space {like!r} comes with sweep: {near}there are {names}.")
    return paths[like].read_text(encoding="utf-8")
