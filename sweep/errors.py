"""The errors of sweep: each is one sentence that says where, what, and what to do."""

from sweep.wording import printable

STOPPED_BY_USER = 130  # the exit status
# Errors about a file, a server or a package that is missing: it may be there again tomorrow.
MISSING = (OSError, ImportError)


class SweepError(Exception):
    """One sentence for the user, with the exit status of the command.

    Its only argument is that sentence, so that it comes back whole from another process.
    """

    exit_status = 1

    def _render_traceback_(self) -> list[str]:
        """Return the lines that a notebook shows: a user's mistake needs no traceback."""
        return [f"sweep: {printable(str(self))}"]


class StoppedByUser(KeyboardInterrupt):
    """The user has stopped a sweep, and all is saved.

    It is a KeyboardInterrupt so that a notebook runs none of the cells that follow.
    """

    def __init__(
        self, sentence: str = "stopped, and all is saved: run the same command to resume"
    ) -> None:
        super().__init__(sentence)

    def _render_traceback_(self) -> list[str]:
        return [f"sweep: {self}"]


class StoppedWaiting(SweepError):
    """The user has stopped the sweep while it waited for something."""

    exit_status = STOPPED_BY_USER


class Misuse(SweepError):
    """A command or an option was given in a way that it does not take."""

    exit_status = 2
