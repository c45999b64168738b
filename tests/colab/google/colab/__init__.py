"""A stand-in for what Colab has.

It notes what a notebook asks of it, a line each, in the file that COLAB_ASKED names.
"""

import os
from pathlib import Path


def note(text):
    with Path(os.environ["COLAB_ASKED"]).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
