"""The command line: words to calls, errors to one sentence and an exit status."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import sweep
from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.controller import Sweep

STOPPED_BY_USER = 130
ROWS_AT_THE_END = 5
# The names of ``sweep.study``, once more: --help is to answer without importing Optuna.
SAMPLERS = ("tpe", "random", "cmaes", "gp", "nsgaii", "brute_force")
PRUNERS = ("none", "median", "halving", "hyperband")


@click.group(context_settings={"max_content_width": 110})
@click.version_option(sweep.__version__)
def app() -> None:
    """Hyperparameter sweeps for Keras that cannot be lost."""


def _of_a_sweep(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what names a sweep: its search space and its root."""
    root = click.option("--root", type=click.Path(path_type=Path), metavar="DIR", help="[default: experiences/SPACE]")
    return click.argument("space", metavar="SPACE")(root(command))


@app.command()
@_of_a_sweep
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="How many in all, restarts included.")
@click.option("--epochs", type=click.IntRange(1), help="Epochs of a training, instead of FIXED's.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Trainings side by side.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the proposals; FIXED has a training's."
)
@click.option("--sampler", type=click.Choice(SAMPLERS), default="tpe", show_default=True, help="How to propose.")
@click.option("--pruner", type=click.Choice(PRUNERS), default="none", show_default=True, help="When to end early.")
@click.option("--threads", type=click.IntRange(1), help="Of a training; it keeps them.  [default: cores / workers]")
@click.option("--save-freq", type=click.IntRange(1), default=1000, show_default=True, help="Batches between two backups.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, 1e9, min_open=True), metavar="S", help="Save and stop after S s."
)
@click.option("--target", type=float, metavar="VAL_ACC", help="Begin no trial once this is reached.")
@click.option("--storage", metavar="URL", help="Any that Optuna takes.  [default: ROOT/study.journal]")
@click.option("--accept-change", is_flag=True, help="Go on though the code of SPACE was changed.")
def run(**options: Any) -> None:
    """Run the sweep, or go on where it was cut off.

    SPACE is a name in search_spaces/, or the path of a Python file.
    """
    from rich.console import Console

    from sweep.controller import Sweep
    from sweep.progress import Progress
    from sweep.settings import Settings

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until there is something to save
    the_sweep = Sweep(Settings(**options), Progress(Console(stderr=True)))
    signals = _listen_for_signals(the_sweep)
    the_sweep.run()
    if signals:
        raise SystemExit(_say("stopped, and all is saved: run the same command to go on", STOPPED_BY_USER))
    _print_best(the_sweep.root)


@app.command()
@_of_a_sweep
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table", show_default=True)
def results(space: str, root: Path | None, form: str) -> None:
    """Print one row a trial, the best first."""
    from sweep.results import as_csv, as_json, rows

    table = rows(_existing_root(space, root), _warn)
    if form == "table":
        _print_table(table)
    else:
        click.echo(as_json(table) if form == "json" else as_csv(table))


@app.command()
@_of_a_sweep
def best(space: str, root: Path | None) -> None:
    """Print the path of the best meilleur.model.keras."""
    from sweep.results import best_model

    click.echo(best_model(_existing_root(space, root), _warn))


@app.command()
@_of_a_sweep
def status(space: str, root: Path | None) -> None:
    """Print how far the sweep is, and who is running it."""
    from sweep.experience import Experience, State
    from sweep.host import is_alive
    from sweep.results import rows
    from sweep.resume import newest_position
    from sweep.root import read_holder

    place = _existing_root(space, root)
    table = rows(place, _warn)
    counts = Counter(row["state"] for row in table)
    click.echo(f"{place}: " + ", ".join(f"{counts[state]} {state}" for state in State if state != State.NEW))
    for row in table:
        if row["state"] in (State.CUT_OFF, State.RUNNING):
            position = newest_position(Experience(place / row["id_experience"]).sauvegarde)
            where = f"saved at epoch {position.epoch}, batch {position.batch}" if position else "nothing saved yet"
            click.echo(f"trial {row['trial']} {row['id_experience']}: {row['state']}, {where}")
    finished = [row for row in table if row["state"] == State.FINISHED]
    if finished:
        click.echo(f"best val_acc {finished[0]['val_acc']:.4f}: trial {finished[0]['trial']} {finished[0]['id_experience']}")
    holder = read_holder(place)
    if holder:
        doing = "is running it" if is_alive(holder) else "was running it, and was killed or is on another machine"
        click.echo(f"process {holder['pid']} on {holder['host']} {doing}, since {holder['since'][:19]} UTC")


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
        return _say(
            f"{error.filename or 'a file'}: {error.strerror or error}; mend that and run the same command to go on.", 1
        )
    return 0


def _listen_for_signals(sweep: "Sweep") -> list[int]:
    """Make the first Ctrl-C or SIGTERM save and stop, and the second end at once; return the list of those that came."""
    came: list[int] = []

    def on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
        came.append(number)
        if len(came) > 1:
            sweep.kill()
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h")  # the cursor, which the bars have hidden
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
        click.echo(best_model(root, _warn))


def _print_table(table: list[dict[str, Any]]) -> None:
    """Print the rows, and below them once the parameters that are the same in all."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names = dict.fromkeys(name for row in table for name in row["parameters"])
    values = {name: [_cell(row["parameters"].get(name)) for row in table] for name in names}
    same = {name: cells[0] for name, cells in values.items() if len(table) > 1 and len(set(cells)) == 1}
    caption = f"in all: {', '.join(f'{name} {cell}' for name, cell in same.items())}" if same else None
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, caption=caption, caption_justify="left")
    for name in ("trial", "id_experience", "state", "val_acc", "epoch"):
        view.add_column(name, justify="left" if name in ("id_experience", "state") else "right", no_wrap=True)
    varied = [name for name in names if name not in same]
    for name in varied:
        view.add_column(name, justify="right", overflow="fold")
    for number, row in enumerate(table):
        val_acc = None if row["val_acc"] is None else f"{row['val_acc']:.4f}"
        known = (row["trial"], row["id_experience"], row["state"], val_acc, row["epoch"])
        view.add_row(*map(_cell, known), *(values[name][number] for name in varied))
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
