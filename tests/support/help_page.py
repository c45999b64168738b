"""Print ``docs/command-line.md``, which is made from the help texts of the command line.

Usage: see ``COMMAND``.
"""

import textwrap

import click

from sweep.cli import app
from sweep.cli_options import GROUPS, group_of

COMMAND = "cd tests; python -m support.help_page > ../docs/command-line.md"
WIDTH = 100
BEGINNING = f"""\
# The command line

This page is generated from the help texts, by

```text
{COMMAND}
```

`make` installs the command as `.venv/bin/sweep`, and has shortcuts: `make sweep`, `make results`,
`make report` and `make dashboard`, with the variables `SPACE`, `TRIALS`, `WORKERS`, `ROOT`, and
`OPTIONS` for all other options. `make sweep` asks for 12 trials of `digits_mlp`.

Messages go to stderr and results to stdout. Times are seconds, or such as `90s`, `45m`, `11h30m`.

| exit status | means |
|---|---|
| 0 | all is done, or the time given by `--timeout` or `--deadline` is over |
| 1 | failed; one sentence says what to do |
| 2 | misuse of the command line |
| 130 | stopped by you: Ctrl-C, SIGTERM, or a closed terminal |

The first Ctrl-C saves at the next batch and stops. A second one ends at once, and loses what was
trained after the last backup.

A shell completes commands, options, search spaces, samplers and pruners, once it is told to:

```text
eval "$(_SWEEP_COMPLETE=bash_source sweep)"    in ~/.bashrc; zsh_source in ~/.zshrc
_SWEEP_COMPLETE=fish_source sweep | source     in ~/.config/fish/config.fish
```
"""


def page() -> str:
    """Return the text of the page, with a section for each command, in the order of ``--help``."""
    sections = [section(name, command) for name, command in app.commands.items()]
    return "\n".join([BEGINNING, *sections])


def section(name: str, command: click.Command) -> str:
    """Return the section of one command: its synopsis, what it does, and its options."""
    paragraphs = [fill(" ".join(text.split())) for text in (command.help or "").split("\n\n")]
    parts = [f"## sweep {name}", f"```text\n{synopsis(name, command)}\n```", *paragraphs]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    groups = [group for group in GROUPS if any(group_of(option) == group for option in options)]
    for group in groups:
        if len(groups) > 1:
            parts.append(f"{group}:")
        parts.append("\n".join(entry(option) for option in options if group_of(option) == group))
    return "\n\n".join(parts) + "\n"


def synopsis(name: str, command: click.Command) -> str:
    """Return the command with all its parameters, in lines of the page's width."""
    lines = [f"sweep {name}"]
    indent = " " * len(lines[0])
    for word in map(in_synopsis, command.params):
        if len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(indent)
        lines[-1] += f" {word}"
    return "\n".join(lines)


def in_synopsis(parameter: click.Parameter) -> str:
    """Return a parameter as the synopsis shows it: in brackets, where it may be left out."""
    if not isinstance(parameter, click.Option):
        return parameter.metavar or parameter.name.upper()
    text = with_value(parameter)
    return text if parameter.required else f"[{text}]"


def with_value(option: click.Option) -> str:
    """Return the name of an option, and what stands for its value."""
    if option.is_flag:
        return option.opts[0]
    names = option.type.choices if isinstance(option.type, click.Choice) else ()
    return f"{option.opts[0]} {option.metavar or '|'.join(names) or option.type.name.upper()}"


def entry(option: click.Option) -> str:
    """Return the line of a list that says what an option is for, and its default."""
    is_shown = isinstance(option.default, str | int | float) and not option.is_flag
    default = f" [default: {option.default}]" if is_shown else ""
    text = " ".join((option.help or "").split())
    return fill(f"- `{with_value(option)}`: {text}{default}", "  ")


def fill(text: str, indent: str = "") -> str:
    """Return the text in lines of the page's width; what is below the first is indented."""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


if __name__ == "__main__":
    print(page(), end="")
