"""A choice among names, with options: ``tpe``, or ``tpe:n_startup_trials=20,multivariate=false``."""

import ast
import difflib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sweep.errors import Misuse

PLAIN = {"int", "float", "bool", "str", "None"}
WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Choice:
    """What ``text`` of the option ``--<of>`` asks for: a name, and values by the names of its options."""

    of: str
    text: str
    name: str
    options: dict[str, Any]

    @classmethod
    def read(cls, of: str, text: object, names: Collection[str]) -> "Choice":
        """Read a text of the form ``name:option=value,option=value``.

        Raises:
            Misuse: it has another form, or its name is none of ``names``; the message has the nearest.
        """
        if not isinstance(text, str):
            raise Misuse(f"{of} is {text!r}: it is one of {', '.join(names)}.")
        name, colon, rest = text.partition(":")
        if name not in names:
            raise Misuse(f"{of} is {text!r}: {nearest(name, names)}it is one of {', '.join(names)}.")
        pairs = [pair.partition("=") for pair in rest.split(",")] if colon else []
        options = {option.strip(): _value(value.strip()) for option, _, value in pairs}
        if not all(option.strip() and value.strip() for option, _, value in pairs) or len(options) < len(pairs):
            raise Misuse(f"{of} is {text!r}: give its options as {name}:option=value,option=value, each once.")
        return cls(of, text, name, options)

    def check(self, kinds: Mapping[str, frozenset[str]]) -> None:
        """Refuse options that there are not.

        Args:
            kinds: of what kinds the value of each option may be: int, float, bool, str, None.

        Raises:
            Misuse: an option is none of these, or its value is of another kind.
        """
        there = f"{self.name} takes {', '.join(kinds)}" if kinds else f"{self.name} takes none"
        for option, value in self.options.items():
            if option not in kinds:
                raise self.wrong(f"there is no option {option}: {nearest(option, kinds)}{there}")
            kind = "None" if value is None else type(value).__name__
            if kind not in kinds[option] and not (kind == "int" and "float" in kinds[option]):
                wanted = " or ".join(sorted(kinds[option] - {"None"}))
                raise self.wrong(f"{option} is {value!r}: give it as {wanted}")

    def wrong(self, why: str) -> Misuse:
        """Return the sentence that says what is wrong with it."""
        return Misuse(f"{self.of} is {self.text!r}: {why}.")


def nearest(name: str, names: Collection[str]) -> str:
    """Return a question after the nearest of the names, or nothing where none is near."""
    near = difflib.get_close_matches(name, names, 1) or [one for one in names if name and name in one]
    return f"did you mean {near[0]}? " if near else ""


def plain_options(build: Callable[..., Any], left_out: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the parameters of ``build`` whose values are plain, with the kinds that these may be of."""
    found = {}
    for name, parameter in inspect.signature(build).parameters.items():
        kinds = frozenset(inspect.formatannotation(parameter.annotation).strip("'").split(" | "))
        if kinds <= PLAIN and name not in left_out:
            found[name] = kinds
    return found


def _value(text: str) -> Any:
    """Return the number, truth value or nothing that the text stands for, or the text."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, int | float) else text
