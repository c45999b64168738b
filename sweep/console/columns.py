"""Rows of a terminal that are never wrapped: what has no room goes, the least important first."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table

GAP = 2
BAR_WIDTH, SHORTEST_BAR = 24, 8

Cell = str | ProgressBar


@dataclass(frozen=True)
class Columns:
    """Rows whose columns are left out where the terminal is too narrow for all of them.

    Each row has a cell for each of the ``names``. Of these, ``first_to_go`` lists those that may be
    left out, in that order. A bar becomes shorter before any column goes.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    first_to_go: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._fitted(options.max_width)
        grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        for width in widths.values():
            grid.add_column(no_wrap=True, overflow="ellipsis", width=width)
        for row in self.rows:
            cells = dict(zip(self.names, row, strict=True))
            grid.add_row(*(_drawn(cells[name], width) for name, width in widths.items()))
        yield grid

    def _fitted(self, room: int) -> dict[str, int]:
        """Return the widths of the columns that have room."""
        widths = {
            name: max(map(_width, column))
            for name, column in zip(self.names, zip(*self.rows, strict=True), strict=True)
        }
        widths = {name: width for name, width in widths.items() if width}
        for name in ("", *self.first_to_go):
            widths.pop(name, None)
            spare = room - sum(widths.values()) - GAP * (len(widths) - 1)
            if "bar" in widths and spare >= SHORTEST_BAR - BAR_WIDTH:
                widths["bar"] += min(0, spare)
                return widths
            if spare >= 0:
                return widths
        return widths


def _width(cell: Cell) -> int:
    return cell_len(cell) if isinstance(cell, str) else BAR_WIDTH


def _drawn(cell: Cell, width: int) -> Cell:
    if isinstance(cell, ProgressBar):
        cell.width = width
    return cell
