"""Child processes that stand by: begun while another training runs, and given the next one.

To begin a process and TensorFlow's runtime takes a good part of a small training, and a core idles
meanwhile.
"""

import re
import threading
from typing import Any

import psutil

from sweep.running.child import Child
from sweep.running.child_process import Work
from sweep.space.source import SpaceSource
from sweep.system import gpu
from sweep.training.protocol import Job

NEEDED_BYTES = 10**9  # of memory that must be free for a spare
# What may set up TensorFlow, which is refused, or too late, once its runtime has begun.
SETS_UP = re.compile(r"\bconfig\b|\benviron\b|\bputenv\b")


class Spares:
    """At most one child that stands by for each worker.

    Args:
        context: the context of ``multiprocessing``, whose children are forked.
    """

    def __init__(self, context: Any) -> None:
        self._context, self._gpus = context, gpu.gpus()
        self._waiting: dict[int, Child] = {}
        self._lock = threading.Lock()

    def child_for(self, worker: int, work: Work, job: Job) -> Child:
        """Return a child that works on the job: the spare of this worker, or a new one."""
        with self._lock:
            spare = self._waiting.pop(worker, None)
        if spare and spare.threads in (None, job.record.threads) and spare.give(work, job):
            return spare
        if spare:
            spare.dismiss()
        child = self._begin(worker)
        child.give(work, job)
        return child

    def prepare(self, worker: int, job: Job) -> None:
        """Begin a spare for the training that follows this one, where there is room for it."""
        is_forked = self._context.get_start_method() != "spawn"
        if not is_forked or psutil.virtual_memory().available < NEEDED_BYTES:
            return
        spare = self._begin(worker, None if sets_up(job.source) else job.record.threads)
        with self._lock:
            self._waiting[worker] = spare

    def dismiss(self) -> None:
        """Let all that stand by end."""
        with self._lock:
            spares, self._waiting = list(self._waiting.values()), {}
        for spare in spares:
            spare.dismiss()

    def _begin(self, worker: int, threads: int | None = None) -> Child:
        return Child(self._context, gpu.environment_of(worker, self._gpus), threads)


def sets_up(source: SpaceSource) -> bool:
    """Tell whether the code of a search space may set up TensorFlow before its runtime begins."""
    texts = [source.text, *(module.text for module in source.modules)]
    return any(SETS_UP.search(text) for text in texts)
