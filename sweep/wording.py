"""sweep.wording."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

LONGEST_S = 1e13  # more is shown as this
MOST_LETTERS = 24


def did_you_mean(name: str, names: Collection[str]) -> str:
    """Return a question after the nearest of the names, or nothing where none is near."""
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
    """Return a time in words: seconds, or from 100 of them on hours, minutes and seconds."""
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else str(timedelta(seconds=round(min(seconds, LONGEST_S))))
    )


def first_line(error: BaseException) -> str:
    """Return the first line of what the error says, or its name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def printable(text: str) -> str:
    """Return the text without what would move a cursor or colour a terminal: it may come from anybody's files."""
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    )


def as_words(values: Mapping[str, float]) -> str:
    """Return the values of objectives as a person reads them."""
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())


def number(value: float) -> str:
    """Return a value to four digits after the point, or to four digits where that would hide it."""
    return f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.4g}"


def label(text: str) -> str:
    """Return the text as a label: short, and without what plotly would take for markup."""
    text = text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;")
