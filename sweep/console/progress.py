"""What a person is told while a sweep runs, on stderr."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import rich.progress
from rich.console import Console

from sweep.console.live import LiveView, can_redraw, end_line
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.record import Outcome
from sweep.experience.snapshot import SnapshotReader
from sweep.training.protocol import Begun, News, Unsaved, Warned
from sweep.wording import printable

LINE_EVERY_S = 10.0


class Progress:
    """Tells what happens. Its methods may be called from any thread.

    Args:
        console: where; a terminal gets bars that move, anything else lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._names: dict[int, str] = {}
        self._scene: LiveView | None = None
        self._root = Path()

    def say(self, text: str) -> None:
        """Print one line."""
        if can_redraw(self._console):
            self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)
        else:  # rich takes a millisecond a line, of which there is one an epoch
            self._console.file.write(f"{printable(text)}\n")
            self._console.file.flush()

    @contextlib.contextmanager
    def count(self, text: str, total: int) -> Iterator[Callable[[], None]]:
        """Show how many of so many are done; the context gives a function to call after each."""
        bars, done, line_at = self._make_bars(), 0, time.monotonic()
        task = bars.add_task(text, total=total)

        def one_more() -> None:
            nonlocal done, line_at
            done = min(done + 1, total)  # what is begun anew is counted once
            bars.update(task, completed=done)
            if bars.disable and time.monotonic() - line_at > LINE_EVERY_S:
                line_at = time.monotonic()
                self.say(f"{text}: {done} of {total}")

        with bars:
            yield one_more

    def reading(self, root: Path) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Show how many of the experiences under ``root`` are read, as ``count`` does."""
        return self.count("reading the folders", sum(1 for _ in experiences_in(root)))

    @contextlib.contextmanager
    def sweep(self, root: Path) -> Iterator[None]:
        """Show the sweep under ``root`` as long as the context lasts."""
        self._root = root
        watch = SnapshotReader(root, lambda _: None)  # the controller has said what cannot be read
        self._scene = LiveView(self._console, watch, self.say)
        with self._scene.looked_at():
            yield

    def begin(self, trial: int, name: str) -> None:
        """Show a trial that is going to train, in the experience of that name."""
        self._names[trial] = f"trial {trial} {name}"
        if self._scene:
            self._scene.preparing[name] = self._names[trial]

    def tell(self, trial: int, news: News) -> None:
        """Show what a training says, beside what its folder shows."""
        if isinstance(news, Warned):
            self.say(f"{self._names[trial]}: {news.text}")
        elif isinstance(news, Begun):
            self._note(trial, None)
            if news.epoch or news.batch:
                self.say(f"{self._names[trial]}: goes on at epoch {news.epoch}, batch {news.batch}")
        elif isinstance(news, Unsaved):
            self._unsaved(trial, news)

    def trained(self, trial: int, name: str) -> None:
        """Show the last epochs of an experience, where it was begun here, and no more of it."""
        if self._scene and trial in self._names:
            self._note(trial, None)
            self._scene.preparing.pop(name, None)
            self._scene.end(Experience(self._root / name))

    def end(self, trial: int, name: str, outcome: Outcome) -> None:
        """Show the end of a trial; one that did not begin here was known already."""
        known = self._names.pop(trial, None) is None
        self.say(end_line(trial, name, outcome, known))

    def _unsaved(self, trial: int, news: Unsaved) -> None:
        if news.since:
            note = f"since {news.since} UTC nothing could be saved"
            self.say(f"{self._names[trial]}: {note} ({news.why}); the training goes on")
            self._note(trial, note)
        else:
            self.say(f"{self._names[trial]}: all is saved again")
            self._note(trial, None)

    def _note(self, trial: int, note: str | None) -> None:
        """Let a line of the scene say something else than when it was saved."""
        if self._scene:
            name = self._names[trial].split()[-1]
            self._scene.notes[name] = note or ""

    def _make_bars(self) -> rich.progress.Progress:
        return rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not can_redraw(self._console),
        )
