"""The commands: each turns its options into one call of ``sweep.Sweep``, and prints the result."""

from pathlib import Path
from typing import Any

import click

from sweep import Sweep, cli_options, cli_output
from sweep.errors import Misuse, SweepError
from sweep.names import EXPORTS, PRUNERS, SAMPLERS, SCHEDULERS
from sweep.system.program import command
from sweep.wording import printable

PORT = 8080


@click.command(cls=cli_options.Command)
@click.argument("name", metavar="NAME")
@click.option("--like", metavar="OTHER", help="Copy one that comes with sweep, as digits_cnn.")
def new(name: str, like: str | None) -> None:
    """Write a search space to start from, search_spaces/NAME.py.

    NAME may be the path of a Python file. The file has comments, and runs as it is.
    """
    from sweep.space.scaffold import write

    path = write(name, like)
    click.echo(path)
    what_then = f"{command('check', name)}, and {command('run', name)}"
    click.echo(f"change it as you like, then: {what_then}", err=True)


@click.command(cls=cli_options.Command)
@cli_options.space_argument()
@cli_options.asked("--epochs")
def check(space: str, epochs: int | None) -> None:
    """Try three proposals, and say what a trial costs."""
    from sweep.running.trial_check import resume_lines

    checked = Sweep(space).check(epochs)
    cli_output.print_costs(checked)
    for line in resume_lines(checked):
        click.echo(line)
    click.echo(
        f"{space} can be run: {command('run', space)}. Each row shows what one trial takes: the "
        "time of all its epochs, which a callback or a pruner may shorten; its memory at the peak; "
        "what it leaves on the disk.",
        err=True,
    )


@click.command(cls=cli_options.Command)
@cli_options.of_a_study
@cli_options.asked("--trials", type=click.IntRange(1))
@cli_options.asked("--epochs")
@cli_options.where_it_trains
@cli_options.asked("--seed")
@cli_options.choice("--sampler", SAMPLERS)
@cli_options.choice("--pruner", PRUNERS)
@cli_options.choice("--scheduler", SCHEDULERS)
@cli_options.asked("--unprune", multiple=True, metavar="ID")
@cli_options.asked("--repeats")
@cli_options.asked("--threads")
@cli_options.asked("--save-freq")
@cli_options.asked("--drive-gb", type=click.FloatRange(min=0, min_open=True), metavar="GB")
@cli_options.asked("--enqueue", type=click.Path(path_type=Path), metavar="FILE")
@cli_options.asked("--from", "warm_start", metavar="OTHER")
@cli_options.asked("--timeout", "timeout_s", callback=cli_options.seconds, metavar="TIME")
@cli_options.asked("--deadline", "deadline_s", callback=cli_options.seconds, metavar="TIME")
@cli_options.asked("--target", type=float, metavar="VALUE")
@cli_options.asked("--patience")
@cli_options.asked("--epochs-total")
@cli_options.best("--finish", "none")
@cli_options.best("--keep-backups", "all")
@cli_options.asked("--accept-change", is_flag=True, show_default=False)
def run(space: str, root: Path | None, **options: Any) -> None:
    """Run the sweep, or resume it where it was interrupted.

    SPACE is a name in search_spaces/, or the path of a Python file.
    """
    cli_output.print_best(Sweep(space, root).run(**options))


@click.command(cls=cli_options.Command)
@cli_options.of_a_study
@cli_options.integer("--epochs", "Total epochs of the longer trainings.", required=True)
@cli_options.integer("--best", "Extend the N best only, instead of all.", default=None)
@cli_options.where_it_trains
@cli_options.asked("--save-freq")
@cli_options.asked("--drive-gb", type=click.FloatRange(min=0, min_open=True), metavar="GB")
@cli_options.asked("--accept-change", is_flag=True, show_default=False)
def extend(space: str, root: Path | None, **options: Any) -> None:
    """Continue finished experiences for more epochs, under new ids."""
    cli_output.print_best(Sweep(space, root).extend(**options))


@click.command(cls=cli_options.Command)
@cli_options.of_a_study
@click.argument("ids", nargs=-1, metavar="[ID…]")
@cli_options.flag("--failed", "Retry all that have failed.")
@cli_options.where_it_trains
@cli_options.asked("--save-freq")
@cli_options.asked("--drive-gb", type=click.FloatRange(min=0, min_open=True), metavar="GB")
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
            f"{Sweep(space, root).command('results')} lists them."
        )
    cli_output.print_best(Sweep(space, root).retry(ids or None, **options))


