"""The callbacks of the search space, refused where they would do what a training does already."""

import os
from pathlib import Path
from typing import Any

import keras

from sweep.experience.folder import KEPT, UNFINISHED_FILES, Experience
from sweep.space.mistakes import PRUNED_BY_OPTION, SearchSpaceWrong, is_of_optuna
from sweep.space.search_space import SearchSpace

# Keras's callbacks that write a file, with the attribute that names it.
WRITERS = ((keras.callbacks.ModelCheckpoint, "filepath"), (keras.callbacks.CSVLogger, "filename"))


def user_callbacks(
    space: SearchSpace, parameters: dict[str, Any], folder: Path
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of the search space.

    Args:
        space: with the ``callbacks`` that is called.
        parameters: of the training.
        folder: of the experience, for what callbacks write of their own.

    Raises:
        SearchSpaceWrong: they are something else, or one of them does what each training does
            already: it makes backups, prunes, or writes a file of the experience.
    """
    path, returned = space.source.path, space.callbacks(parameters, folder)
    if not isinstance(returned, list | tuple) or any(
        not isinstance(callback, keras.callbacks.Callback) for callback in returned
    ):
        raise SearchSpaceWrong(
            f"{path}: callbacks returns {returned!r}; return a list of keras.callbacks."
        )
    for callback in returned:
        problem = _problem_of(callback, Experience(folder))
        if problem:
            raise SearchSpaceWrong(f"{path}: callbacks returns a {problem}.")
    return list(returned)


def _problem_of(callback: keras.callbacks.Callback, experience: Experience) -> str | None:
    """Return what is wrong with a callback and how to mend it; None where nothing is."""
    kind = type(callback).__name__
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        return (
            f"{kind}; every training has one already, which resumes it at the batch: leave yours "
            "out"
        )
    if is_of_optuna(type(callback)):
        return f"{kind} of Optuna's; {PRUNED_BY_OPTION}"
    for writer, attribute in WRITERS:
        file = getattr(callback, attribute) if isinstance(callback, writer) else None
        if file is not None and _is_of_training(file, experience):
            return (
                f"{kind} that writes {file}, which every training writes itself: leave yours out, "
                "or name another file"
            )
    return None


def _is_of_training(file: str | os.PathLike[str], experience: Experience) -> bool:
    """Tell whether every training writes this file itself, or has a folder of its own there."""
    folder, path = experience.path.resolve(), Path(file).resolve()
    if not path.is_relative_to(folder) or path == folder:
        return False
    own_names = {*KEPT, *UNFINISHED_FILES, experience.sauvegarde.name}
    return path.relative_to(folder).parts[0] in own_names
