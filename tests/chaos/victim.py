"""A sweep that is about to be killed, and what can be seen of it from outside."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from support.command import Running, rows_logged
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.record import State
from sweep.experience.root_lock import read_holder

WAIT_S = 120.0
POLL_S = 0.003
WITHOUT_ITS_TABLE = ("sh", "-c", 'exec "$@" >/dev/null', "sh")  # stdout is for the score


class Victim(Running):
    """A sweep that leads to so many experiences, and what it has done since ``look``."""

    def __init__(
        self, root: Path, experiences: int, *words: object, before: tuple[str, ...] = (), space: str
    ) -> None:
        super().__init__(root, *words, before=(*WITHOUT_ITS_TABLE, *before), space=space)
        self._experiences = experiences
        self.look()

    def look(self) -> None:
        """Remember how far it is."""
        self._rows, self._finished, self._begun = (
            rows_logged(self.root),
            finished(self.root),
            self._sessions(),
        )

    def wait(self, happened: Callable[[], bool]) -> bool:
        """Wait until it has happened, and tell whether it did before the sweep was over."""
        until = time.monotonic() + WAIT_S
        while self.process.poll() is None:
            if happened():
                return True
            assert time.monotonic() < until, (
                f"the sweep hangs: it neither ends nor goes on ({self.root})"
            )
            time.sleep(POLL_S)
        return False

    def is_locked(self) -> bool:
        holder = read_holder(self.root)
        return holder is not None and holder.pid == self.process.pid

    def has_begun(self) -> bool:
        """Tell whether a training has written its session, which it does before the first batch."""
        return bool(self._sessions() - self._begun)

    def has_logged(self) -> bool:
        return rows_logged(self.root) > self._rows

    def is_saving(self) -> bool:
        return any(half_written(one) for one in experiences_in(self.root))

    def has_finished(self) -> bool:
        return finished(self.root) > self._finished

    def is_between_trainings(self) -> bool:
        return self.has_finished() and not self.trainings()

    def is_ending(self) -> bool:
        return self.has_finished() and len(finished(self.root)) == self._experiences

    def trainings(self) -> list[psutil.Process]:
        try:
            return self.children()
        except psutil.Error:  # one has ended while we looked
            return []

    def servers(self) -> list[psutil.Process]:
        try:
            return [self.server()]
        except (psutil.Error, StopIteration):
            return []

    def kill(self, target: str) -> int:
        """SIGKILL the target, and return how many processes of it there were."""
        if target == "tree":
            everyone = self._tree()
        else:
            everyone = {
                "controller": lambda: [self.tree],
                "training": self.trainings,
                "server": self.servers,
            }[target]()[:1]
        if self.process.poll() is not None:
            return 0
        killed = 0
        for process in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended while we looked
                process.kill()
                killed += 1
        return killed

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self.tree, *self.tree.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _sessions(self) -> set[tuple[str, int]]:
        records = [(one.id, one.read()) for one in experiences_in(self.root)]
        return {(name, len(record.sessions)) for name, record in records if record}


def finished(root: Path) -> set[str]:
    return {one.id for one in experiences_in(root) if one.state() is State.FINISHED}


def half_written(experience: Experience) -> list[Path]:
    """Return what is being written beside its place."""
    folders = (experience.path, experience.sauvegarde)
    found = [
        path
        for folder in folders
        for pattern in ("next.*", "*.part")
        for path in folder.glob(pattern)
    ]
    return [path for path in found if not path.name.startswith("pulse")]
