"""The callbacks of the search space."""

from pathlib import Path
from typing import Any

import keras

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace


def user_callbacks(
    space: SearchSpace, parameters: dict[str, Any], folder: Path
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of the search space.

    Args:
        space: with the ``callbacks`` that is called.
        parameters: of the training.
        folder: of the experience, for what callbacks write of their own.

    Raises:
        SearchSpaceWrong: they are something else, or one of them is a BackupAndRestore.
    """
    returned = space.callbacks(parameters, folder)
    if not isinstance(returned, list | tuple) or any(
        not isinstance(callback, keras.callbacks.Callback) for callback in returned
    ):
        raise SearchSpaceWrong(
            f"{space.source.path}: callbacks returns {returned!r}; "
            "return a list of keras.callbacks."
        )
    if any(isinstance(callback, keras.callbacks.BackupAndRestore) for callback in returned):
        raise SearchSpaceWrong(
            f"{space.source.path}: callbacks returns a BackupAndRestore; every training has one "
            "already, which resumes it at the batch: leave yours out."
        )
    return list(returned)
