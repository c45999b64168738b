"""The command line: words to calls, errors to one sentence and an exit status."""

import os
import signal
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.controller import Sweep

STOPPED_BY_USER = 130
ROWS_AT_THE_END = 5

app = typer.Typer(
    name="sweep",
    help="Hyperparameter sweeps for Keras that cannot be lost.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How ``sweep results`` prints."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Sampler(StrEnum):
    """How Optuna proposes; the names of ``sweep.study.SAMPLERS``, here without importing Optuna."""

    TPE = "tpe"
    RANDOM = "random"
    CMAES = "cmaes"
    GP = "gp"
    NSGAII = "nsgaii"
    BRUTE_FORCE = "brute_force"


class Pruner(StrEnum):
    """When Optuna ends a training early; the names of ``sweep.study.PRUNERS``."""

    NONE = "none"
    MEDIAN = "median"
    HALVING = "halving"
    HYPERBAND = "hyperband"


Space = Annotated[str, typer.Argument(metavar="SPACE", help="A name in search_spaces/, or a path to a Python file.")]
Root = Annotated[Path | None, typer.Option(metavar="DIR", help="The root of the sweep.", show_default="experiences/SPACE")]


@app.command()
def run(
    space: Space,
    trials: Annotated[int, typer.Option(min=1, help="How many trials in all, restarts included.")] = 20,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs a training, instead of FIXED's.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trainings side by side.")] = 1,
    root: Root = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the proposals; a training's own is in FIXED.")] = 0,
    sampler: Annotated[Sampler, typer.Option(help="How to propose.")] = Sampler.TPE,
    pruner: Annotated[Pruner, typer.Option(help="When to end a training early.")] = Pruner.NONE,
    threads: Annotated[
        int | None, typer.Option(min=1, help="A training's; kept when it goes on.", show_default="cores / workers")
    ] = None,
    save_freq: Annotated[int, typer.Option(min=1, metavar="BATCHES", help="Batches between two backups.")] = 1000,
    timeout: Annotated[float | None, typer.Option(min=0.001, metavar="S", help="Save and stop after S seconds.")] = None,
    target: Annotated[float | None, typer.Option(metavar="VAL_ACC", help="Begin no trial once this is reached.")] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="Any that Optuna takes.", show_default="ROOT/study.journal")
    ] = None,
    accept_change: Annotated[bool, typer.Option("--accept-change", help="Go on though SPACE was changed.")] = False,
) -> None:
    """Run the sweep, or go on where it was cut off."""
    from rich.console import Console

    from sweep.controller import Settings, Sweep
    from sweep.progress import Progress

    settings = Settings(
        space=space,
        trials=trials,
        epochs=epochs,
        workers=workers,
        root=root,
        seed=seed,
        sampler=sampler.value,
        pruner=pruner.value,
        threads=threads,
        save_freq=save_freq,
        timeout_s=timeout,
        target=target,
        storage=storage,
        accept_change=accept_change,
    )
    progress = Progress(Console(stderr=True))
    sweep = Sweep(settings, progress)
    stopped = _listen_for_signals(sweep)
    sweep.run()
    if stopped:
        raise SystemExit(_say("stopped, and all is saved: run the same command to go on", STOPPED_BY_USER))
    _print_best(sweep.root)


@app.command()
def results(
    space: Space,
    root: Root = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.TABLE,  # noqa: A002 # the option's name
) -> None:
    """Print one row a trial, the best first."""
    from sweep.results import as_csv, as_json, rows

    table = rows(_existing_root(space, root), _warn)
    if format is Format.TABLE:
        _print_table(table)
    else:
        typer.echo(as_json(table) if format is Format.JSON else as_csv(table))


@app.command()
def best(space: Space, root: Root = None) -> None:
    """Print the path of the best meilleur.model.keras."""
    from sweep.results import best_model

    typer.echo(best_model(_existing_root(space, root), _warn))


