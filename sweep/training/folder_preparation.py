"""The folder of a training before its first batch.

No other process trains in it then, and it is brought back to its newest backup.
"""

import time
from typing import Any

from sweep.experience import best_model
from sweep.experience.lease import Lease, open_session
from sweep.experience.record import Record
from sweep.experience.resume_start import Start, make_ready
from sweep.system import plain_files
from sweep.system.files import move_to_quarantine
from sweep.system.json_text import are_equal
from sweep.training import hdf5
from sweep.training.endings import NothingToTrain
from sweep.training.protocol import End, Ending, Job, Link, Warned
from sweep.training.saving import event_files

POLL_S = 0.1


def wait_for_others(job: Job, link: Link) -> None:
    """Wait while another process trains in the folder.

    Raises:
        NothingToTrain: another process has trained it, so that the record of this job is outdated;
            or a stop is asked for.
    """
    lease, is_told = Lease(job.experience), False
    while other := lease.holder():
        if not is_told:
            link.tell(Warned(f"process {other.pid} on {other.host} trains it, and is waited for"))
            is_told = True
        if link.stop_asked():
            raise NothingToTrain(End(Ending.STOPPED))
        time.sleep(POLL_S)
    record = job.experience.read()
    if not record or (not record.outcome and are_equal(_sessions(record), _sessions(job.record))):
        return
    interrupted = open_session(record)
    if not interrupted:
        raise NothingToTrain(End(Ending.MOVED_ON, "another process has trained it meanwhile"))
    process = interrupted.process
    why = f"process {process.pid} on {process.host} was killed, or cut off"
    raise NothingToTrain(End(Ending.DIED, why))


def _sessions(record: Record) -> list[dict[str, Any]]:
    return [session.as_content() for session in record.sessions]


def bring_back(job: Job, link: Link) -> Start:
    """Bring the folder back to its newest backup, or warn that the training begins again."""
    experience = job.experience
    has_been_trained = (
        job.record.sessions
        or plain_files.is_file(experience.log)
        or best_model.versions_in(experience.path)
    )
    start = _newest_readable(job, link)
    event_files.cut_back(experience, start.backup.position if start.backup else None)
    if has_been_trained and not start.backup:
        aside = f"; what there was of it is in {start.moved_to}" if start.moved_to else ""
        link.tell(Warned(f"begins again from the beginning: {start.why_anew}{aside}"))
    return start


def _newest_readable(job: Job, link: Link) -> Start:
    """Bring the folder back to its newest backup whose weights may be read."""
    while True:
        start = make_ready(job.experience)
        why_not = hdf5.why_not_read(start.backup.weights) if start.backup else None
        if not start.backup or not why_not:
            return start
        weights, root = start.backup.weights, job.experience.path.parent
        aside = move_to_quarantine(weights, root)
        move_to_quarantine(start.backup.metadata, root)
        link.tell(Warned(f"{weights} {why_not}, so it is not read, and is now {aside}"))
