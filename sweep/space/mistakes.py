"""Errors that the user's code raises, told in one sentence with the line of the search space."""

import contextlib
import re
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path

from sweep.errors import SweepError

MOST_CHARACTERS = 300
# What to do in place of a pruning callback, after what is wrong with it.
PRUNED_BY_OPTION = "leave it out, and let sweep run prune by --pruner median, or another --pruner"


class SearchSpaceWrong(SweepError):
    """A search space cannot be used as it is written."""


def mistake_of(error: BaseException, path: Path) -> SearchSpaceWrong:
    """Return what to raise where the search space raised ``error`` before anything was begun."""
    return SearchSpaceWrong(
        f"{path}, {error_in_file(error, path)}; mend the file and run the same command again."
    )


@contextlib.contextmanager
def mistakes_in(path: Path) -> Iterator[None]:
    """Turn all that the search space raises meanwhile into a SearchSpaceWrong.

    A SweepError, which is a sentence already, passes unchanged.
    """
    try:
        yield
    except SweepError:
        raise
    except Exception as error:
        raise mistake_of(error, path) from error


def is_of_optuna(kind: type) -> bool:
    """Tell whether Optuna, or its integration with Keras, defines a class or a parent of it."""
    packages = {parent.__module__.partition(".")[0] for parent in kind.__mro__}
    return not packages.isdisjoint({"optuna", "optuna_integration"})


def error_in_file(error: BaseException, path: Path) -> str:
    """Return ``line N: Error: message`` for the last line of ``path`` that raised the error."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = lines_in_file(error, path)
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {_in_one_line(str(error))}"


def _in_one_line(message: str) -> str:
    """Return a message on one line, without colours, and shortened.

    Keras's messages have many lines, of which the first often say nothing.
    """
    words = re.sub(r"\x1b\[[0-9;]*m", "", message).split()
    return textwrap.shorten(" ".join(words), MOST_CHARACTERS, placeholder=" …")


def lines_in_file(error: BaseException, path: Path) -> list[int]:
    """Return the numbers of the lines of ``path`` that the error passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno for frame in frames if frame.filename == str(path) and frame.lineno]
