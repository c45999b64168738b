"""What several commands take: the options that name a sweep, its study, and where it trains."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

TIME = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s?)?")


def of_a_sweep(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what names a sweep: its search space and its root."""
    root = click.option(
        "--root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="[default: experiences/SPACE]",
    )
    return click.argument("space", metavar="SPACE")(root(command))


def of_a_study(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what names a sweep and the study of it."""
    folder = click.option(
        "--study-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Local folder for the study.  [default: ROOT; on a Google Drive ~/.cache/sweep]",
    )
    url = click.option(
        "--storage", metavar="URL", help="Any that Optuna takes, instead of a journal."
    )
    return of_a_sweep(folder(url(command)))


def number(name: str, what: str, least: int = 1, **more: Any) -> Callable[..., Any]:
    """Return an option that takes an integer from ``least`` on."""
    return click.option(name, type=click.IntRange(least), metavar="N", help=what, **more)


def seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Return the seconds of a time, which is a number of them, or such as 90s, 45m, 11h30m."""
    parts = TIME.fullmatch(text) if text else None
    in_all = (
        sum(float(part or 0) * one for part, one in zip(parts.groups(), (3600, 60, 1), strict=True))
        if parts
        else 0
    )
    if text is not None and not in_all:
        raise click.BadParameter(
            f"{text!r} is no time: give seconds, or such as 90s, 45m, 11h30m", context, parameter
        )
    return in_all or None


def choice(name: str, what: str, names: Sequence[str], default: str) -> Callable[..., Any]:
    """Return an option that takes one of the names, with options of its own: ``name:option=value,option=value``."""
    return click.option(
        name, default=default, metavar="NAME[:OPTION=VALUE,…]", help=f"{what}: {', '.join(names)}."
    )


def where_it_trains(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what says where and how many trainings run."""
    workers = number(
        "--workers",
        "Trainings side by side.  [default: 1; on a cluster as many as it takes]",
        default=None,
        callback=lambda *of_click: of_click[-1] or 0,
    )
    cluster = click.option(
        "--cluster",
        metavar="URL",
        help="Of a Dask scheduler, as tcp://host:8786: train on its workers.",
    )
    data = click.option(
        "--no-data-cache",
        "keep_data",
        flag_value=False,
        default=True,
        show_default=False,
        help="Call load_data for each training; else once a run, which keeps the data in ~/.cache/sweep meanwhile.",
    )
    decorated: Callable[..., None] = workers(cluster(data(command)))
    return decorated


def how_many(context: click.Context, parameter: click.Parameter, keep: str) -> int | None:
    """Return how many backups ``--keep-backups`` keeps; None is all."""
    if keep in ("all", "none"):
        return None if keep == "all" else 0
    kind, _, number = keep.partition(":")
    if kind != "best" or not number.isdecimal():
        raise click.BadParameter(f"{keep!r} is none of all, none, best:5", context, parameter)
    return int(number)
