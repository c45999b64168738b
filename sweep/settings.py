"""What a sweep is asked to do: the options of ``sweep run``, checked.

``Settings`` holds the options. ``Choice`` is the syntax of two of them, ``name:option=value``: it
is here because a setting is checked by it, and because the search reads its settings by it.
"""

import ast
import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sweep.errors import Misuse
from sweep.wording import did_you_mean, nearest

# The names of ``sweep.search.samplers`` and ``sweep.search.pruners`` are repeated here so that
# --help answers without importing Optuna.
SAMPLERS = ("tpe", "random", "cmaes", "grid", "qmc", "nsgaii", "brute_force", "gp")
PRUNERS = (
    *("none", "median", "percentile", "successive_halving"),
    *("hyperband", "patient", "threshold"),
)
# The smallest value of each integer option.
LEAST = {
    "trials": 0,
    "epochs": 1,
    "workers": 0,
    "seed": 0,
    "threads": 1,
    "save_freq": 1,
    "repeats": 1,
    "keep_backups": 0,
    "patience": 1,
}
PLAIN = {"int", "float", "bool", "str", "None"}
WORDS = {"true": True, "false": False, "none": None}
# Also of a trial in somebody else's folders, which is trained that often.
MOST_REPEATS = 100
# Of trials, or of epochs: a study, a figure and a table hold each of them.
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Settings:
    """The options of ``sweep run``.

    - ``epochs``: of a training; None takes those of FIXED.
    - ``workers``: how many trainings run at the same time; 0 is as many as the place takes.
    - ``cluster``: the address of a Dask scheduler.
    - ``keep_data``: whether data are cached on the disk of the host that trains.
    - ``seed``: of the proposals.
    - ``sampler``, ``pruner``: as ``Choice`` reads them; ``sweep.search.samplers`` and
      ``sweep.search.pruners`` know their options.
    - ``save_freq``: batches between two backups.
    - ``repeats``: how many experiences a trial leads to, which differ in their seed.
    - ``enqueue``: a file of proposals, JSON or CSV.
    - ``warm_start``: the root of another sweep, or the name of its search space; its best
      proposals are enqueued.
    - ``timeout_s``: seconds of training, over all sessions.
    - ``deadline_s``: length of this session, in seconds.
    - ``target``, ``patience``: no trial starts once the target is reached, or after ``patience``
      trials without a better value.
    - ``keep_backups``: how many of the best finished experiences keep their backups; None is all.
    - ``unprune``: ids of pruned experiences to resume, or the beginnings of ids.
    """

    space: str
    trials: int = 20
    epochs: int | None = None
    workers: int = 0
    cluster: str | None = None
    keep_data: bool = True
    root: Path | None = None
    seed: int = 0
    sampler: str = "tpe"
    pruner: str = "none"
    threads: int | None = None
    save_freq: int = 1000
    repeats: int = 1
    enqueue: Path | None = None
    warm_start: str | Path | None = None
    timeout_s: float | None = None
    deadline_s: float | None = None
    target: float | None = None
    patience: int | None = None
    storage: str | None = None
    study_dir: Path | None = None
    keep_backups: int | None = None
    accept_change: bool = False
    unprune: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            Misuse: a value has another type, is too small or too large, or is an unknown name.
        """
        for name, least in LEAST.items():
            self._check_integer(name, least)
        if self.repeats > MOST_REPEATS:
            raise Misuse(f"repeats is {self.repeats}: give an integer up to {MOST_REPEATS}.")
        Choice.read("sampler", self.sampler, SAMPLERS)
        Choice.read("pruner", self.pruner, PRUNERS)
        if not isinstance(self.unprune, Sequence) or isinstance(self.unprune, str):
            raise Misuse(f"unprune is {self.unprune!r}: give a list of ids.")
        for name in ("timeout_s", "deadline_s", "target"):
            self._check_number(name)

    def _check_integer(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise Misuse(f"{name} is {value!r}: give an integer from {least} on.")

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise Misuse(f"{name} is {value!r}: give a number.")
        if name != "target" and value <= 0:
            raise Misuse(f"{name} is {value!r}: give seconds, more than 0.")

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Settings":
        """Return the settings with these names and values.

        Raises:
            Misuse: a name is unknown; the message suggests the nearest.
        """
        names = [field.name for field in fields(cls)]
        for unknown in [name for name in options if name not in names]:
            near = nearest(unknown, names)
            mend = f"did you mean {near}?" if near else f"there are {', '.join(names[1:])}."
            raise Misuse(f"There is no option {unknown}: {mend}")
        paths = {
            name: Path(options[name])
            for name in ("study_dir", "enqueue")
            if options.get(name) is not None
        }
        return cls(**{**options, **paths})


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
