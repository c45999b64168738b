"""The options that several commands share: those that name a sweep, its study, and a training."""

import operator
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from sweep.settings import ENDS, FOLDERS, LEAST, SEARCH, TRAINING, Options
from sweep.space.locating import names_of_spaces

TIME = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s?)?")
SECONDS_OF_EACH_UNIT = (3600, 60, 1)  # of a TIME, in the order of its parts

OPTIONS = {option.name: option for option in fields(Options)}
CHOICE = "NAME[:OPTION=VALUE,…]"
OTHERS = "Options"
GROUPS = (SEARCH, TRAINING, ENDS, FOLDERS, OTHERS)

Function = Callable[..., None]
Decorator = Callable[..., Any]


class Command(click.Command):
    """A command whose help lists the options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of a group below its title."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                groups.setdefault(group_of(parameter), []).append(record)
        for group in sorted(groups, key=GROUPS.index):
            with formatter.section(group):
                formatter.write_dl(groups[group])


class Option(click.Option):
    """An option that is listed in a group."""

    def __init__(self, *names: Any, group: str = OTHERS, **more: Any) -> None:
        super().__init__(*names, **more)
        self.group = group


def group_of(option: click.Option) -> str:
    """Return the title below which the help lists an option."""
    return option.group if isinstance(option, Option) else OTHERS


def space_argument() -> Decorator:
    """Return the argument that names a search space, which a shell completes."""
    return click.argument("space", metavar="SPACE", shell_complete=_complete_spaces)


def _complete_spaces(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    beginning: str,
) -> list[CompletionItem]:
    names = [name for name in names_of_spaces() if name.startswith(beginning)]
    return [*map(CompletionItem, names)] or [CompletionItem(beginning, type="file")]


def _completing(names: tuple[str, ...]) -> Callable[..., list[CompletionItem]]:
    """Return the function by which a shell completes one of the names."""

    def complete(
        context: click.Context,  # noqa: ARG001
        parameter: click.Parameter,  # noqa: ARG001
        beginning: str,
    ) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names if name.startswith(beginning)]

    return complete


def choice(name: str, names: tuple[str, ...]) -> Decorator:
    """Return an option of ``sweep.settings`` that takes one of the names, with options of its own.

    A shell completes the name.
    """
    return asked(name, metavar=CHOICE, shell_complete=_completing(names))


def of_a_sweep(command: Function) -> Function:
    """Add the argument and the option that name a sweep: its search space and its root."""
    root = path(
        "--root",
        "Folder of the sweep, told from the project of SPACE.  [default: experiences/SPACE]",
        group=FOLDERS,
    )
    decorated: Function = space_argument()(root(command))
    return decorated


def of_a_study(command: Function) -> Function:
    """Add the options that name a sweep and its study."""
    folder = asked("--study-dir", type=click.Path(path_type=Path), metavar="DIR")
    return of_a_sweep(folder(asked("--storage", metavar="URL")(command)))


def where_it_trains(command: Function) -> Function:
    """Add the options that say where trainings run, and how many at the same time."""
    workers = asked(
        "--workers",
        type=click.IntRange(1),
        default=None,
        callback=lambda context, parameter, value: value or 0,  # noqa: ARG005
    )
    cluster = asked("--cluster", metavar="URL")
    data = asked("--no-data-cache", "keep_data", flag_value=False, show_default=False)
    decorated: Function = workers(cluster(data(command)))
    return decorated


def asked(name: str, parameter: str = "", **more: Any) -> Decorator:
    """Return an option of ``sweep.settings``, with the text and the default that it has there.

    Args:
        name: on the command line.
        parameter: the field of ``Options``, where it has another name.
        more: of the option that click is to make.
    """
    parameter = parameter or name.removeprefix("--").replace("-", "_")
    option = OPTIONS[parameter]
    how: dict[str, Any] = {
        "cls": Option,
        "group": option.metadata["group"],
        "help": option.metadata["text"],
        "default": option.default,
    }
    if parameter in LEAST:
        how |= {"type": click.IntRange(LEAST[parameter]), "metavar": "N"}
    return click.option(name, parameter, **{**how, **more})


def flag(name: str, text: str) -> Decorator:
    """Return an option without a value, with this help text."""
    return click.option(name, is_flag=True, show_default=False, help=text)


def integer(name: str, text: str, least: int = 1, **more: Any) -> Decorator:
    """Return an option that takes an integer of at least ``least``, with this help text."""
    how = {"type": click.IntRange(least), "metavar": "N", "help": text}
    return click.option(name, **how, **more, cls=Option)


def path(name: str, text: str, metavar: str = "DIR", group: str = OTHERS) -> Decorator:
    """Return an option that takes a path, with this help text."""
    how = {"type": click.Path(path_type=Path), "metavar": metavar, "help": text}
    return click.option(name, **how, group=group, cls=Option)


def seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Return the seconds of a time, such as 90, 90s, 45m, or 11h30m."""
    parts = TIME.fullmatch(text) if text else None
    amounts = [float(part or 0) for part in parts.groups()] if parts else []
    total = sum(map(operator.mul, amounts, SECONDS_OF_EACH_UNIT))
    if text is not None and not total:
        raise click.BadParameter(
            f"{text!r} is no time: give seconds, or a time such as 90s, 45m, 11h30m",
            context,
            parameter,
        )
    return total or None


def how_many(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    """Return how many of the best are meant; None is all."""
    if text in ("all", "none"):
        return None if text == "all" else 0
    kind, _, number = text.partition(":")
    if kind != "best" or not number.isdecimal():
        raise click.BadParameter(
            f"{text!r} is neither all, nor none, nor such as best:5", context, parameter
        )
    return int(number)


def best(name: str, default: str) -> Decorator:
    """Return an option of ``sweep.settings`` that says how many of the best are meant."""
    metavar = "all|none|best:K"
    return asked(name, type=str, callback=how_many, default=default, metavar=metavar)