@app.command()
def status(space: Space, root: Root = None) -> None:
    """Print how far the sweep is, and who is running it."""
    from sweep.experience import Experience, State
    from sweep.host import is_alive
    from sweep.results import rows
    from sweep.resume import newest_position
    from sweep.root import read_holder

    place = _existing_root(space, root)
    table = rows(place, _warn)
    counts = Counter(row["state"] for row in table)
    typer.echo(f"{place}: " + ", ".join(f"{counts[state]} {state}" for state in State if state != State.NEW))
    for row in table:
        if row["state"] in (State.CUT_OFF, State.RUNNING):
            position = newest_position(Experience(place / row["id_experience"]).sauvegarde)
            where = f"saved at epoch {position.epoch}, batch {position.batch}" if position else "nothing saved yet"
            typer.echo(f"trial {row['trial']} {row['id_experience']}: {row['state']}, {where}")
    if table and table[0]["val_acc"] is not None:
        typer.echo(f"best val_acc {table[0]['val_acc']:.4f}: trial {table[0]['trial']} {table[0]['id_experience']}")
    holder = read_holder(place)
    if holder:
        doing = "is running it" if is_alive(holder) else "was running it, and was killed or is on another machine"
        typer.echo(f"process {holder['pid']} on {holder['host']} {doing}, since {holder['since'][:19]} UTC")


def run_command_line() -> int:
    """Run ``sys.argv`` and return the exit status; every error is one line on stderr."""
    try:
        app(standalone_mode=False)
    except SweepError as error:
        return _say(str(error), error.exit_status)
    except click.exceptions.NoArgsIsHelpError as help_text:
        return _say(help_text.format_message(), 2, "")
    except click.ClickException as error:
        return _say(f"{error.format_message()} See sweep --help.", 2)
    except (KeyboardInterrupt, click.Abort):
        return _say("stopped: run the same command to go on", STOPPED_BY_USER)
    except BrokenPipeError:  # the reader of a pipe has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        return _say(f"{error.filename or 'a file'}: {error.strerror}; mend that and run the same command to go on.", 1)
    return 0


def _listen_for_signals(sweep: "Sweep") -> list[int]:
    """Make the first Ctrl-C or SIGTERM save and stop, and the second end at once; return the list of those that came."""
    came: list[int] = []

    def on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
        came.append(number)
        if len(came) > 1:
            sweep.kill()
            os._exit(STOPPED_BY_USER)
        sweep.stop.set()
        os.write(2, b"\nstopping at the next batch; once more to end at once\n")

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return came


def _existing_root(space: str, root: Path | None) -> Path:
    from sweep.root import root_of
    from sweep.search_space import find

    place = root_of(find(space).name if root is None else "", root)
    if not place.is_dir():
        raise SweepError(f"There is no sweep in {place}: start one with sweep run {space}, or name its --root.")
    return place


def _print_best(root: Path) -> None:
    from sweep.results import best_model, rows

    table = rows(root, _warn)
    _print_table(table[:ROWS_AT_THE_END])
    if any(row["state"] == "finished" for row in table):
        typer.echo(best_model(root, _warn))


def _print_table(table: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in table for name in row["parameters"]))
    view = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("trial", "id_experience", "state", "val_acc", "epoch", *names):
        view.add_column(name, justify="left" if name in ("id_experience", "state") else "right", no_wrap=True)
    for row in table:
        known = [row["trial"], row["id_experience"], row["state"], row["val_acc"], row["epoch"]]
        view.add_row(*[_cell(value) for value in [*known, *(row["parameters"].get(name) for name in names)]])
    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)  # a pipe has no width: nothing is cut off
    console.print(view)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _warn(text: str) -> None:
    _say(text, 0, "sweep: warning: ")


def _say(text: str, exit_status: int, before: str = "sweep: ") -> int:
    sys.stderr.write(f"{before}{text}\n")
    return exit_status
