"""An assertion for your own tests of a search space."""

import os
from pathlib import Path

from rich.console import Console

from sweep.console.progress import Progress
from sweep.running.trial_check import describe_exactness, measure_proposals
from sweep.space.project import close_all


def assert_resumes_exactly(search_space: str | Path, epochs: int | None = None) -> None:
    """Assert that trainings of a search space resume exactly, to the last bit.

    For the first proposal of each architecture, as ``sweep check`` does, it trains some batches,
    saves twice, and resumes from both saves in fresh processes. It takes some seconds, and leaves
    no files.

    Args:
        search_space: name or path.
        epochs: of a training; None takes those of FIXED.

    Raises:
        AssertionError: a resume is not exact; the message names the first difference, or the reason
            for which one was to be expected.
        SweepError: the search space cannot be trained.
    """
    with Path(os.devnull).open("w") as nowhere:
        try:
            proposals = measure_proposals(
                str(search_space), epochs, Progress(Console(file=nowhere))
            )
        finally:
            close_all()  # the modules of the tests are theirs again
    for proposal in proposals:
        if any(resume.differs or resume.named for resume in proposal.exactness):
            raise AssertionError(
                f"{search_space}, with {proposal.parameters}: "
                f"a resume is {describe_exactness(proposal.exactness)}."
            )
