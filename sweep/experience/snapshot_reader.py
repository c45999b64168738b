"""Reads snapshots of a root again and again; an experience that has ended is read once."""

import time
from collections.abc import Callable
from pathlib import Path

from sweep.experience.accounting import work_of
from sweep.experience.backup_files import read_record
from sweep.experience.ended_list import EndedList
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.heartbeat import last_heartbeat
from sweep.experience.lease import shown_state
from sweep.experience.log_csv import LogUnreadable, read_curve
from sweep.experience.record import Record, State
from sweep.experience.root import read_asked
from sweep.experience.root_lock import read_holder
from sweep.experience.snapshot import Snapshot
from sweep.experience.untrained import read_untrained
from sweep.experience.views import TrainingView
from sweep.system.plain_files import NotPlain, status


class SnapshotReader:
    """Reads snapshots of a root. It writes and locks nothing, so trainings there run on.

    Args:
        root: of a sweep; it need not exist yet.
        warn: is told once of each folder that cannot be read.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root, self._warn = root, warn
        self._ended: dict[str, tuple[object, TrainingView]] = {}
        self._list: EndedList | None = None  # during the first look
        self._warned: set[str] = set()
        self.took_s = 0.0

    def look(self, done: Callable[[], None] = lambda: None) -> Snapshot:
        """Return a snapshot of now; ``done`` is called after each folder.

        Raises:
            OSError: the drive does not answer.
        """
        begun, trainings = time.monotonic(), []
        self._list = None if self._ended else EndedList(self.root)
        for experience in experiences_in(self.root):
            training = self.training(experience)
            if training:
                trainings.append(training)
            done()
        self._list = None
        asked, holder = read_asked(self.root), read_holder(self.root)
        untrained = read_untrained(self.root)
        for training in trainings:  # a trial that was proposed anew may be trained by now
            for entry in training.record.trials:
                untrained.pop(entry.number, None)
        self.took_s = time.monotonic() - begun
        return Snapshot(self.root, tuple(trainings), asked, holder, tuple(untrained.values()))

    def training(self, experience: Experience) -> TrainingView | None:
        """Return one experience as it is now, or None where its folder has no record."""
        stamp = _stamp(experience.record)
        read_stamp, ended = self._ended.get(experience.id, (None, None))
        if ended and stamp and stamp == read_stamp:
            return ended
        listed = self._list.record(experience) if self._list else None
        record = listed or read_record(experience)
        if not record:
            self._say_once(f"{experience.record} is missing or torn, so its trial is not shown")
            return None
        state, heartbeat = shown_state(experience, record), last_heartbeat(experience, record)
        curve = self._curve(experience, record)
        work = work_of(experience, record, state, heartbeat)
        if state not in (State.RUNNING, State.CUT_OFF):
            heartbeat = None
        training = TrainingView(experience, record, state, curve, work, heartbeat)
        if record.outcome:
            self._ended[experience.id] = (stamp, training)
        return training

    def _curve(self, experience: Experience, record: Record) -> list[float]:
        try:
            return read_curve(experience.log, record.objective.name)
        except LogUnreadable as error:
            self._say_once(str(error))
            return []

    def _say_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        its_status = status(path)
    except (FileNotFoundError, NotPlain):
        return None
    return its_status.st_mtime_ns, its_status.st_size
