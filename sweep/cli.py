"""The command line: words to calls, errors to one sentence and an exit status."""

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.filesize import decimal

from sweep import Sweep, __version__, cli_options
from sweep.console.table import print_parameters
from sweep.errors import STOPPED_BY_USER, Misuse, StoppedByUser, SweepError
from sweep.settings import PRUNERS, SAMPLERS
from sweep.system.host import stop_signals
from sweep.system.output import calm, occupy_streams
from sweep.wording import duration, printable

if TYPE_CHECKING:
    from sweep.running.trial_check import Checked

ROWS_AT_THE_END = 5


class App(click.Group):
    """The commands, which end well where the reader of a pipe has enough: click, and rich, would call that a failure."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, SystemExit) as ended:
            if isinstance(ended, SystemExit) and not isinstance(ended.__context__, BrokenPipeError):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@click.group(cls=App, context_settings={"max_content_width": 110, "show_default": True})
@click.version_option(__version__)
def app() -> None:
    """Hyperparameter sweeps for Keras that cannot be lost."""


@app.command()
@click.argument("name", metavar="NAME")
def new(name: str) -> None:
    """Write a search space to begin with, search_spaces/NAME.py.

    NAME may be the path of a Python file. The file has comments, and runs as it is.
    """
    from sweep.space.scaffold import write

    path = write(name)
    click.echo(path)
    click.echo(f"change it as you like, then: sweep check {name}, and sweep run {name}", err=True)


@app.command()
@click.argument("space", metavar="SPACE")
@cli_options.number("--epochs", "Epochs of a training, instead of FIXED's.")
def check(space: str, epochs: int | None) -> None:
    """Try three proposals for some batches each, and say what a trial will cost."""
    from sweep.running.trial_check import resumes

    checked = Sweep(space).check(epochs)
    print_costs(checked)
    for line in resumes(checked):
        click.echo(line)
    click.echo(
        f"{space} can be run, by sweep run {space}. Of a trial: the time of all its epochs, unless a callback or a pruner "
        "ends it; the memory at its peak; what it leaves on the disk.",
        err=True,
    )


@app.command()
@cli_options.of_a_study
@cli_options.number(
    "--trials", "How many in all; those of restarts, merge and extend count.", default=20
)
@cli_options.number("--epochs", "Epochs of a training, instead of FIXED's.")
@cli_options.where_it_trains
@cli_options.number("--seed", "Of the proposals; FIXED has a training's.", least=0, default=0)
@cli_options.choice("--sampler", "How to propose", SAMPLERS, default="tpe")
@cli_options.choice("--pruner", "When to end a training early", PRUNERS, default="none")
@click.option(
    "--unprune",
    multiple=True,
    metavar="ID",
    help="Take up a pruned experience again; may be repeated.",
)
@cli_options.number(
    "--repeats", "Trainings of a proposal, each with its own seed; the median counts.", default=1
)
@cli_options.number("--threads", "Of a training; it keeps them.  [default: cores / workers]")
@cli_options.number(
    "--save-freq", "Batches between two backups; every 30 s there is one too.", default=1000
)
@click.option(
    "--enqueue",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON or CSV of proposals to try first; what one leaves out, the sampler proposes.",
)
@click.option(
    "--from",
    "warm_start",
    metavar="OTHER",
    help="Root, or SPACE, of another sweep: try its best 5 first, as far as they fit. An equal SPACE is for merge.",
)
@click.option(
    "--timeout",
    "timeout_s",
    callback=cli_options.seconds,
    metavar="TIME",
    help="Of training, in all sessions.",
)
@click.option(
    "--deadline",
    "deadline_s",
    callback=cli_options.seconds,
    metavar="TIME",
    help="Of this session, as 11h30m: save and stop before it is over.",
)
@click.option("--target", type=float, metavar="VALUE", help="Begin no trial once this is reached.")
@cli_options.number("--patience", "Begin no trial after N without a better one.", default=None)
@click.option(
    "--keep-backups",
    callback=cli_options.how_many,
    default="all",
    metavar="all|none|best:K",
    help="Of finished experiences; extend goes on from them.",
)
@click.option(
    "--accept-change",
    is_flag=True,
    show_default=False,
    help="Go on though the code of SPACE was changed.",
)
def run(space: str, root: Path | None, **asked: Any) -> None:
    """Run the sweep, or go on where it was cut off.

    SPACE is a name in search_spaces/, or the path of a Python file.
    """
    _print_best(Sweep(space, root).run(**asked))


@app.command()
@cli_options.of_a_study
@click.option(
    "--epochs",
    type=click.IntRange(1),
    metavar="N",
    required=True,
    help="Of the longer trainings, in all.",
)
@cli_options.number("--best", "Only of the best K; else of all.", default=None)
@cli_options.where_it_trains
@cli_options.number(
    "--save-freq", "Batches between two backups; every 30 s there is one too.", default=1000
)
@click.option(
    "--accept-change",
    is_flag=True,
    show_default=False,
    help="Go on though the code of SPACE was changed.",
)
def extend(space: str, root: Path | None, **asked: Any) -> None:
    """Let finished experiences go on to more epochs, under new ids."""
    _print_best(Sweep(space, root).extend(**asked))


@app.command()
@cli_options.of_a_study
@click.argument("ids", nargs=-1, metavar="[ID…]")
@click.option("--failed", is_flag=True, show_default=False, help="All that have failed.")
@cli_options.where_it_trains
@cli_options.number(
    "--save-freq", "Batches between two backups; every 30 s there is one too.", default=1000
)
@click.option(
    "--accept-change",
    is_flag=True,
    show_default=False,
    help="Go on though the code of SPACE was changed.",
)
def retry(space: str, root: Path | None, ids: tuple[str, ...], failed: bool, **asked: Any) -> None:
    """Take failed experiences up again, from their backups.

    ID is an id_experience, or its first digits.
    """
    if bool(ids) == failed:
        raise Misuse(
            f"Name the ids to try again, or all by --failed, and not both: sweep results {space} lists them."
        )
    _print_best(Sweep(space, root).retry(ids or None, **asked))


@app.command()
@cli_options.of_a_sweep
@click.argument(
    "others", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OTHER_ROOT…"
)
@click.option(
    "--accept-change",
    is_flag=True,
    show_default=False,
    help="Take in what other code of SPACE has trained.",
)
def merge(space: str, root: Path | None, others: tuple[Path, ...], accept_change: bool) -> None:
    """Take in experiences that were trained elsewhere, by their ids."""
    from sweep.console.table import print_columns

    merged = Sweep(space, root).merge(list(others), accept_change)
    print_columns(
        {
            "id_experience": [one.id_experience for one in merged],
            "state": [str(one.state) for one in merged],
            "came_from": [str(one.came_from) for one in merged],
            "what": [one.what for one in merged],
        }
    )


@app.command()
@cli_options.of_a_study
@click.option(
    "--models", is_flag=True, show_default=False, help="Load and evaluate every best model, too."
)
@click.option(
    "--repair",
    is_flag=True,
    show_default=False,
    help="Mend what can be; what is in the way goes to .quarantine.",
)
def verify(space: str, root: Path | None, **asked: Any) -> None:
    """Check every experience, and the study against them."""
    findings = []
    for finding in Sweep(space, root).verify(**asked):
        click.echo(printable(f"{finding.name:16}  {finding.kind:9}  {finding.text}"))
        findings.append(finding)
    wrong = sum(not finding.is_well for finding in findings)
    if wrong:
        raise SweepError(
            f"{wrong} of {len(findings)} are not well: run does what is said above, and --repair tidies up."
        )


@app.command()
@cli_options.of_a_study
def rebuild(space: str, root: Path | None, **asked: Any) -> None:
    """Make the study again from the folders alone."""
    Sweep(space, root).rebuild(**asked)


@app.command()
@cli_options.of_a_sweep
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table")
def results(space: str, root: Path | None, form: str) -> None:
    """Print one row a trial, the best first."""
    from sweep.console.results import approximations, as_csv, as_json
    from sweep.console.table import print_table

    sight = Sweep(space, root).look()
    table = sight.rows()
    if form == "table":
        print_table(table)
        _print_first(list(approximations(sight, table)))
    else:
        click.echo(as_json(table) if form == "json" else as_csv(table))


@app.command()
@cli_options.of_a_sweep
def best(space: str, root: Path | None) -> None:
    """Print the path of the best meilleur.model.keras."""
    click.echo(Sweep(space, root).best().path)


@app.command()
@cli_options.of_a_sweep
@click.option(
    "--watch",
    is_flag=True,
    show_default=False,
    help="Look on until all trials are done, or Ctrl-C.",
)
def status(space: str, root: Path | None, watch: bool) -> None:
    """Print how far the sweep is, and who is running it."""
    there = Sweep(space, root)
    if watch:
        there.watch()
        return
    for line in there.status():
        click.echo(printable(line))


@app.command()
@cli_options.of_a_sweep
@click.option(
    "--lang", type=click.Choice(("en", "fr")), help="Of the page.  [default: that of the locale]"
)
def report(space: str, root: Path | None, lang: str | None) -> None:
    """Write a page with tables and curves, pictures and CSV files into ROOT/rapport."""
    click.echo(Sweep(space, root).report(lang))


@app.command()
@cli_options.of_a_study
@cli_options.number("--port", "Of 127.0.0.1; 0 is any that is free.", least=0, default=8080)
@click.option(
    "--allow-changes",
    is_flag=True,
    show_default=False,
    help="Serve the study itself, to write notes in it.",
)
def dashboard(space: str, root: Path | None, **asked: Any) -> None:
    """Serve the Optuna dashboard on this machine, read-only."""
    with Sweep(space, root).dashboard(**asked) as served:
        click.echo(served.url)
        served.wait()


def run_command_line() -> int:
    """Run ``sys.argv`` and return the exit status; every error is one line on stderr."""
    occupy_streams()
    with contextlib.redirect_stderr(calm(sys.stderr)):
        return _run_command_line()


def _run_command_line() -> int:
    for number in stop_signals():
        signal.signal(
            number, signal.default_int_handler
        )  # a training saves first, see ``sweep.running.signals``
    try:
        app(standalone_mode=False)
    except SweepError as error:
        return _say(printable(str(error)), error.exit_status)
    except click.exceptions.NoArgsIsHelpError as help_text:
        return _say(help_text.format_message(), 2, "")
    except click.ClickException as error:
        return _say(f"{error.format_message().rstrip('.')}. See sweep --help.", 2)
    except (KeyboardInterrupt, click.Abort) as stopped:  # click makes an Abort of any interrupt
        said = stopped.__cause__ if isinstance(stopped.__cause__, StoppedByUser) else None
        return _say(str(said or "stopped: run the same command to go on"), STOPPED_BY_USER)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _say(f"{what}; mend that and run the same command to go on.", 1)
    return 0


def _print_best(there: Sweep) -> None:
    from sweep.console.results import approximations, best_of
    from sweep.console.table import print_table

    sight = there.look()
    table = sight.rows()
    whole = f"all of them: sweep results {there.space}, in pictures: sweep report {there.space}"
    more = f"the best {ROWS_AT_THE_END} of {len(table)}; {whole}"
    print_table(table[:ROWS_AT_THE_END], more if len(table) > ROWS_AT_THE_END else None)
    _print_first(list(approximations(sight, table)))
    if sight.best():
        click.echo(best_of(sight).best.experience.meilleur)


def _print_first(lines: list[str]) -> None:
    for line in lines[:ROWS_AT_THE_END]:
        click.echo(line)
    if len(lines) > ROWS_AT_THE_END:
        click.echo(
            f"… and {len(lines) - ROWS_AT_THE_END} more: see approximate_because in their experience.json"
        )


def _say(text: str, exit_status: int, before: str = "sweep: ") -> int:
    sys.stderr.write(f"{before}{text}\n")
    return exit_status


def print_costs(checked: list["Checked"]) -> None:
    """Print to stdout what is tried in each row, the numbers in its model, and what a trial of it takes."""
    columns = {
        "weights": [f"{one.cost.weights:,}" for one in checked],
        "time": [duration(one.trial_s) for one in checked],
        "memory": [decimal(one.cost.memory) for one in checked],
        "disk": [decimal(one.size.ended) for one in checked],
    }
    print_parameters([one.parameters for one in checked], columns)
