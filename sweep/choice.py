"""The syntax of an option that chooses one of several: ``name:option=value,option=value``."""

import ast
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sweep.errors import Misuse
from sweep.wording import did_you_mean

PLAIN = {"int", "float", "bool", "str", "None"}
WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Choice:
    """What the text of an option asks for: a name, and the values of its own options.

    ``of`` is the option, such as sampler; ``text`` is what was given for it.
    """

    of: str
    text: str
    name: str
    options: dict[str, Any]

    @classmethod
    def read(cls, of: str, text: object, names: Collection[str]) -> "Choice":
        """Read a text of the form ``name:option=value,option=value``.

        Raises:
            Misuse: the text has another form, or its name is none of ``names``; the message
                suggests the nearest.
        """
        if not isinstance(text, str):
            raise Misuse(f"{of} is {text!r}: it is one of {', '.join(names)}.")
        name, colon, rest = text.partition(":")
        if name not in names:
            raise Misuse(
                f"{of} is {text!r}: {did_you_mean(name, names)}it is one of {', '.join(names)}."
            )
        pairs = [pair.partition("=") for pair in rest.split(",")] if colon else []
        options = {option.strip(): _value(value.strip()) for option, _, value in pairs}
        is_complete = all(option.strip() and value.strip() for option, _, value in pairs)
        if not is_complete or len(options) < len(pairs):
            raise Misuse(
                f"{of} is {text!r}: "
                f"give its options as {name}:option=value,option=value, each once."
            )
        return cls(of, text, name, options)

    def check(self, kinds: Mapping[str, frozenset[str]]) -> None:
        """Check the options.

        Args:
            kinds: the kinds of value that each option takes: int, float, bool, str, None.

        Raises:
            Misuse: an option is unknown, or its value is of another kind.
        """
        known = f"{self.name} takes {', '.join(kinds) or 'none'}"
        for option, value in self.options.items():
            if option not in kinds:
                raise self.wrong(
                    f"there is no option {option}: {did_you_mean(option, kinds)}{known}"
                )
            kind = "None" if value is None else type(value).__name__
            if kind not in kinds[option] and not (kind == "int" and "float" in kinds[option]):
                wanted = " or ".join(sorted(kinds[option] - {"None"}))
                raise self.wrong(f"{option} is {value!r}: give it as {wanted}")

    def wrong(self, why: str) -> Misuse:
        """Return the error to raise where this choice cannot be used."""
        return Misuse(f"{self.of} is {self.text!r}: {why}.")


def plain_options(
    build: Callable[..., Any], left_out: Collection[str]
) -> dict[str, frozenset[str]]:
    """Return the parameters of ``build`` that take plain values, with the kinds that each takes."""
    options = {}
    for name, parameter in inspect.signature(build).parameters.items():
        kinds = frozenset(inspect.formatannotation(parameter.annotation).strip("'").split(" | "))
        if kinds <= PLAIN and name not in left_out:
            options[name] = kinds
    return options


def _value(text: str) -> Any:
    """Return the number, the truth value or None that the text stands for, or the text."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, int | float) else text
