"""What the commands print as they end: a table, and what to do next."""

from typing import TYPE_CHECKING

import click
from rich.filesize import decimal

from sweep import Sweep
from sweep.wording import duration

if TYPE_CHECKING:
    from sweep.running.trial_check import MeasuredProposal

ROWS_AT_THE_END = 5


def print_costs(checked: list["MeasuredProposal"]) -> None:
    """Print one row for each proposal: its parameters, its weights, and what its trial takes."""
    from sweep.console.table import print_parameters

    columns = {
        "weights": [f"{trial.cost.weights:,}" for trial in checked],
        "time": [duration(trial.trial_s) for trial in checked],
        "memory": [decimal(trial.cost.memory) for trial in checked],
        "disk": [decimal(trial.size.ended) for trial in checked],
    }
    print_parameters([trial.parameters for trial in checked], columns)


def print_best(sweep: Sweep) -> None:
    """Print the best trials to stdout, and the path of the best model last."""
    from sweep.console.results import approximations, best_of, untrained_lines
    from sweep.console.table import print_table
    from sweep.experience.record import State

    snapshot = sweep.look()
    rows = snapshot.rows()
    finished = [row for row in rows if row["state"] == State.FINISHED]
    best = (finished or rows)[:ROWS_AT_THE_END]
    title = f"the best {len(best)} of {len(rows)}" if finished and len(best) < len(rows) else None
    print_table(best, title)
    print_first(list(untrained_lines(snapshot)))
    print_first(list(approximations(snapshot)))
    paused = snapshot.counts()[State.PAUSED]
    if paused:
        resume = f"{sweep.command('resume')} ID"
        how = f"{resume} trains one to its last epoch, --finish best:K those of the best K"
        click.echo(f"{paused} paused: {how}", err=True)
    for what, name in (("all trials", "results"), ("in pictures", "report")):
        click.echo(f"{what}: {sweep.command(name)}", err=True)
    if snapshot.best():
        click.echo(best_of(snapshot).best.experience.meilleur)


def print_first(lines: list[str]) -> None:
    """Print the first lines, and how many more there are."""
    for line in lines[:ROWS_AT_THE_END]:
        click.echo(line)
    if len(lines) > ROWS_AT_THE_END:
        rest = len(lines) - ROWS_AT_THE_END
        click.echo(f"… and {rest} more: see approximate_because in their experience.json")
