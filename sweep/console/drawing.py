"""What the live view draws on a terminal: the progress of the sweep, and a row per training."""

import os
import time
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweep.console.headline import headline_of
from sweep.experience.position import POSITION
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView
from sweep.system.plain_files import is_file
from sweep.wording import as_words, duration, number

BAR_WIDTH = 24


def can_redraw(console: Console) -> bool:
    """Tell whether the console can draw over its lines: a real terminal, not in CI or on Colab."""
    return (
        console.is_terminal
        and not console.is_dumb_terminal
        and not {"CI", "COLAB_RELEASE_TAG"} & set(os.environ)
    )


def draw_headline(snapshot: Snapshot) -> RenderableType:
    """Return the progress of the sweep as a bar, and the best trial so far."""
    progress, best = headline_of(snapshot), snapshot.best()
    line = _grid(3)
    bar = ProgressBar(total=max(progress.total, 1), completed=progress.ended)
    line.add_row("sweep", bar, Text(progress.text))
    if not best:
        return line
    id_experience = best.best.experience.id
    best_so_far = f"best {as_words(best.values)}: trial {best.number} {id_experience}"
    return Group(line, Text(f"{best_so_far}, epoch {best.epoch}"))


def draw_trainings(
    running: Sequence[TrainingView],
    preparing: Mapping[str, str],
    notes: Mapping[str, str],
    seen_at: float,
) -> RenderableType:
    """Return a row for each training that runs or is prepared.

    Args:
        running: the trainings as they were seen last.
        preparing: titles of trials by the ids of their experiences; those that run are left out.
        notes: by the ids of experiences, texts in place of the age of the last backup.
        seen_at: the time of the look, by ``time.monotonic``.
    """
    rows = _grid(4)
    for training in running:
        note = notes.get(training.experience.id) or _backup_age(training, seen_at)
        rows.add_row(*_row(training, note))
    ids = {training.experience.id for training in running}
    for id_experience, title in preparing.items():
        if id_experience not in ids:
            rows.add_row(title, "", "preparing", "")
    return rows


def _row(training: TrainingView, note: str) -> tuple[RenderableType, ...]:
    heartbeat = training.heartbeat
    epoch, batch, batches = (
        (heartbeat.epoch, heartbeat.batch, heartbeat.batches)
        if heartbeat
        else (len(training.curve), 0, 0)
    )
    position = f"epoch {epoch} of {training.epochs}"
    if batches:
        position += f", batch {batch}/{batches}"
    metric, best = training.record.objective.name, training.best
    value = ""
    if training.curve and best:
        value = f"{metric} {number(training.curve[-1])}, best {number(best.value)}"
    return (
        f"trial {training.trial} {training.experience.id}",
        ProgressBar(total=training.epochs, completed=epoch + (batch / batches if batches else 0)),
        position,
        ", ".join(filter(None, (value, note))),
    )


def _backup_age(training: TrainingView, seen_at: float) -> str:
    """Return how long ago the last backup was made; the time goes on between two looks."""
    if not training.heartbeat:
        return ""
    if not is_file(training.experience.sauvegarde / POSITION):
        return "not saved yet"
    return f"saved {duration(training.heartbeat.unsaved_s + time.monotonic() - seen_at)} ago"


def _grid(columns: int) -> Table:
    """Return a table with bars in its second column.

    On a narrow terminal the bars give way first, and then the last column.
    """
    grid = Table.grid(padding=(0, 2))
    for column in range(columns):
        is_bar, is_last = column == 1, column == columns - 1
        grid.add_column(no_wrap=not (is_bar or is_last), max_width=BAR_WIDTH if is_bar else None)
    return grid
