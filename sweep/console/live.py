"""A sweep before one's eyes, from its folders: bars on a terminal, elsewhere a line an epoch."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweep.console.status import status_lines
from sweep.experience.backup_files import POSITION
from sweep.experience.folder import Experience
from sweep.experience.record import Outcome, State
from sweep.experience.snapshot import Snapshot, SnapshotReader, TrainingView
from sweep.system.plain_files import is_file
from sweep.wording import as_words, duration, number

LOOK_EVERY_S, LOOK_AT_LEAST_EVERY_S = 0.5, 10.0
DRAW_A_SECOND = 4
SHARE_OF_LOOKING = (
    0.05  # of the time: ten thousand folders, or a slow drive, are looked at less often
)
# Beside a controller, each look gives way after so many seconds of work: both are threads of one Python.
WORK_S, REST_S = 0.01, 0.04
BAR = 24


def can_redraw(console: Console) -> bool:
    """Tell whether what is shown there can be drawn over: in a real terminal only, and neither in CI nor on Colab."""
    return (
        console.is_terminal
        and not console.is_dumb_terminal
        and not {"CI", "COLAB_RELEASE_TAG"} & set(os.environ)
    )


class LiveView:
    """What a watch sees, drawn or said. Its methods may be called from any thread.

    Args:
        console: a terminal that ``moves`` gets bars, anything else a line for each new epoch.
        watch: of the sweep. What it sees first was said before.
        say: prints a line.
    """

    def __init__(self, console: Console, watch: SnapshotReader, say: Callable[[str], None]) -> None:
        self._console, self._watch, self._say = console, watch, say
        self._moves = can_redraw(console)
        self._lock = threading.Lock()
        self._said: dict[str, int] = {}
        self._sight: Snapshot | None = None
        self._running: list[TrainingView] = []
        self._headline: RenderableType = Text("reading the folders")
        self._seen_at = time.monotonic()
        self._is_blind = False
        self.preparing: dict[str, str] = {}
        self.notes: dict[str, str] = {}

    def drawn(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which the latest look is drawn, where the console is one that can."""
        if not self._moves:
            return contextlib.nullcontext()
        return Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=DRAW_A_SECOND,
            transient=True,
        )

    @contextlib.contextmanager
    def looked_at(self) -> Iterator[None]:
        """Keep looking, in a thread of its own, and draw what is seen."""
        over = threading.Event()

        def keep_looking() -> None:
            while not over.is_set():
                self._look_or_not(_giving_way(over))
                over.wait(self.pause_s())

        thread = threading.Thread(target=keep_looking, daemon=True)
        with self.drawn():
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()
                if self._moves:
                    self._look_or_not()

    def pause_s(self) -> float:
        """Return how many seconds to wait before the next look."""
        return min(max(LOOK_EVERY_S, self._watch.took_s / SHARE_OF_LOOKING), LOOK_AT_LEAST_EVERY_S)

    def look(self, done: Callable[[], None] = lambda: None) -> Snapshot:
        """Look once, and say which epochs are new; ``done`` is called after each folder."""
        sight = self._watch.look(done)
        if self._sight is None:
            self._said = {one.experience.id: len(one.curve) for one in sight.trainings}
        self._sight, self._seen_at = sight, time.monotonic()
        self._running = sight.running()
        for training in self._running:
            self._catch_up(training)
        if self._moves:
            self._headline = _drawn_headline(sight)
        return sight

    def _look_or_not(self, done: Callable[[], None] = lambda: None) -> None:
        """Look once; where the drive is gone for a while, what was seen last stays. Looking on harms no sweep."""
        try:
            self.look(done)
        except (OSError, _Over):
            return
        except Exception as error:  # noqa: BLE001 # what stands in folders may be anybody's
            if not self._is_blind:
                self._say(f"the folders cannot be looked at ({error}): see sweep verify")
            self._is_blind = True

    def end(self, experience: Experience) -> None:
        """Say the last epochs of an experience that has ended."""
        training = (
            self._watch.training(experience)
            if not self._moves and is_file(experience.record)
            else None
        )
        if training:
            self._catch_up(training)

    def _catch_up(self, training: TrainingView) -> None:
        if self._moves:
            return
        name, curve = training.experience.id, training.curve
        with self._lock:  # a training that went on from its backup has lost epochs that were said
            said, self._said[name] = min(self._said.get(name, 0), len(curve)), len(curve)
            for epoch in range(said, len(curve)):
                value = f"{training.record.aim.name} {number(curve[epoch])}"
                self._say(
                    f"trial {training.trial} {name}: epoch {epoch} of {training.epochs}, {value}"
                )

    def _draw(self) -> RenderableType:
        running = self._running
        names = {one.experience.id for one in running}
        rows = _grid(4)
        for one in running:
            rows.add_row(*self._row(one))
        for name, title in list(self.preparing.items()):
            if name not in names:
                rows.add_row(title, "", "preparing", "")
        return Group(self._headline, rows)

    def _row(self, one: TrainingView) -> tuple[RenderableType, ...]:
        pulse = one.pulse
        epoch, batch, batches = (
            (pulse.epoch, pulse.batch, pulse.batches) if pulse else (len(one.curve), 0, 0)
        )
        done = epoch + (batch / batches if batches else 0)
        where = f"epoch {epoch} of {one.epochs}" + (f", batch {batch}/{batches}" if batches else "")
        name, best = one.record.aim.name, one.best
        value = (
            f"{name} {number(one.curve[-1])}, best {number(best.value)}"
            if one.curve and best
            else ""
        )
        saved = self.notes.get(one.experience.id) or _saved(one, self._seen_at)
        bar = ProgressBar(total=one.epochs, completed=done)
        return (
            f"trial {one.trial} {one.experience.id}",
            bar,
            where,
            ", ".join(filter(None, (value, saved))),
        )


