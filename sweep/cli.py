"""The command line: words to calls, errors to one sentence and an exit status."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import sweep
from sweep import options
from sweep.errors import STOPPED_BY_USER, SweepError, printable

if TYPE_CHECKING:
    from sweep.controller import Sweep
    from sweep.progress import Progress

ROWS_AT_THE_END = 5


@click.group(context_settings={"max_content_width": 110, "show_default": True})
@click.version_option(sweep.__version__)
def app() -> None:
    """Hyperparameter sweeps for Keras that cannot be lost."""


@app.command()
@options.of_a_study
@options.number("--trials", "How many in all; those of restarts, merge and extend count.", default=20)
@options.number("--epochs", "Epochs of a training, instead of FIXED's.")
@options.where_it_trains
@options.number("--seed", "Of the proposals; FIXED has a training's.", least=0, default=0)
@click.option("--sampler", type=click.Choice(options.SAMPLERS), default="tpe", help="How to propose.")
@click.option("--pruner", type=click.Choice(options.PRUNERS), default="none", help="When to end a training early.")
@options.number("--threads", "Of a training; it keeps them.  [default: cores / workers]")
@options.number("--save-freq", "Batches between two backups; every 30 s there is one too.", default=1000)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, 1e9, True), metavar="S", help="Save and stop after S seconds."
)
@click.option("--target", type=click.FloatRange(0, 1), metavar="VAL_ACC", help="Begin no trial once this is reached.")
@click.option(
    "--keep-backups",
    callback=options.how_many,
    default="all",
    metavar="all|none|best:K",
    help="Of finished experiences; extend goes on from them.",
)
@click.option("--accept-change", is_flag=True, show_default=False, help="Go on though the code of SPACE was changed.")
def run(**asked: Any) -> None:
    """Run the sweep, or go on where it was cut off.

    SPACE is a name in search_spaces/, or the path of a Python file.
    """
    _run(asked, lambda sweep: sweep.run())


@app.command()
@options.of_a_study
@click.option("--epochs", type=click.IntRange(1), metavar="N", required=True, help="Of the longer trainings, in all.")
@options.number("--best", "Only of the best K; else of all.", default=None)
@options.where_it_trains
@options.number("--save-freq", "Batches between two backups; every 30 s there is one too.", default=1000)
@click.option("--accept-change", is_flag=True, show_default=False, help="Go on though the code of SPACE was changed.")
def extend(epochs: int, best: int | None, **asked: Any) -> None:
    """Let finished experiences go on to more epochs, under new ids."""
    last = _last_run(_existing_root(asked["space"], asked["root"]))
    _run({**last, **asked, "trials": 0}, lambda sweep: sweep.extend(epochs, best))


@app.command()
@options.of_a_sweep
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OTHER_ROOT…")
@click.option("--accept-change", is_flag=True, show_default=False, help="Take in what other code of SPACE has trained.")
def merge(space: str, root: Path | None, others: tuple[Path, ...], accept_change: bool) -> None:
    """Take in experiences that were trained elsewhere, by their ids."""
    import threading

    from sweep import merge
    from sweep.root import Lock, prepare, root_of
    from sweep.search_space import find
    from sweep.table import print_columns

    source = find(space)
    place, progress = root_of(source.name, root), _progress()
    theirs = merge.find_others(place, list(others))
    prepare(place)
    with Lock(place, progress.say, threading.Event()), progress.count("merging", len(theirs)) as done:
        merged = []
        for one in merge.merge(place, source, theirs, accept_change):
            merged.append(one)
            done()
    print_columns(
        {
            "id_experience": [one.id_experience for one in merged],
            "state": [str(one.state) for one in merged],
            "came_from": [str(one.came_from) for one in merged],
            "what": [one.what for one in merged],
        }
    )


@app.command()
@options.of_a_study
@click.option("--models", is_flag=True, show_default=False, help="Load and evaluate every best model, too.")
@click.option("--repair", is_flag=True, show_default=False, help="Mend what can be; what is in the way goes to .quarantine.")
def verify(models: bool, repair: bool, **asked: Any) -> None:
    """Check every experience, and the study against them."""
    from sweep.check import Check

    place = _existing_root(asked["space"], asked["root"])
    check = Check(asked["space"], place, asked["storage"] or asked["study_dir"], _progress())
    if repair:
        check.repair()
        if not check.study_is_well():
            _rebuild(place, asked)
    findings = []
    for finding in check.findings(models):
        click.echo(printable(f"{finding.name:16}  {finding.kind:9}  {finding.text}"))
        findings.append(finding)
    wrong = sum(not finding.is_well for finding in findings)
    if wrong:
        raise SweepError(f"{wrong} of {len(findings)} are not well: run does what is said above, and --repair tidies up.")


@app.command()
@options.of_a_study
def rebuild(**asked: Any) -> None:
    """Make the study again from the folders alone."""
    _rebuild(_existing_root(asked["space"], asked["root"]), asked)


@app.command()
@options.of_a_sweep
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table")
def results(space: str, root: Path | None, form: str) -> None:
    """Print one row a trial, the best first."""
    from sweep.results import as_csv, as_json
    from sweep.table import print_table

    table = _rows(_existing_root(space, root))
    if form == "table":
        print_table(table)
    else:
        click.echo(as_json(table) if form == "json" else as_csv(table))


@app.command()
@options.of_a_sweep
def best(space: str, root: Path | None) -> None:
    """Print the path of the best meilleur.model.keras."""
    from sweep.results import best_model

    place = _existing_root(space, root)
    click.echo(best_model(place, _rows(place)))


@app.command()
@options.of_a_sweep
def status(space: str, root: Path | None) -> None:
    """Print how far the sweep is, and who is running it."""
    from sweep.status import lines

    place = _existing_root(space, root)
    for line in lines(place, _rows(place)):
        click.echo(printable(line))


def run_command_line() -> int:
    """Run ``sys.argv`` and return the exit status; every error is one line on stderr."""
    try:
        app(standalone_mode=False)
    except SweepError as error:
        return _say(printable(str(error)), error.exit_status)
    except click.exceptions.NoArgsIsHelpError as help_text:
        return _say(help_text.format_message(), 2, "")
    except click.ClickException as error:
        return _say(f"{error.format_message().rstrip('.')}. See sweep --help.", 2)
    except (KeyboardInterrupt, click.Abort):
        return _say("stopped: run the same command to go on", STOPPED_BY_USER)
    except BrokenPipeError:  # the reader of a pipe has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _say(f"{what}; mend that and run the same command to go on.", 1)
    return 0


def _progress() -> "Progress":
    from rich.console import Console

    from sweep.progress import Progress

    return Progress(Console(stderr=True))


def _run(asked: dict[str, Any], work: Callable[["Sweep"], None]) -> None:
    """Let a sweep train, until it is done or a signal comes, and print its best."""
    from sweep.controller import Sweep
    from sweep.settings import Settings
    from sweep.signals import listen_for_signals

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until there is something to save
    the_sweep = Sweep(Settings(**asked), _progress())
    signals = listen_for_signals(the_sweep)
    work(the_sweep)
    if signals:
        raise SystemExit(_say("stopped, and all is saved: run the same command to go on", STOPPED_BY_USER))
    _print_best(asked["space"], the_sweep.root)


def _rebuild(root: Path, asked: dict[str, Any]) -> None:
    from sweep.controller import Sweep
    from sweep.settings import Settings

    Sweep(Settings(**{**_last_run(root), **asked, "accept_change": True}), _progress()).rebuild()


def _last_run(root: Path) -> dict[str, Any]:
    """Return how the sweep was run last, as options: what is not asked otherwise is as it was then."""
    from sweep.root import read_asked

    asked = read_asked(root)
    return asked if asked.get("sampler") in options.SAMPLERS and asked.get("pruner") in options.PRUNERS else {}


def _existing_root(space: str, root: Path | None) -> Path:
    from sweep.root import root_of
    from sweep.search_space import find

    place = root_of(find(space).name if root is None else "", root)
    if not place.is_dir():
        raise SweepError(f"There is no sweep in {place}: start one with sweep run {space}, or name its --root.")
    return place


def _rows(root: Path) -> list[dict[str, Any]]:
    """Return the rows of a sweep, and show how far the reading is: ten thousand folders take some seconds."""
    from sweep.experience import experiences_in
    from sweep.results import rows

    with _progress().count("reading the folders", sum(1 for _ in experiences_in(root))) as done:
        return rows(root, _warn, done)


def _print_best(space: str, root: Path) -> None:
    from sweep.results import best_model
    from sweep.table import print_table

    table = _rows(root)
    more = f"the best {ROWS_AT_THE_END} of {len(table)}; all of them: sweep results {space}"
    print_table(table[:ROWS_AT_THE_END], more if len(table) > ROWS_AT_THE_END else None)
    if any(row["state"] == "finished" for row in table):
        click.echo(best_model(root, table))


def _warn(text: str) -> None:
    _say(printable(text), 0, "sweep: warning: ")


def _say(text: str, exit_status: int, before: str = "sweep: ") -> int:
    sys.stderr.write(f"{before}{text}\n")
    return exit_status
