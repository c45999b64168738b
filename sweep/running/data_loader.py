"""What the process does that loads data of a run, before a training on this host needs them."""

import contextlib
import threading
from collections.abc import Iterator

from sweep.errors import SweepError
from sweep.space.noted_parameters import NotedParameters
from sweep.space.search_space import load
from sweep.system.files import is_gone_for_a_while
from sweep.training.data.as_array import DataWrong
from sweep.training.data.loading import keep_nothing, load_and_keep, wrong_for_these
from sweep.training.process_setup import begin_process
from sweep.training.protocol import End, Ending, Job, Link, Warned

SLOW_S = 2.0


def load_for_all(job: Job, link: Link) -> End:
    """Load data for the job's run, and keep them where they can be kept.

    Returns:
        How it ended: REFUSED, in one sentence, where the data cannot be trained on; GONE where a
        drive does not answer. Any other error of ``load_data`` is left to the training, which calls
        it again: it is the training's outcome.
    """
    parameters, run = NotedParameters(job.record.parameters), str(job.run)
    try:
        with _told_where_slow(link), wrong_for_these(parameters):
            begin_process(job.record)
            warning = load_and_keep(load(job.source), parameters, run)
    except DataWrong as error:
        return End(Ending.REFUSED, f"{job.source.path}: {error}.")
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    # The search space is the user's, and may raise anything; or the disk is full.
    except Exception as error:  # noqa: BLE001
        if isinstance(error, OSError) and is_gone_for_a_while(error):
            return End(Ending.GONE, f"what load_data reads does not answer ({error})")
        keep_nothing(parameters, run)
        return End(Ending.OUTCOME)
    if warning:
        link.tell(Warned(warning))
    return End(Ending.OUTCOME)


@contextlib.contextmanager
def _told_where_slow(link: Link) -> Iterator[None]:
    """Tell the user what there is to wait for, where it takes a while."""
    warning = Warned("its data are being loaded, once for all trainings of this run that use them")
    timer = threading.Timer(SLOW_S, lambda: link.tell(warning))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
