"""What the README shows is what is there."""

import re
from pathlib import Path

from sweep.cli import app

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_command_line_of_the_readme_is_the_one_there_is():
    (block,) = (text for text in blocks("text") if text.startswith("sweep run"))
    lines = re.split(r"^sweep ", block, flags=re.MULTILINE)[1:]
    shown = {line.split()[0]: set(re.findall(r"--[a-z-]+", line)) for line in lines}
    there = {
        name: {
            option
            for parameter in command.params
            for option in parameter.opts
            if option.startswith("--")
        }
        for name, command in app.commands.items()
    }
    assert shown == there
