"""Child processes that stand by: begun while another training runs, and given the next one.

To begin a process and TensorFlow's runtime takes a good part of a small training, and a core idles
meanwhile.
"""

import atexit
import contextlib
import re
import threading
from typing import Any

import psutil

from sweep.errors import SweepError
from sweep.running.child import Child
from sweep.running.child_process import Work
from sweep.space.source import SpaceSource
from sweep.system import gpu
from sweep.training.protocol import Job

NEEDED_BYTES = 10**9  # of memory that must be free for a spare
# What may set up TensorFlow, which is refused, or too late, once its runtime has begun; and what
# may fork a process, in which that runtime would not work.
SETS_UP = re.compile(
    r"\b(config|environ|putenv|concurrent|fork|forkserver|joblib|multiprocessing)\b"
)


class Spares:
    """At most one child that stands by for each worker.

    Args:
        context: the context of ``multiprocessing``, whose children are forked.
    """

    def __init__(self, context: Any) -> None:
        self._context, self._gpus = context, gpu.gpus()
        self._waiting: dict[int, Child] = {}
        self._may_begin_runtime = True
        self._lock = threading.RLock()  # a signal may let all end while it is held
        atexit.register(self.dismiss)  # before ``multiprocessing`` waits for all children

    def trainer_for(self, worker: int, work: Work, job: Job) -> Child:
        """Return a child that trains the job: the spare of this worker, or a new one."""
        with self._lock:
            spare = self._waiting.pop(worker, None)
        if spare and spare.threads in (None, self._threads(job)) and spare.give(work, job):
            return spare
        if spare:
            spare.dismiss()
        return self.child_for(worker, work, job)

    def child_for(self, worker: int, work: Work, job: Job) -> Child:
        """Return a new child that works on the job."""
        child = self._begin(worker)
        child.give(work, job)
        return child

    def prepare(self, worker: int, job: Job) -> None:
        """Begin a spare for the training that follows this one, where there is room for it."""
        is_forked = self._context.get_start_method() != "spawn"
        if not is_forked or psutil.virtual_memory().available < NEEDED_BYTES:
            return
        with contextlib.suppress(OSError, SweepError):  # the next training begins one, or says why
            spare = self._begin(worker, self._threads(job))
            with self._lock:
                self._waiting[worker] = spare

    def begin_no_runtime(self) -> None:
        """Let no spare begin TensorFlow's runtime from now on."""
        self._may_begin_runtime = False
        self.dismiss()

    def _threads(self, job: Job) -> int | None:
        """Return with how many threads a spare may begin the runtime, before any code of the user.

        What loads its data in the training may fork processes for that.
        """
        may = self._may_begin_runtime and job.run and not sets_up(job.source)
        return job.record.threads if may else None

    def dismiss(self) -> None:
        """Let all that stand by end."""
        with self._lock:
            spares, self._waiting = list(self._waiting.values()), {}
        for spare in spares:
            spare.dismiss()

    def _begin(self, worker: int, threads: int | None = None) -> Child:
        return Child(self._context, gpu.environment_of(worker, self._gpus), threads)


def sets_up(source: SpaceSource) -> bool:
    """Tell whether the code of a search space may do what needs a runtime that has not begun."""
    texts = [source.text, *(module.text for module in source.modules)]
    return any(SETS_UP.search(text) for text in texts)
