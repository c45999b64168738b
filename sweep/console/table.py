"""The rows of a sweep as a table that a person reads."""

from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from sweep.console.results import columns_of
from sweep.wording import number, printable

LONG = {"came_from", "what"}
WORDS = {"id_experience", "state", *LONG}
WIDE = 10_000
GAP = 2  # beside a column


def print_table(rows: list[dict[str, Any]], title: str | None = None) -> None:
    """Print the rows to stdout, and below them once the parameters that are the same in all of them.

    A terminal that is too narrow for a column a parameter gets one column for all of them. A pipe has no width.
    """
    console = _console()
    columns = [name for name in columns_of(rows) if name != "parameters"]
    known = {name: [_known_cell(row[name]) for row in rows] for name in columns}
    if any(row["came_from"] for row in rows):
        known["came_from"] = [_cell(row["came_from"]) for row in rows]
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    cells = {name: [_cell(row["parameters"].get(name)) for row in rows] for name in names}
    same = {
        name: column[0] for name, column in cells.items() if len(rows) > 1 and len(set(column)) == 1
    }
    varied = {name: column for name, column in cells.items() if name not in same}
    widths = _widths({**known, **varied})
    if sum(widths) + GAP * (len(widths) + 1) <= console.width:
        view = _view(known, varied, widths=widths)
    else:
        words = [
            _pairs({name: column[number] for name, column in varied.items()})
            for number in range(len(rows))
        ]
        view = _view(known, {"parameters": words}, justify="left")
    view.title, view.title_justify = title, "left"
    if same:
        view.caption, view.caption_justify = f"the same in these: {_pairs(same)}", "left"
    console.print(view)


def print_columns(columns: dict[str, list[str]]) -> None:
    """Print any table to stdout: its columns, by their names."""
    _console().print(_view(columns, {}))


def print_parameters(parameters: list[dict[str, Any]], columns: dict[str, list[str]]) -> None:
    """Print to stdout in short what each row tries, beside columns of numbers, and below once what is the same in all."""
    console = _console()
    cells = [{name: _cell(value) for name, value in one.items()} for one in parameters]
    same = {
        name: value
        for name, value in cells[0].items()
        if all(one.get(name) == value for one in cells)
    }
    words = [
        _pairs({name: value for name, value in one.items() if name not in same}) or "–"
        for one in cells
    ]
    view = _view({"parameters": words}, columns)
    view.caption, view.caption_justify = f"the same in these: {_pairs(same)}", "left"
    console.print(view)


def _widths(columns: dict[str, list[str]]) -> list[int]:
    """Return the width of each column. Where rich need not measure them, it prints ten thousand rows in half the time."""
    return [max(map(cell_len, map(printable, [name, *cells]))) for name, cells in columns.items()]


def _console() -> Console:
    """What stands in a cell is the user's, and no markup."""
    console = Console(markup=False)
    return console if console.is_terminal else Console(width=WIDE, markup=False)


def _view(
    known: dict[str, list[str]],
    columns: dict[str, list[str]],
    justify: Any = "right",
    widths: list[int] | None = None,
) -> Table:
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    of_column = iter(widths or ())
    for name in known:
        side: Any = "left" if name in WORDS else "right"
        view.add_column(name, justify=side, no_wrap=name not in LONG, width=next(of_column, None))
    for name in columns:
        view.add_column(name, justify=justify, width=next(of_column, None))
    for cells in zip(*known.values(), *columns.values(), strict=True):
        view.add_row(*map(printable, cells))
    return view


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _known_cell(value: Any) -> str:
    """Return a cell of what every trial has: of a trial that is repeated, its values stand in one."""
    if isinstance(value, list):
        return " ".join(
            _known_cell(next((one for one in part.values() if isinstance(one, float)), None))
            for part in value
        )
    if isinstance(value, bool):
        return "yes" if value else "–"
    return number(value) if isinstance(value, float) else _cell(value)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
