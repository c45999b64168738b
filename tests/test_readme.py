"""The README is short, and the page of the command line is the one that its help texts make."""

import re
from pathlib import Path

import pytest

from support import help_page
from sweep.cli import app

REPOSITORY = Path(__file__).parent.parent
READMES = [REPOSITORY / "README.md", REPOSITORY / "README.fr.md"]
MOST_LINES = 180


def test_the_page_of_the_command_line_is_made_of_the_help_texts():
    path = REPOSITORY / "docs" / "command-line.md"
    assert path.read_text() == help_page.page(), f"generate it anew: {help_page.COMMAND}"


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_a_readme_is_read_in_two_minutes(readme):
    assert len(readme.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_every_option_that_a_readme_names_is_there(readme):
    options = {
        option
        for command in app.commands.values()
        for parameter in command.params
        for option in parameter.opts
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", readme.read_text()))
    assert named - options == set()