def _giving_way(over: threading.Event) -> Callable[[], None]:
    """Return what rests now and then, and raises ``_Over`` where there is nothing to look at any more."""
    begun = time.monotonic()

    def rest() -> None:
        nonlocal begun
        if time.monotonic() - begun > WORK_S:
            if over.wait(REST_S):
                raise _Over
            begun = time.monotonic()

    return rest


class _Over(Exception):
    """The end of a look that nobody waits for."""


def headline(sight: Snapshot) -> tuple[int, int, list[str]]:
    """Return how many trials are done, of how many, and what is to be said of them in words."""
    counts, rest_s = sight.counts(), sight.rest_s()
    done = sum(counts[state] for state in (State.FINISHED, State.PRUNED, State.FAILED))
    in_all = done + counts[State.RUNNING] + counts[State.CUT_OFF] + sight.to_do()
    words = [
        f"{done}/{in_all} trials",
        f"{counts[State.RUNNING]} running",
        f"{sight.to_do()} to do",
    ]
    words += [
        f"{counts[state]} {state}"
        for state in (State.CUT_OFF, State.FAILED, State.PRUNED)
        if counts[state]
    ]
    return done, in_all, words + ([f"about {duration(rest_s)} left"] if rest_s else [])


def _drawn_headline(sight: Snapshot) -> RenderableType:
    (done, in_all, words), best = headline(sight), sight.best()
    line = _grid(3)
    line.add_row("sweep", ProgressBar(total=max(in_all, 1), completed=done), Text(", ".join(words)))
    if not best:
        return line
    so_far = f"best {as_words(best.values)}: trial {best.number} {best.best.experience.id}, epoch {best.epoch}"
    return Group(line, Text(so_far))


def _grid(columns: int) -> Table:
    """Return a table whose second column are bars, which give way first where a terminal is narrow, and then the last."""
    grid = Table.grid(padding=(0, 2))
    for column in range(columns):
        grid.add_column(
            no_wrap=column not in (1, columns - 1), max_width=BAR if column == 1 else None
        )
    return grid


def _saved(one: TrainingView, seen_at: float) -> str:
    """Say how long ago the latest backup was; between two looks, the time goes on."""
    if not one.pulse:
        return ""
    if not is_file(one.experience.sauvegarde / POSITION):
        return "not saved yet"
    return f"saved {duration(one.pulse.unsaved_s + time.monotonic() - seen_at)} ago"


def end_line(trial: int, name: str, outcome: Outcome, known: bool = False) -> str:
    """Return the line for the end of a trial; ``known`` says that its experience had ended already."""
    value = f", {as_words(outcome.values)} (epoch {outcome.epoch})" if outcome.values else ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return (
        f"trial {trial} {name}: {'known already, ' if known else ''}{outcome.state}{value}{reason}"
    )


def follow(console: Console, watch: SnapshotReader, say: Callable[[str], None]) -> None:
    """Show a sweep that another process runs, until all its trials are done. A Ctrl-C ends the watching only.

    Args:
        console: see ``LiveView``.
        watch: of the sweep.
        say: prints a line.
    """
    scene = LiveView(console, watch, say)
    sight = scene.look()
    if not can_redraw(console):
        for line in status_lines(sight):
            say(line)
    with scene.drawn():
        while not sight.is_over():
            time.sleep(scene.pause_s())
            ended = {one.experience.id for one in sight.trainings if one.record.outcome}
            with contextlib.suppress(OSError):  # the drive is gone for a while
                sight = scene.look()
            for one in sight.trainings:
                if one.record.outcome and one.experience.id not in ended:
                    scene.end(one.experience)
                    say(end_line(one.trial, one.experience.id, one.record.outcome))
