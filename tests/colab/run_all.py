"""What Colab does at "Run all": python run_all.py NOTEBOOK CHOICES EXECUTED.

CHOICES is Python code, in place of the cell that is tagged "parameters". EXECUTED is where the
notebook goes with its outputs.
"""

import sys

import nbformat
from nbclient import NotebookClient

CELL_S = 240


def main(path, choices, executed):
    notebook = nbformat.read(path, as_version=4)
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source = choices
    try:
        NotebookClient(notebook, timeout=CELL_S, kernel_name="python3").execute()
    finally:
        nbformat.write(notebook, executed)


if __name__ == "__main__":
    main(*sys.argv[1:])
