"""The live view of a sweep, from its folders: bars on a terminal, elsewhere a line per epoch."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.text import Text

from sweep.console.drawing import draw_headline, draw_trainings
from sweep.console.headline import end_line
from sweep.console.screens import screen_for
from sweep.console.status import status_lines
from sweep.errors import StoppedByUser
from sweep.experience.folder import Experience
from sweep.experience.snapshot import Snapshot
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.experience.views import TrainingView
from sweep.system.plain_files import is_file
from sweep.wording import number

LOOK_EVERY_S, LOOK_AT_LEAST_EVERY_S = 0.5, 10.0
# Ten thousand folders, or a slow drive, are looked at less often.
LOOKING_SHARE = 0.05  # of the time
QUICK_S = 0.05  # a controller waits for such a look whenever a training ends
# A controller in the same process must not wait: after this much work, a look rests.
WORK_S, REST_S = 0.01, 0.04


class LiveView:
    """What is seen of a sweep, drawn or said. Its methods may be called from any thread.

    Args:
        console: gets bars where there is a screen for it, otherwise a line for each new epoch.
        reader: of the sweep. The epochs of its first look are not said.
        say: prints a line.
    """

    def __init__(
        self, console: Console, reader: SnapshotReader, say: Callable[[str], None]
    ) -> None:
        self._console, self._reader, self._say = console, reader, say
        self._lock = threading.Lock()
        self._epochs_said: dict[str, int] = {}
        self._snapshot: Snapshot | None = None
        self._running: list[TrainingView] = []
        self._headline: RenderableType = Text("reading the folders")
        self._seen_at = time.monotonic()
        self._has_warned = False
        self._looking = threading.Lock()
        # By the ids of experiences: trials that are prepared or trained, and notes for rows.
        self._preparing: dict[str, int] = {}
        self._notes: dict[str, str] = {}
        self._ended: set[str] = set()  # since the latest look
        self._screen = screen_for(console, self._draw)

    @property
    def has_screen(self) -> bool:
        """Whether bars are drawn, rather than lines printed."""
        return self._screen is not None

    @property
    def is_training(self) -> bool:
        """Whether anything was trained at the latest look."""
        return bool(self._running)

    def drawn(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which the latest look is drawn, if the console can."""
        return self._screen or contextlib.nullcontext()

    @contextlib.contextmanager
    def kept_up_to_date(self) -> Iterator[None]:
        """Look again and again in a thread, and draw or say what is seen."""
        ended = threading.Event()

        def keep_looking() -> None:
            while not ended.is_set():
                self._try_to_look(_resting_until(ended))
                ended.wait(self.pause_s())

        thread = threading.Thread(target=keep_looking, daemon=True)
        with self.drawn():
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()
                if self._screen:
                    self._try_to_look()

    def pause_s(self) -> float:
        """Return how many seconds to wait before the next look."""
        return min(max(LOOK_EVERY_S, self._reader.took_s / LOOKING_SHARE), LOOK_AT_LEAST_EVERY_S)

    def look(self, done: Callable[[], None] = lambda: None) -> Snapshot:
        """Look once, and say the new epochs; ``done`` is called after each folder."""
        with self._looking:
            ended = set(self._ended)
            snapshot = self._reader.look(done)
        if self._snapshot is None:
            self._epochs_said = {
                training.experience.id: len(training.curve) for training in snapshot.trainings
            }
        self._snapshot, self._seen_at = snapshot, time.monotonic()
        self._running = snapshot.running()
        self._ended -= ended
        for training in self._running:
            self._say_new_epochs(training)
        if self._screen:
            self._headline = draw_headline(snapshot)
        return snapshot

    def _try_to_look(self, done: Callable[[], None] = lambda: None) -> None:
        """Look once; an error keeps the last snapshot, so that the view never harms the sweep."""
        try:
            self.look(done)
        except (OSError, _Ended):  # the drive may be gone for a while
            return
        except Exception as error:  # noqa: BLE001 # anybody may have written the folders
            if not self._has_warned:
                self._say(f"the folders cannot be looked at ({error}): see sweep verify")
            self._has_warned = True

    def begin(self, trial: int, id_experience: str) -> None:
        """Show that a trial prepares the training of this experience."""
        self._preparing[id_experience] = trial

    def note(self, id_experience: str, text: str) -> None:
        """Let the row of a training show a text in place of the age of its last backup."""
        self._notes[id_experience] = text

    def end(self, experience: Experience) -> None:
        """Remove the row of a training, before its end is said, and say its last epochs."""
        self._preparing.pop(experience.id, None)
        self._notes.pop(experience.id, None)
        self._ended.add(experience.id)
        if self._screen:
            if self._reader.took_s < QUICK_S:
                self._try_to_look()
            self._screen.refresh()
        self.say_last_epochs(experience)

    def say_last_epochs(self, experience: Experience) -> None:
        """Say the last epochs of an experience that has ended."""
        if self._screen or not is_file(experience.record):
            return
        training = self._reader.training(experience)
        if training:
            self._say_new_epochs(training)

    def _say_new_epochs(self, training: TrainingView) -> None:
        if self._screen:
            return
        id_experience, curve = training.experience.id, training.curve
        with self._lock:
            # A training that resumed from its backup repeats epochs that were said already.
            said = min(self._epochs_said.get(id_experience, 0), len(curve))
            self._epochs_said[id_experience] = len(curve)
            for epoch in range(said, len(curve)):
                value = f"{training.record.objective.name} {number(curve[epoch])}"
                position = f"epoch {epoch} of {training.epochs}"
                self._say(f"trial {training.trial} {id_experience}: {position}, {value}")

    def _draw(self) -> RenderableType:
        running = [one for one in self._running if one.experience.id not in self._ended]
        preparing = dict(self._preparing)  # other threads change it
        trainings = draw_trainings(running, preparing, self._notes, self._seen_at)
        # The terminal writes ^C behind the last letter, and on a new line if there is no room.
        return Constrain(Group(self._headline, trainings), self._console.width - len("^C") - 1)


