"""The entry point. It stays light, because every training process runs this file again."""

import sys


def main() -> None:
    """Run the command line on ``sys.argv``, and exit with its status."""
    try:
        from sweep.cli import run_command_line

        sys.exit(run_command_line())
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)


if __name__ == "__main__":
    main()
