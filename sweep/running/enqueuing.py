"""Proposals put into the queue of a sweep that nobody runs now."""

import threading
from pathlib import Path
from typing import Any

from sweep.console.progress import Progress
from sweep.errors import Misuse
from sweep.experience.root import prepare
from sweep.experience.root_lock import RootLock
from sweep.search import proposal_check
from sweep.search.enqueued import as_proposals, enqueue
from sweep.space import search_space
from sweep.space.source import find


def enqueue_into(
    root: Path,
    space: str,
    parameters: dict[str, Any] | list[dict[str, Any]],
    progress: Progress,
) -> int:
    """Try these parameters in the next trials, and return how many proposals are new.

    Args:
        root: of the sweep.
        space: a name in ``search_spaces/``, or the path of a Python file.
        parameters: see ``sweep.Sweep.enqueue``.
        progress: is told where another process holds the root.

    Raises:
        SweepError: ``suggest`` cannot take them, or a sweep holds the root.
    """
    try:
        proposals = as_proposals(parameters)
    except ValueError as error:
        raise Misuse(
            f"What is enqueued is no dict of parameters, and no list of them: {error}."
        ) from error
    loaded = search_space.load(find(space))
    checked = proposal_check.check(loaded, proposals, "What is enqueued")
    prepare(root)
    with RootLock(root, progress.say, threading.Event()):
        return enqueue(root, checked)
