"""How numbers, times, names and errors are written in a sentence."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

LONGEST_S = 1e13  # a longer time is shown as this one
MOST_LETTERS = 24  # of a label


def did_you_mean(name: str, names: Collection[str]) -> str:
    """Return a question that suggests the nearest of the names, or "" where none is near."""
    near = nearest(name, names) or next((other for other in names if name and name in other), None)
    return f"did you mean {near}? " if near else ""


def nearest(name: str, names: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the name that ``name`` is most likely a misspelling of, or None.

    Args:
        name: as it was written.
        names: those that exist.
        likeness: how like a name must be, from 0 (any) to 1 (equal); see ``difflib``.
    """
    return next(iter(difflib.get_close_matches(name, list(names), 1, likeness)), None)


def duration(seconds: float) -> str:
    """Return a time in words: in seconds below 100 of them, else in hours, minutes and seconds."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return str(timedelta(seconds=round(min(seconds, LONGEST_S))))


def first_line(error: BaseException) -> str:
    """Return the first line of the error's message, or its class where it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def without_password(place: object) -> str:
    """Return the place of a study, or of an export, in words: the password of a URL is hidden."""
    return re.sub(r"(://[^:/@]*:)[^@]*(?=@)|(\bpassword=)[^&\s]*", r"\1\2***", str(place))


def printable(text: str) -> str:
    """Return the text without characters that move a cursor or colour a terminal.

    A text may come from anybody's files.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def as_words(values: Mapping[str, float]) -> str:
    """Return the values of objectives in words: ``val_acc 0.9806, val_loss 0.0712``."""
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())


def number(value: float) -> str:
    """Return a value with four decimals, or with four digits where it is large or small."""
    return f"{value:.4f}" if 0.01 <= abs(value) < 10 or value == 0 else f"{value:.4g}"


def counted(count: int, name: str) -> str:
    """Write how many there are of a name that takes an s: 1 epoch, 4 epochs."""
    return f"{count} {name}{'' if count == 1 else 's'}"


def label(text: str) -> str:
    """Return the text as a label of a figure: short, and without markup that plotly would obey."""
    text = text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;")
