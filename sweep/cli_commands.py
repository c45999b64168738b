"""The commands: each turns its options into one call of ``sweep.Sweep``, and prints the result."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.filesize import decimal

from sweep import Sweep, cli_options
from sweep.errors import Misuse, SweepError
from sweep.wording import duration, printable

if TYPE_CHECKING:
    from sweep.running.trial_check import MeasuredProposal

ROWS_AT_THE_END = 5


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--like", metavar="OTHER", help="Copy one that comes with sweep, as digits_cnn.")
def new(name: str, like: str | None) -> None:
    """Write a search space to start from, search_spaces/NAME.py.

    NAME may be the path of a Python file. The file has comments, and runs as it is.
    """
    from sweep.space.scaffold import write

    path = write(name, like)
    click.echo(path)
    click.echo(f"change it as you like, then: sweep check {name}, and sweep run {name}", err=True)


@click.command()
@click.argument("space", metavar="SPACE")
@cli_options.asked("--epochs")
def check(space: str, epochs: int | None) -> None:
    """Try three proposals for some batches each, and say what a trial will cost."""
    from sweep.running.trial_check import resume_lines

    checked = Sweep(space).check(epochs)
    _print_costs(checked)
    for line in resume_lines(checked):
        click.echo(line)
    click.echo(
        f"{space} can be run: sweep run {space}. Each row shows what one trial takes: the time of "
        "all its epochs, which a callback or a pruner may shorten; its memory at the peak; "
        "what it leaves on the disk.",
        err=True,
    )


@click.command()
@cli_options.of_a_study
@cli_options.asked("--trials", type=click.IntRange(1))
@cli_options.asked("--epochs")
@cli_options.where_it_trains
@cli_options.asked("--seed")
@cli_options.asked("--sampler", metavar=cli_options.CHOICE)
@cli_options.asked("--pruner", metavar=cli_options.CHOICE)
@cli_options.asked("--unprune", multiple=True, metavar="ID")
@cli_options.asked("--repeats")
@cli_options.asked("--threads")
@cli_options.asked("--save-freq")
@cli_options.asked("--enqueue", type=click.Path(path_type=Path), metavar="FILE")
@cli_options.asked("--from", "warm_start", metavar="OTHER")
@cli_options.asked("--timeout", "timeout_s", callback=cli_options.seconds, metavar="TIME")
@cli_options.asked("--deadline", "deadline_s", callback=cli_options.seconds, metavar="TIME")
@cli_options.asked("--target", type=float, metavar="VALUE")
@cli_options.asked("--patience")
@cli_options.asked(
    "--keep-backups",
    type=str,
    callback=cli_options.backups_to_keep,
    default="all",
    metavar="all|none|best:K",
)
@cli_options.asked("--accept-change", is_flag=True, show_default=False)
def run(space: str, root: Path | None, **options: Any) -> None:
    """Run the sweep, or resume it where it was interrupted.

    SPACE is a name in search_spaces/, or the path of a Python file.
    """
    _print_best(Sweep(space, root).run(**options))


@click.command()
@cli_options.of_a_study
@cli_options.integer("--epochs", "Total epochs of the longer trainings.", required=True)
@cli_options.integer("--best", "Extend the N best only, instead of all.", default=None)
@cli_options.where_it_trains
@cli_options.asked("--save-freq")
@cli_options.asked("--accept-change", is_flag=True, show_default=False)
def extend(space: str, root: Path | None, **options: Any) -> None:
    """Continue finished experiences for more epochs, under new ids."""
    _print_best(Sweep(space, root).extend(**options))


@click.command()
@cli_options.of_a_study
@click.argument("ids", nargs=-1, metavar="[ID…]")
@cli_options.flag("--failed", "Retry all that have failed.")
@cli_options.where_it_trains
@cli_options.asked("--save-freq")
@cli_options.asked("--accept-change", is_flag=True, show_default=False)
def retry(
    space: str, root: Path | None, ids: tuple[str, ...], failed: bool, **options: Any
) -> None:
    """Resume failed experiences from their backups.

    ID is an id_experience, or its first digits.
    """
    if bool(ids) == failed:
        raise Misuse(
            "Name the ids to try again, or all by --failed, and not both: "
            f"sweep results {space} lists them."
        )
    _print_best(Sweep(space, root).retry(ids or None, **options))


@click.command()
@cli_options.of_a_sweep
@click.argument(
    "others", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OTHER_ROOT…"
)
@cli_options.flag("--accept-change", "Also copy what other code of SPACE has trained.")
def merge(space: str, root: Path | None, others: tuple[Path, ...], accept_change: bool) -> None:
    """Copy the experiences of other roots into this one, by their ids."""
    from sweep.console.table import print_columns

    results = Sweep(space, root).merge(list(others), accept_change)
    print_columns(
        {
            "id_experience": [result.id_experience for result in results],
            "state": [str(result.state) for result in results],
            "came_from": [str(result.came_from) for result in results],
            "what": [result.what for result in results],
        }
    )


@click.command()
@cli_options.of_a_study
@cli_options.flag("--models", "Also load and evaluate every best model.")
@cli_options.flag("--repair", "Repair what can be repaired; a file in the way goes to .quarantine.")
def verify(space: str, root: Path | None, **options: Any) -> None:
    """Check every experience, and the study against them."""
    findings = []
    for finding in Sweep(space, root).verify(**options):
        click.echo(printable(f"{finding.name:16}  {finding.kind:9}  {finding.text}"))
        findings.append(finding)
    problems = sum(not finding.is_well for finding in findings)
    if problems:
        raise SweepError(
            f"{problems} of {len(findings)} are not well: "
            "run does what is said above, and --repair tidies up."
        )


@click.command()
@cli_options.of_a_study
def rebuild(space: str, root: Path | None, **options: Any) -> None:
    """Rebuild the study from the folders alone."""
    Sweep(space, root).rebuild(**options)


@click.command()
@cli_options.of_a_sweep
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table")
def results(space: str, root: Path | None, form: str) -> None:
    """Print one row a trial, the best first."""
    from sweep.console.results import approximations, as_csv, as_json, untrained_lines
    from sweep.console.table import print_table

    snapshot = Sweep(space, root).look()
    rows = snapshot.rows()
    if form == "table":
        print_table(rows)
        _print_first(list(untrained_lines(snapshot)))
        _print_first(list(approximations(snapshot, rows)))
    else:
        click.echo(as_json(rows) if form == "json" else as_csv(rows))


@click.command()
@cli_options.of_a_sweep
def best(space: str, root: Path | None) -> None:
    """Print the path of the best meilleur.model.keras."""
    click.echo(Sweep(space, root).best().path)


@click.command()
@cli_options.of_a_sweep
@cli_options.flag("--watch", "Keep watching until all trials have ended, or until Ctrl-C.")
def status(space: str, root: Path | None, watch: bool) -> None:
    """Print how far the sweep is, and who is running it."""
    sweep = Sweep(space, root)
    if watch:
        sweep.watch()
        return
    for line in sweep.status():
        click.echo(printable(line))


@click.command()
@cli_options.of_a_sweep
@click.option(
    "--lang",
    type=click.Choice(("en", "fr")),
    help="Language of the page.  [default: that of the locale]",
)
def report(space: str, root: Path | None, lang: str | None) -> None:
    """Write a page with tables and curves, pictures and CSV files into ROOT/rapport."""
    click.echo(Sweep(space, root).report(lang))


@click.command()
@cli_options.of_a_study
@cli_options.integer("--port", "Port of 127.0.0.1; 0 is any free port.", least=0, default=8080)
@cli_options.flag("--allow-changes", "Serve the study itself, so that notes can be written in it.")
def dashboard(space: str, root: Path | None, **options: Any) -> None:
    """Serve the Optuna dashboard on this machine, read-only."""
    with Sweep(space, root).dashboard(**options) as served:
        click.echo(served.url)
        served.wait()


COMMANDS = (
    *(new, check, run, extend, retry, merge, verify, rebuild),
    *(results, best, status, report, dashboard),
)


def _print_costs(checked: list["MeasuredProposal"]) -> None:
    """Print one row for each proposal: its parameters, its weights, and what its trial takes."""
    from sweep.console.table import print_parameters

    columns = {
        "weights": [f"{trial.cost.weights:,}" for trial in checked],
        "time": [duration(trial.trial_s) for trial in checked],
        "memory": [decimal(trial.cost.memory) for trial in checked],
        "disk": [decimal(trial.size.ended) for trial in checked],
    }
    print_parameters([trial.parameters for trial in checked], columns)


def _print_best(sweep: Sweep) -> None:
    """Print the best trials to stdout, and the path of the best model last."""
    from sweep.console.results import approximations, best_of, untrained_lines
    from sweep.console.table import print_table

    snapshot = sweep.look()
    rows = snapshot.rows()
    rest = f"all of them: sweep results {sweep.space}, in pictures: sweep report {sweep.space}"
    title = f"the best {ROWS_AT_THE_END} of {len(rows)}; {rest}"
    print_table(rows[:ROWS_AT_THE_END], title if len(rows) > ROWS_AT_THE_END else None)
    _print_first(list(untrained_lines(snapshot)))
    _print_first(list(approximations(snapshot, rows)))
    if snapshot.best():
        click.echo(best_of(snapshot).best.experience.meilleur)


def _print_first(lines: list[str]) -> None:
    for line in lines[:ROWS_AT_THE_END]:
        click.echo(line)
    if len(lines) > ROWS_AT_THE_END:
        rest = len(lines) - ROWS_AT_THE_END
        click.echo(f"… and {rest} more: see approximate_because in their experience.json")
