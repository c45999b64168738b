"""What a person sees while a sweep runs, on stderr: bars on a terminal, lines elsewhere."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator

import rich.progress
from rich.console import Console

from sweep.errors import printable
from sweep.job import BatchDone, Begun, EpochDone, News, Unsaved, Warned
from sweep.record import Outcome, State

LINE_EVERY_S = 10.0


class Progress:
    """Tells what happens. Its methods may be called from any thread.

    Args:
        console: where; a terminal gets bars that move, anything else gets a line now and then.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = self._make_bars()
        self._of_trial: dict[int, rich.progress.TaskID] = {}
        self._names: dict[int, str] = {}
        self._epochs: dict[int, int] = {}
        self._unsaved_since: dict[int, str] = {}
        self._line_at = time.monotonic()
        self._best = -math.inf
        self._all: rich.progress.TaskID | None = None
        self._done = self._trials = 0

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def count(self, text: str, total: int) -> Iterator[Callable[[], None]]:
        """Show how many of so many are done; the context gives a function to call after each."""
        bars, done = self._make_bars(), 0
        task = bars.add_task(text, total=total, count=f"0/{total}", note="")
        self._line_at = time.monotonic()

        def one_more() -> None:
            nonlocal done
            done = min(done + 1, total)  # what is begun anew is counted once
            bars.update(task, completed=done, count=f"{done}/{total}")
            if self._line_is_due():
                self.say(f"{text}: {done} of {total}")

        with bars:
            yield one_more

    @contextlib.contextmanager
    def sweep(self, trials: int, done: int, best: float) -> Iterator[None]:
        """Show the sweep as long as the context lasts; ``best`` is the best val_acc so far, minus infinity for none."""
        self._best = best
        self._done, self._trials = done, max(trials, done)
        self._all = self._bars.add_task("sweep", total=self._trials, completed=done, count=self._count(), note=self._note())
        with self._bars:
            yield

    def begin(self, trial: int, name: str, epochs: int) -> None:
        """Show a trial that trains now, for so many epochs in all."""
        self._names[trial], self._epochs[trial] = f"trial {trial} {name}", epochs
        self._of_trial[trial] = self._bars.add_task(self._names[trial], total=None, count="preparing", note="")

    def tell(self, trial: int, news: News) -> None:
        """Show what a training says."""
        if isinstance(news, Warned):
            self.say(f"{self._names[trial]}: {news.text}")
        elif isinstance(news, Begun):
            self._unsaved_since.pop(trial, None)
            self._bars.update(self._of_trial[trial], total=self._epochs[trial])
            self._epoch(trial, news.epoch)
            if news.epoch or news.batch:
                self.say(f"{self._names[trial]}: goes on at epoch {news.epoch}, batch {news.batch}")
        elif isinstance(news, BatchDone):
            self._epoch(trial, news.epoch + news.batch / news.batches)
            self._line(trial, f"epoch {news.epoch}, batch {news.batch} of {news.batches}")
        elif isinstance(news, Unsaved):
            self._unsaved(trial, news)
        elif isinstance(news, EpochDone):
            self._epoch(trial, news.epoch + 1)
            if trial not in self._unsaved_since:
                self._bars.update(self._of_trial[trial], note=f"val_acc {news.val_acc:.4f}")
            self._line(trial, f"epoch {news.epoch} of {self._epochs[trial]}, val_acc {news.val_acc:.4f}")

    def end(self, trial: int, name: str, outcome: Outcome) -> None:
        """Show the end of a trial; one that did not begin here was known already, by the experience of that name."""
        if trial in self._of_trial:
            self._bars.remove_task(self._of_trial.pop(trial))
        self._unsaved_since.pop(trial, None)
        known = "" if self._names.pop(trial, None) else "known already, "
        value = "" if outcome.val_acc is None else f", val_acc {outcome.val_acc:.4f} (epoch {outcome.epoch})"
        reason = f": {outcome.reason}" if outcome.reason else ""
        self.say(f"trial {trial} {name}: {known}{outcome.state}{value}{reason}")
        if outcome.state is State.FINISHED and outcome.val_acc is not None:
            self._best = max(self._best, outcome.val_acc)
        if self._all is not None:
            self._done += 1
            self._bars.update(self._all, completed=self._done, count=self._count(), note=self._note())

    def _count(self) -> str:
        return f"{self._done}/{self._trials} trials"

    def _note(self) -> str:
        return f"best val_acc {self._best:.4f}" if math.isfinite(self._best) else ""

    def _epoch(self, trial: int, done: float) -> None:
        self._bars.update(self._of_trial[trial], completed=done, count=f"{done:.1f}/{self._epochs[trial]} epochs")

    def _unsaved(self, trial: int, news: Unsaved) -> None:
        if news.since:
            self._unsaved_since[trial] = note = f"since {news.since} UTC nothing could be saved"
            self.say(f"{self._names[trial]}: {note} ({news.why}); the training goes on")
        else:
            since, note = self._unsaved_since.pop(trial, "a while"), ""
            self.say(f"{self._names[trial]}: all is saved again ({since})")
        self._bars.update(self._of_trial[trial], note=note)

    def _line(self, trial: int, text: str) -> None:
        """Without a terminal, a sign of life now and then."""
        if self._line_is_due():
            unsaved = f"; {self._unsaved_since[trial]}" if trial in self._unsaved_since else ""
            self.say(f"{self._names[trial]}: {text}{unsaved}")

    def _line_is_due(self) -> bool:
        if self._console.is_terminal or time.monotonic() - self._line_at <= LINE_EVERY_S:
            return False
        self._line_at = time.monotonic()
        return True

    def _make_bars(self) -> rich.progress.Progress:
        return rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            rich.progress.TextColumn("{task.fields[count]}", markup=False),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
