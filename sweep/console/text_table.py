"""A table as lines of text; rich takes half a minute for the rows of ten thousand trials."""

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from sweep.wording import printable

GAP = "  "
LEAST_WIDTH = 20  # of a column whose cells are wrapped


@dataclass
class Column:
    """A column. Its cells are one line each, unless they may be wrapped where there is no room."""

    title: str
    cells: Sequence[str]
    is_left: bool = False
    may_wrap: bool = False
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.title, self.cells = printable(self.title), [*map(printable, self.cells)]
        self.width = max(map(cell_len, [self.title, *self.cells]))

    def aligned(self, text: str) -> str:
        """Return a text with spaces up to the width of the column."""
        spaces = " " * (self.width - cell_len(text))
        return text + spaces if self.is_left else spaces + text

    def wrapped(self, cell: str) -> list[str]:
        """Return the lines of a cell."""
        if cell_len(cell) <= self.width:
            return [cell]
        # A letter may take two columns.
        return textwrap.wrap(cell, max(1, self.width * len(cell) // cell_len(cell)))


def text_table(columns: Sequence[Column], width: int) -> tuple[str, list[str]]:
    """Return the line of the titles, and the lines below it.

    Args:
        columns: with as many cells each.
        width: of the terminal; columns that may be wrapped become narrower to keep within.
    """
    _fit(columns, width)
    titles = _line(columns, [column.title for column in columns])
    rule = "─" * sum([column.width for column in columns], len(GAP) * (len(columns) - 1))
    rows = zip(*(column.cells for column in columns), strict=True)
    return titles, [rule, *(line for row in rows for line in _lines(columns, row))]


def _fit(columns: Sequence[Column], width: int) -> None:
    """Make the widest of the columns that may be wrapped narrower, until all have room."""
    excess = sum(column.width + len(GAP) for column in columns) - len(GAP) - width
    wrapping = [column for column in columns if column.may_wrap]
    for _ in range(excess):
        widest = max(wrapping, key=lambda column: column.width, default=None)
        if not widest or widest.width <= LEAST_WIDTH:
            return
        widest.width -= 1


def _lines(columns: Sequence[Column], row: Sequence[str]) -> Iterator[str]:
    lines = [
        column.wrapped(cell) if column.may_wrap else [cell]
        for column, cell in zip(columns, row, strict=True)
    ]
    for cells in itertools.zip_longest(*lines, fillvalue=""):
        yield _line(columns, cells)


def _line(columns: Sequence[Column], cells: Sequence[str]) -> str:
    aligned = (column.aligned(cell) for column, cell in zip(columns, cells, strict=True))
    return GAP.join(aligned).rstrip()
