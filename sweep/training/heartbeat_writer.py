"""The heartbeat of a session in ``pulse.json``: how far it is, and that it lives."""

import contextlib
import math
import threading
import time
from dataclasses import replace

from sweep.experience.heartbeat import Heartbeat, write_heartbeat
from sweep.experience.lease import Superseded
from sweep.system import plain_files
from sweep.system.host import is_on_drive, now
from sweep.training.protocol import Job
from sweep.training.training_progress import TrainingProgress

EVERY_S, EVERY_S_ON_DRIVE = 0.5, 30.0  # Drive keeps every file that is overwritten in its trash
BEAT_S = 5.0  # keeps a lease, at a few writes a minute


class HeartbeatWriter:
    """Writes ``pulse.json`` while a session lives; a disk that is full or gone is passed over.

    Args:
        job: its record has the session already.
        progress: how far the session is.
    """

    def __init__(self, job: Job, progress: TrainingProgress) -> None:
        self._experience, self._progress = job.experience, progress
        self._session = len(job.record.sessions) - 1
        self._every_s = EVERY_S_ON_DRIVE if is_on_drive(job.experience.path) else EVERY_S
        self._written_at = -math.inf
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._latest = self._heartbeat()
        self._write(self._latest)
        threading.Thread(target=self._keep_beating, daemon=True).start()

    def beat(self) -> None:
        """Write how far the session is, unless that was written just now."""
        if time.monotonic() - self._written_at > self._every_s:
            self._latest = self._heartbeat()
            self._write(self._latest)

    def end(self) -> None:
        """Remove the heartbeat."""
        with self._lock:
            self._ended.set()
            self._experience.fence()
            plain_files.remove(self._experience.heartbeat)

    def _keep_beating(self) -> None:
        """Repeat the latest heartbeat with a new time: a batch may take long."""
        while not self._ended.wait(self._every_s):
            if time.monotonic() - self._written_at > max(BEAT_S, self._every_s):
                self._write(replace(self._latest, at=now()))

    def _heartbeat(self) -> Heartbeat:
        progress = self._progress
        return Heartbeat(
            session=self._session,
            epoch=progress.epoch,
            batch=progress.batch,
            batches=progress.batches,
            trained_s=round(progress.trained_s(), 3),
            unsaved_s=round(progress.unsaved_s(), 3),
            unsaved_batches=progress.unsaved_batches,
            at=now(),
            logs=progress.logs and {**progress.logs, **progress.measure()},
            saves_every_s=round(progress.saves_every_s, 1),
            saves_because=progress.saves_because,
        )

    def _write(self, heartbeat: Heartbeat) -> None:
        # The backup reports a disk that takes nothing, and a folder that is another process's.
        with self._lock, contextlib.suppress(OSError, Superseded):
            if not self._ended.is_set():
                write_heartbeat(self._experience.heartbeat, heartbeat, self._experience.fence)
                self._written_at = time.monotonic()
