"""The progress of a running sweep, on stderr."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import rich.progress
from rich.console import Console

from sweep.console.headline import end_line, pause_line
from sweep.console.live import LiveView
from sweep.console.screens import can_redraw
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.log_csv import BestEpoch
from sweep.experience.record import Outcome, Record
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.training.protocol import Begun, News, Unsaved, Warned
from sweep.wording import printable

LINE_EVERY_S = 10.0


class Progress:
    """Shows a user what happens. Its methods may be called from any thread.

    Args:
        console: a terminal gets moving bars, anything else gets lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        # By trial, the id of the experience that is being trained for it.
        self._training: dict[int, str] = {}
        self._said_once: set[str] = set()
        self._view: LiveView | None = None
        self._root = Path()

    def say(self, text: str) -> None:
        """Print one line."""
        if can_redraw(self._console):
            self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)
        else:  # without rich, which takes a millisecond a line: there is a line per epoch
            self._console.file.write(f"{printable(text)}\n")
            self._console.file.flush()

    @contextlib.contextmanager
    def count(self, text: str, total: int) -> Iterator[Callable[[], None]]:
        """Show how many of a total are done; the context gives a function to call after each."""
        bars, done, line_at = self._make_bars(), 0, time.monotonic()
        task = bars.add_task(text, total=total)

        def one_more() -> None:
            nonlocal done, line_at
            done = min(done + 1, total)  # a step that begins anew may call this twice
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
        """Show the sweep under ``root`` for as long as the context lasts."""
        self._root = root
        # The controller has already said which folders cannot be read.
        reader = SnapshotReader(root, lambda _: None)
        self._view = LiveView(self._console, reader, self.say)
        with self._view.kept_up_to_date():
            yield

    def begin(self, trial: int, id_experience: str) -> None:
        """Show that a trial prepares the training of this experience."""
        self._training[trial] = id_experience
        if self._view:
            self._view.begin(trial, id_experience)

    def tell(self, trial: int, news: News) -> None:
        """Show the news of a training that its folder does not show."""
        if isinstance(news, Warned):
            if not (news.once and news.text in self._said_once):
                self.say(f"{self._title(trial)}: {news.text}")
            self._said_once |= {news.text} if news.once else set()
        elif isinstance(news, Begun):
            self._note(trial, "")
            if news.epoch or news.batch:
                position = f"epoch {news.epoch}, batch {news.batch}"
                self.say(f"{self._title(trial)}: resumes at {position}")
        elif isinstance(news, Unsaved):
            self._tell_unsaved(trial, news)

    def trained(self, trial: int, id_experience: str) -> None:
        """Show the last epochs of an experience that was trained here, and remove its row."""
        if self._view and trial in self._training:
            self._view.end(Experience(self._root / id_experience))

    def pause(self, trial: int, record: Record, best: BestEpoch | None) -> None:
        """Show that a trial is paused; one that was not trained here was so already."""
        is_known = self._training.pop(trial, None) is None
        self.say(pause_line(trial, record, best, is_known))

    def end(self, trial: int, id_experience: str, outcome: Outcome) -> None:
        """Show the end of a trial; an experience that was not trained here was known already."""
        is_known = self._training.pop(trial, None) is None
        self.say(end_line(trial, id_experience, outcome, is_known))

    def _title(self, trial: int) -> str:
        return f"trial {trial} {self._training[trial]}"

    def _tell_unsaved(self, trial: int, news: Unsaved) -> None:
        if news.since:
            note = f"since {news.since} UTC nothing could be saved"
            self.say(f"{self._title(trial)}: {note} ({news.why}); the training goes on")
            self._note(trial, note)
        else:
            self.say(f"{self._title(trial)}: all is saved again")
            self._note(trial, "")

    def _note(self, trial: int, note: str) -> None:
        """Let the row of a trial show this note in place of the age of its last backup."""
        if self._view:
            self._view.note(self._training[trial], note)

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
