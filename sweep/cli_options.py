"""The options that several commands share: those that name a sweep, its study, and a training."""

import operator
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

TIME = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s?)?")
SECONDS_OF_EACH_UNIT = (3600, 60, 1)  # of a TIME, in the order of its parts

Command = Callable[..., None]
Decorator = Callable[..., Any]


def of_a_sweep(command: Command) -> Command:
    """Add the argument and the option that name a sweep: its search space and its root."""
    root = path(
        "--root",
        "Folder of the sweep, told from the project of SPACE.  [default: experiences/SPACE]",
    )
    decorated: Command = click.argument("space", metavar="SPACE")(root(command))
    return decorated


def of_a_study(command: Command) -> Command:
    """Add the options that name a sweep and its study."""
    folder = path(
        "--study-dir",
        "Local folder for the study.  [default: ROOT; on a Google Drive ~/.cache/sweep]",
    )
    url = click.option(
        "--storage",
        metavar="URL",
        help="Any storage that Optuna takes, instead of a journal file.",
    )
    return of_a_sweep(folder(url(command)))


def where_it_trains(command: Command) -> Command:
    """Add the options that say where trainings run, and how many at the same time."""
    workers = integer(
        "--workers",
        "Trainings at the same time.  [default: 1; on a cluster as many as it takes]",
        default=None,
        callback=lambda context, parameter, value: value or 0,  # noqa: ARG005
    )
    cluster = click.option(
        "--cluster",
        metavar="URL",
        help="Train on the workers of this Dask scheduler, such as tcp://host:8786.",
    )
    data = click.option(
        "--no-data-cache",
        "keep_data",
        flag_value=False,
        default=True,
        show_default=False,
        help="Call load_data for each training. Otherwise it is called once a run, and the data "
        "are kept in ~/.cache/sweep meanwhile.",
    )
    decorated: Command = workers(cluster(data(command)))
    return decorated


def save_freq() -> Decorator:
    """Return the option that says how often a training is saved."""
    return integer(
        "--save-freq", "Batches between two backups; there is one every 30 s, too.", default=1000
    )


def accept_change(text: str = "Resume even though the code of SPACE was changed.") -> Decorator:
    """Return the flag that lets results of changed code count."""
    return flag("--accept-change", text)


def flag(name: str, text: str) -> Decorator:
    """Return an option without a value, with this help text."""
    return click.option(name, is_flag=True, show_default=False, help=text)


def integer(name: str, text: str, least: int = 1, **more: Any) -> Decorator:
    """Return an option that takes an integer of at least ``least``, with this help text."""
    return click.option(name, type=click.IntRange(least), metavar="N", help=text, **more)


def path(name: str, text: str, metavar: str = "DIR") -> Decorator:
    """Return an option that takes a path, with this help text."""
    return click.option(name, type=click.Path(path_type=Path), metavar=metavar, help=text)


def choice(name: str, text: str, names: Sequence[str], default: str) -> Decorator:
    """Return an option that takes ``name:option=value,option=value``, with one of the names."""
    described, shape = f"{text}: {', '.join(names)}.", "NAME[:OPTION=VALUE,…]"
    return click.option(name, default=default, metavar=shape, help=described)


def time(name: str, parameter: str, text: str) -> Decorator:
    """Return an option that takes a time, see ``seconds``, with this help text."""
    return click.option(name, parameter, callback=seconds, metavar="TIME", help=text)


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


def backups_to_keep(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    """Return how many backups ``--keep-backups`` keeps; None is all."""
    if text in ("all", "none"):
        return None if text == "all" else 0
    kind, _, number = text.partition(":")
    if kind != "best" or not number.isdecimal():
        raise click.BadParameter(f"{text!r} is none of all, none, best:5", context, parameter)
    return int(number)
