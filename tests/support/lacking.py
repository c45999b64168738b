"""What a test does on a machine that lacks a program."""

import os

import pytest


def lacking(program, package):
    """Skip the test; in CI, which installs the program's Debian package, fail it."""
    text = f"{program} is missing: apt-get install {package}"
    if "CI" in os.environ:
        pytest.fail(text)
    pytest.skip(text)
