"""Paths in a state that lead into the folder of the experience, told from that folder.

The folder may be another one when the training resumes: its root was moved or merged, or a longer
training begins with this backup. What a callback writes there must not go into the former folder.
"""

from pathlib import Path
from typing import Any

from sweep.training.state.packing import Json

HERE = "\0folder"  # no path begins so


def told_from(folder: Path, state: Json) -> Json:
    """Return the state with paths that are told from the folder."""
    return {name: _moved(part, str(folder), HERE) for name, part in state.items()}


def put_into(folder: Path, state: Json) -> Json:
    """Return the state with such paths put into a folder."""
    return {name: _moved(part, HERE, str(folder)) for name, part in state.items()}


def _moved(value: Any, before: str, now: str) -> Any:
    if isinstance(value, str):
        is_inside = value == before or value.startswith(f"{before}/")
        return f"{now}{value.removeprefix(before)}" if is_inside else value
    if isinstance(value, dict):
        return {name: _moved(item, before, now) for name, item in value.items()}
    return [_moved(item, before, now) for item in value] if isinstance(value, list) else value
