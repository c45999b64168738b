"""What the live view draws on a terminal: the progress of the sweep, and a row per training."""

import time
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.text import Text

from sweep.console.columns import Cell, Columns
from sweep.console.headline import headline_of
from sweep.experience.position import POSITION
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView
from sweep.system.plain_files import is_file
from sweep.wording import as_words, duration, number

SHORT_ID = 8  # digits of an id_experience, which tell those of one sweep apart
COLUMNS = ("trial", "bar", "epoch", "batch", "value", "best", "note")
FIRST_TO_GO = ("batch", "best", "bar", "value", "note")


def draw_headline(snapshot: Snapshot) -> RenderableType:
    """Return the progress of the sweep as a bar, and the best trial so far."""
    progress, best = headline_of(snapshot), snapshot.best()
    bar = ProgressBar(total=max(progress.total, 1), completed=progress.ended)
    line = Columns(("sweep", "bar", "text"), [("sweep", bar, progress.text)], ("bar", "sweep"))
    if not best:
        return line
    title = _title(best.number, best.best.experience.id)
    best_so_far = f"best {as_words(best.values)}: {title}, epoch {best.epoch}"
    return Group(line, Text(best_so_far, no_wrap=True, overflow="ellipsis"))


def draw_trainings(
    running: Sequence[TrainingView],
    preparing: Mapping[str, int],
    notes: Mapping[str, str],
    seen_at: float,
) -> RenderableType:
    """Return a row for each training that runs or is prepared.

    Args:
        running: the trainings as they were seen last.
        preparing: trials by the ids of their experiences; those that run are left out.
        notes: by the ids of experiences, texts in place of the age of the last backup.
        seen_at: the time of the look, by ``time.monotonic``.
    """
    rows = [
        _row(training, notes.get(training.experience.id) or _backup_age(training, seen_at))
        for training in running
    ]
    ids = {training.experience.id for training in running}
    rows += [
        (_title(trial, name), "", "preparing", *[""] * 4)
        for name, trial in preparing.items()
        if name not in ids
    ]
    return Columns(COLUMNS, rows, FIRST_TO_GO) if rows else Text()


def _title(trial: int, id_experience: str) -> str:
    return f"trial {trial} {id_experience[:SHORT_ID]}"


def _row(training: TrainingView, note: str) -> tuple[Cell, ...]:
    heartbeat = training.heartbeat
    epoch, batch, batches = (
        (heartbeat.epoch, heartbeat.batch, heartbeat.batches)
        if heartbeat
        else (len(training.curve), 0, 0)
    )
    if epoch < len(training.curve):  # the heartbeat is older than the log
        epoch, batch = len(training.curve), 0
    metric, best = training.record.objective.name, training.best
    has_value = training.curve and best
    return (
        _title(training.trial, training.experience.id),
        ProgressBar(total=training.epochs, completed=epoch + (batch / batches if batches else 0)),
        f"epoch {epoch} of {training.epochs}",
        f"batch {batch}/{batches}" if batches else "",
        f"{metric} {number(training.curve[-1])}" if has_value else "",
        f"best {number(best.value)}" if has_value and best else "",
        note,
    )


def _backup_age(training: TrainingView, seen_at: float) -> str:
    """Return how long ago the last backup was made; the time goes on between two looks."""
    if not training.heartbeat:
        return ""
    if not is_file(training.experience.sauvegarde / POSITION):
        return "not saved yet"
    return f"saved {duration(training.heartbeat.unsaved_s + time.monotonic() - seen_at)} ago"