def _resting_until(ended: threading.Event) -> Callable[[], None]:
    """Return a function that rests now and then, and raises ``_Ended`` once the event is set."""
    begun = time.monotonic()

    def rest() -> None:
        nonlocal begun
        if time.monotonic() - begun > WORK_S:
            if ended.wait(REST_S):
                raise _Ended
            begun = time.monotonic()

    return rest


class _Ended(Exception):
    """The end of a look for whose result nobody waits any more."""


def follow(console: Console, reader: SnapshotReader, say: Callable[[str], None]) -> None:
    """Show a sweep that another process runs, until all its trials are done; then its status.

    Args:
        console: see ``LiveView``.
        reader: of the sweep.
        say: prints a line on that console.

    Raises:
        StoppedByUser: the user watches no longer, which ends nothing else.
    """
    view = LiveView(console, reader, say)
    snapshot = view.look()
    if not (view.has_screen or snapshot.is_over()):
        for line in status_lines(snapshot):
            say(line)
    if not (snapshot.running() or snapshot.is_over()):
        say("nothing is trained just now: sweep run resumes it")
    try:
        snapshot = _follow_to_its_end(view, snapshot, say)
    except KeyboardInterrupt as stop:
        goes_on = "; the sweep itself goes on" if view.is_training else ""
        raise StoppedByUser(f"no longer watching{goes_on}") from stop
    for line in status_lines(snapshot):
        say(line)


def _follow_to_its_end(view: LiveView, snapshot: Snapshot, say: Callable[[str], None]) -> Snapshot:
    """Draw or say what happens until all trials are done, and return the last snapshot."""
    with view.drawn():
        while not snapshot.is_over():
            time.sleep(view.pause_s())
            ended = {
                training.experience.id for training in snapshot.trainings if training.record.outcome
            }
            with contextlib.suppress(OSError):  # the drive may be gone for a while
                snapshot = view.look()
            for training in snapshot.trainings:
                experience, outcome = training.experience, training.record.outcome
                if outcome and experience.id not in ended:
                    view.say_last_epochs(experience)
                    say(end_line(training.trial, experience.id, outcome))
    return snapshot
