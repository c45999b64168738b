"""The process that loads the data of a run, before the first of its trainings on a host."""

from sweep.data import DataWrong
from sweep.errors import SweepError
from sweep.job import End, Ending, Job, Link, Warned
from sweep.loading import load_and_keep
from sweep.search_space import load
from sweep.training import begin_process


def load_for_all(job: Job, link: Link) -> End:
    """Load the data of the job's run, and keep them where they can be kept.

    Returns:
        How it ended: REFUSED, in one sentence, where the data cannot be trained on. What ``load_data`` raises is left to the
        training, which calls it again, and whose outcome it is.
    """
    try:
        begin_process(job.record)
        said = load_and_keep(load(job.source), job.run or "")
    except DataWrong as error:
        return End(Ending.REFUSED, f"{job.source.path}: {error}.")
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except Exception:  # noqa: BLE001 # the search space is the user's, and may raise anything; or the disk is full
        return End(Ending.OUTCOME)
    if said:
        link.tell(Warned(said))
    return End(Ending.OUTCOME)
