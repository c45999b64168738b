"""What can go wrong, said in one sentence: where, what, what to do."""

from sweep.wording import printable

STOPPED_BY_USER = 130  # the exit status
MISSING = (
    OSError,
    ImportError,
)  # what names a file, a server or a package that may be there again tomorrow


class SweepError(Exception):
    """One sentence for the user, and the exit status of the command.

    Its only argument is that sentence, so that it comes back whole from another process.
    """

    exit_status = 1

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: a user's mistake needs no traceback."""
        return [f"sweep: {printable(str(self))}"]


class StoppedByUser(KeyboardInterrupt):
    """The user has stopped what ran, and all is saved. As for any interrupt, a notebook runs none of its other cells."""

    def __init__(
        self, sentence: str = "stopped, and all is saved: run the same command to go on"
    ) -> None:
        super().__init__(sentence)

    def _render_traceback_(self) -> list[str]:
        return [f"sweep: {self}"]


class StoppedWaiting(SweepError):
    """The user has stopped the sweep while it waited for something."""

    exit_status = STOPPED_BY_USER


class Misuse(SweepError):
    """The command was called in a way that it does not take."""

    exit_status = 2
