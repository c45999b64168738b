"""The entry point, kept light: every training process runs this file once more when it starts."""

import sys


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its status."""
    from sweep.cli import run_command_line

    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
