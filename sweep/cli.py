"""The command line: it calls a command, and turns an error into one sentence and an exit status."""

import contextlib
import gc
import os
import signal
import sys
from typing import Any

import click

from sweep import __version__
from sweep.cli_commands import COMMANDS
from sweep.errors import STOPPED_BY_USER, StoppedByUser, SweepError
from sweep.system.host import stop_signals
from sweep.system.output import calm, occupy_streams
from sweep.wording import printable


class App(click.Group):
    """The group of all commands, for which a reader that closes the pipe early is no failure.

    click, and rich, would call that one.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, SystemExit) as ended:
            if isinstance(ended, SystemExit) and not isinstance(ended.__context__, BrokenPipeError):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


OBJECTS_BETWEEN_COLLECTIONS = 50_000
HELP = {"max_content_width": 110, "show_default": True, "help_option_names": ["-h", "--help"]}


@click.group(cls=App, context_settings=HELP)
@click.version_option(__version__)
def app() -> None:
    """Hyperparameter sweeps for Keras that survive anything."""


for _command in COMMANDS:
    app.add_command(_command)


def run_command_line() -> int:
    """Run ``sys.argv`` and return the exit status; every error is one line on stderr."""
    # Ten thousand experiences are millions of objects that stay: to look through them for garbage
    # takes half of the time in which they are read.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    occupy_streams()
    with contextlib.redirect_stderr(calm(sys.stderr)):
        return _run_command_line()


def _run_command_line() -> int:
    for number in stop_signals():
        # A training saves before it stops, see ``sweep.running.signals``.
        signal.signal(number, signal.default_int_handler)
    try:
        app(prog_name="sweep", standalone_mode=False)
    except SweepError as error:
        return _say(printable(str(error)), error.exit_status)
    except click.exceptions.NoArgsIsHelpError as help_text:
        return _say(help_text.format_message(), 2, "")
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        called = context.command_path if context else "sweep"
        problem = error.format_message().rstrip(".")
        stop = "" if problem.endswith("?") else "."
        return _say(f"{problem}{stop} See {called} --help.", 2)
    except (KeyboardInterrupt, click.Abort) as stopped:  # click makes an Abort of any interrupt
        said = stopped.__cause__ if isinstance(stopped.__cause__, StoppedByUser) else None
        return _say(str(said or "stopped: run the same command to resume"), STOPPED_BY_USER)
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _say(f"{problem}; mend that and run the same command to resume.", 1)
    return 0


def _say(text: str, exit_status: int, prefix: str = "sweep: ") -> int:
    sys.stderr.write(f"{prefix}{text}\n")
    return exit_status
