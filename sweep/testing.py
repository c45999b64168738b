"""For your own tests of a search space."""

import os
from pathlib import Path

from rich.console import Console

from sweep.console.progress import Progress
from sweep.running.trial_check import check, in_words
from sweep.space.project import close_all


def assert_resumes_exactly(search_space: str | Path, epochs: int | None = None) -> None:
    """Assert that trainings of a search space are resumed to the last bit.

    For the first proposal of each architecture, some batches are trained, saved twice, and resumed from both saves in fresh
    processes, as ``sweep check`` does. It takes some seconds, and writes nothing that stays.

    Args:
        search_space: name or path.
        epochs: of a training; None is FIXED's.

    Raises:
        AssertionError: a resume is not exact; the message says what differs first, or why that was to be expected.
        SweepError: the search space cannot be trained.
    """
    with Path(os.devnull).open("w") as nowhere:
        try:
            all_checked = check(str(search_space), epochs, Progress(Console(file=nowhere)))
        finally:
            close_all()  # the modules of the tests are theirs again
    for checked in all_checked:
        if any(one.differs or one.named for one in checked.exactness):
            raise AssertionError(
                f"{search_space}, with {checked.parameters}: a resume is {in_words(checked.exactness)}."
            )
