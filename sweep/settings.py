"""What a sweep was asked to do."""

import ast
import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sweep.errors import Misuse
from sweep.wording import did_you_mean, nearest

# The names of ``sweep.search.samplers`` and ``sweep.search.pruners``, once more: --help is to answer without importing Optuna.
SAMPLERS = ("tpe", "random", "cmaes", "grid", "qmc", "nsgaii", "brute_force", "gp")
PRUNERS = (
    "none",
    "median",
    "percentile",
    "successive_halving",
    "hyperband",
    "patient",
    "threshold",
)
# The least that these may be.
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
MOST_REPEATS = 100  # a trial that comes from elsewhere is trained so often
MOST_ROWS = 100_000  # a study, a figure and a table hold each of them


@dataclass(frozen=True)
class Settings:
    """What ``sweep run`` was asked to do. ``timeout_s`` and ``deadline_s`` are in seconds, ``save_freq`` in batches.

    ``workers`` is how many trainings at once, 0 as many as the place is for; ``cluster`` is the address of a Dask scheduler;
    ``keep_data`` says whether data are kept on the disk of the host that trains.
    ``repeats`` is how many experiences a trial leads to, which differ in their seed.
    ``enqueue`` is a file of proposals, JSON or CSV; ``warm_start`` is the root of another sweep, or its search space's name,
    whose best are enqueued. ``timeout_s`` is of training, over all sessions; ``deadline_s`` is the length of this session.
    Once ``target`` is reached, or after ``patience`` trials without a better value, no trial begins.
    ``sampler`` and ``pruner`` are as ``sweep.settings.Choice`` reads them; their options are known to ``sweep.search.samplers`` and
    ``sweep.search.pruners``. ``unprune`` has ids, or their beginnings, of pruned experiences that are to be taken up again.
    ``keep_backups`` is how many of the best finished experiences keep their backups; None is all of them.
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
        """Raises Misuse for a number that is none or is too small, and for a name that nothing has."""
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or value < least
            ):
                raise Misuse(f"{name} is {value!r}: give an integer from {least} on.")
        if self.repeats > MOST_REPEATS:
            raise Misuse(f"repeats is {self.repeats}: give an integer up to {MOST_REPEATS}.")
        Choice.read("sampler", self.sampler, SAMPLERS)
        Choice.read("pruner", self.pruner, PRUNERS)
        if not isinstance(self.unprune, Sequence) or isinstance(self.unprune, str):
            raise Misuse(f"unprune is {self.unprune!r}: give a list of ids.")
        for name in ("timeout_s", "deadline_s", "target"):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value)
            ):
                raise Misuse(f"{name} is {value!r}: give a number.")
            if value is not None and name != "target" and value <= 0:
                raise Misuse(f"{name} is {value!r}: give seconds, more than 0.")

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Settings":
        """Return the settings of these names and values.

        Raises:
            Misuse: a name is none of these; the message has the nearest.
        """
        names = [one.name for one in fields(cls)]
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
            raise Misuse(
                f"{of} is {text!r}: {did_you_mean(name, names)}it is one of {', '.join(names)}."
            )
        pairs = [pair.partition("=") for pair in rest.split(",")] if colon else []
        options = {option.strip(): _value(value.strip()) for option, _, value in pairs}
        if not all(option.strip() and value.strip() for option, _, value in pairs) or len(
            options
        ) < len(pairs):
            raise Misuse(
                f"{of} is {text!r}: give its options as {name}:option=value,option=value, each once."
            )
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
                raise self.wrong(
                    f"there is no option {option}: {did_you_mean(option, kinds)}{there}"
                )
            kind = "None" if value is None else type(value).__name__
            if kind not in kinds[option] and not (kind == "int" and "float" in kinds[option]):
                wanted = " or ".join(sorted(kinds[option] - {"None"}))
                raise self.wrong(f"{option} is {value!r}: give it as {wanted}")

    def wrong(self, why: str) -> Misuse:
        """Return the sentence that says what is wrong with it."""
        return Misuse(f"{self.of} is {self.text!r}: {why}.")


def plain_options(
    build: Callable[..., Any], left_out: Collection[str]
) -> dict[str, frozenset[str]]:
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