@click.command(cls=cli_options.Command)
@cli_options.of_a_study
@click.argument("ids", nargs=-1, metavar="[ID…]")
@cli_options.best("--finish", "none")
@cli_options.where_it_trains
@cli_options.asked("--save-freq")
@cli_options.asked("--drive-gb", type=click.FloatRange(min=0, min_open=True), metavar="GB")
@cli_options.asked("--accept-change", is_flag=True, show_default=False)
def resume(space: str, root: Path | None, ids: tuple[str, ...], **options: Any) -> None:
    """Train paused experiences to their last epochs.

    ID is an id_experience, or its first digits.
    """
    if not ids and options["finish"] == 0:
        raise Misuse(
            "Name the ids to train to their ends, or the best by --finish best:3: "
            f"{Sweep(space, root).command('results')} lists them."
        )
    cli_output.print_best(Sweep(space, root).resume(ids=ids, **options))


@click.command(cls=cli_options.Command)
@cli_options.of_a_sweep
@click.argument(
    "others", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OTHER_ROOT…"
)
@cli_options.flag("--accept-change", "Also copy what other code of SPACE has trained.")
def merge(space: str, root: Path | None, others: tuple[Path, ...], accept_change: bool) -> None:
    """Copy the experiences of other roots into this one."""
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


@click.command(cls=cli_options.Command)
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


@click.command(cls=cli_options.Command)
@cli_options.of_a_study
def rebuild(space: str, root: Path | None, **options: Any) -> None:
    """Rebuild the study from the folders alone."""
    Sweep(space, root).rebuild(**options)


@click.command(cls=cli_options.Command)
@cli_options.of_a_sweep
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "csv", "json")),
    default="table",
    help="csv and json are for programs.",
)
def results(space: str, root: Path | None, form: str) -> None:
    """Print one row a trial, the best first."""
    from sweep.console.results import approximations, as_csv, as_json, untrained_lines
    from sweep.console.table import print_table

    snapshot = Sweep(space, root).look()
    rows = snapshot.rows()
    if form == "table":
        print_table(rows)
        cli_output.print_first(list(untrained_lines(snapshot)))
        cli_output.print_first(list(approximations(snapshot)))
    else:
        click.echo(as_json(rows) if form == "json" else as_csv(rows))


@click.command(cls=cli_options.Command)
@cli_options.of_a_sweep
def best(space: str, root: Path | None) -> None:
    """Print the path of the best meilleur.model.keras."""
    click.echo(Sweep(space, root).best().path)


@click.command(cls=cli_options.Command)
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


@click.command(cls=cli_options.Command)
@cli_options.of_a_sweep
@click.option(
    "--lang",
    type=click.Choice(("en", "fr")),
    help="Language of the page and its tables; fr has CSV for a French Excel.  "
    "[default: that of the locale]",
)
@cli_options.flag("--single-file", "Write one page to hand on, ROOT/rapport/SPACE.html.")
@cli_options.flag("--serve", "Serve the page here instead, read-only; it follows a running sweep.")
@cli_options.integer(
    "--port", f"Port of 127.0.0.1 for --serve; 0 is any free port.  [default: {PORT}]", least=0
)
def report(
    space: str,
    root: Path | None,
    lang: str | None,
    single_file: bool,
    serve: bool,
    port: int | None,
) -> None:
    """Write a page, pictures and tables into ROOT/rapport."""
    if serve and single_file:
        raise Misuse(
            "--single-file writes a page and --serve serves one: leave out one of the two."
        )
    if port is not None and not serve:
        raise Misuse("--port is for a page that is served: add --serve.")
    if not serve:
        click.echo(Sweep(space, root).report(lang, single_file))
        return
    with Sweep(space, root).serve_report(lang, PORT if port is None else port) as served:
        click.echo(served.url)
        served.wait()


@click.command(cls=cli_options.Command)
@cli_options.of_a_study
@cli_options.integer("--port", "Port of 127.0.0.1; 0 is any free port.", least=0, default=PORT)
@cli_options.flag("--allow-changes", "Serve the study itself, so that notes can be written in it.")
def dashboard(space: str, root: Path | None, **options: Any) -> None:
    """Serve the Optuna dashboard on this machine, read-only."""
    with Sweep(space, root).dashboard(**options) as served:
        click.echo(served.url)
        served.wait()


@click.command(cls=cli_options.Command)
@cli_options.of_a_sweep
@click.option("--to", type=click.Choice(EXPORTS), required=True, help="The tool to export to.")
@click.argument("where", metavar="DIR_OR_URI")
def export(space: str, root: Path | None, to: str, where: str) -> None:
    """Export each experience as a run of another tool.

    Each epoch is there once, however often it is exported. DIR_OR_URI is a folder; for mlflow a
    URI, such as sqlite:///mlflow.db or http://host:5000.
    """
    exported = Sweep(space, root).export(to, where)
    new = f"{exported.new} new or changed, {exported.runs - exported.new} there already"
    click.echo(f"{exported.where} has all experiences that have trained an epoch: {new}")


COMMANDS = (
    *(new, check, run, resume, extend, retry, merge, verify, rebuild),
    *(results, best, status, report, dashboard, export),
)
