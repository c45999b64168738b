"""The rows of a sweep as a table for a reader, on stdout."""

from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from sweep.console.results import columns_of
from sweep.wording import number, printable

LONG_COLUMNS = {"came_from", "what"}  # their cells may be wrapped
LEFT_COLUMNS = {"id_experience", "state", *LONG_COLUMNS}
WIDE = 10_000  # a pipe has no width
GAP = 2  # beside a column

MISSING = "–"

Columns = dict[str, list[str]]


def print_table(rows: list[dict[str, Any]], title: str | None = None) -> None:
    """Print the rows, and below them the parameters that are equal in all rows.

    A terminal that is too narrow for one column per parameter gets one column for all of them.
    """
    console = _console()
    names = [name for name in columns_of(rows) if name != "parameters"]
    results = {name: [_result_cell(row[name]) for row in rows] for name in names}
    if any(row["came_from"] for row in rows):
        results["came_from"] = [_cell(row["came_from"]) for row in rows]
    parameters = [{name: _cell(value) for name, value in row["parameters"].items()} for row in rows]
    equal, varied = _equal_and_varied(parameters)
    widths = _widths({**results, **varied})
    if sum(widths) + GAP * (len(widths) + 1) <= console.width:
        table = _table(results, varied, widths=widths)
    else:
        texts = [
            _pairs({name: column[row] for name, column in varied.items()})
            for row in range(len(rows))
        ]
        table = _table(results, {"parameters": texts}, justify="left")
    table.title, table.title_justify = title, "left"
    if equal:
        table.caption, table.caption_justify = f"the same in these: {_pairs(equal)}", "left"
    console.print(table)


def print_columns(columns: Columns) -> None:
    """Print a table of columns by their names."""
    _console().print(_table(columns, {}))


def print_parameters(parameters: list[dict[str, Any]], columns: Columns) -> None:
    """Print the parameters of each row beside columns of numbers.

    Below the table are the parameters that are equal in all rows.
    """
    cells = [{name: _cell(value) for name, value in row.items()} for row in parameters]
    equal = {
        name: value
        for name, value in cells[0].items()
        if all(row.get(name) == value for row in cells)
    }
    texts = [
        _pairs({name: value for name, value in row.items() if name not in equal}) or MISSING
        for row in cells
    ]
    table = _table({"parameters": texts}, columns)
    table.caption, table.caption_justify = f"the same in these: {_pairs(equal)}", "left"
    _console().print(table)


def _equal_and_varied(rows: list[dict[str, str]]) -> tuple[dict[str, str], Columns]:
    """Return the cells that are equal in all of several rows, and the columns of the others."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name, MISSING) for row in rows] for name in names}
    equal = {
        name: column[0]
        for name, column in columns.items()
        if len(rows) > 1 and len(set(column)) == 1
    }
    return equal, {name: column for name, column in columns.items() if name not in equal}


def _widths(columns: Columns) -> list[int]:
    """Return the width of each column.

    rich prints ten thousand rows in half the time if it need not measure them.
    """
    return [max(map(cell_len, map(printable, [name, *cells]))) for name, cells in columns.items()]


def _console() -> Console:
    """Return a console that takes nothing in a cell for markup: cells hold the user's texts."""
    console = Console(markup=False)
    return console if console.is_terminal else Console(width=WIDE, markup=False)


def _table(
    results: Columns,
    parameters: Columns,
    justify: Any = "right",
    widths: list[int] | None = None,
) -> Table:
    """Return a table; ``justify`` is for the parameters, ``widths`` are for all columns."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    next_width = iter(widths or ())
    for name in results:
        side: Any = "left" if name in LEFT_COLUMNS else "right"
        is_whole = name not in LONG_COLUMNS
        table.add_column(name, justify=side, no_wrap=is_whole, width=next(next_width, None))
    for name in parameters:
        table.add_column(name, justify=justify, width=next(next_width, None))
    for cells in zip(*results.values(), *parameters.values(), strict=True):
        table.add_row(*map(printable, cells))
    return table


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _result_cell(value: Any) -> str:
    """Return the cell of a result; a list of repeats becomes the value of each of them."""
    if isinstance(value, list):
        return " ".join(_result_cell(_first_float(repeat)) for repeat in value)
    if isinstance(value, bool):
        return "yes" if value else MISSING
    return number(value) if isinstance(value, float) else _cell(value)


def _first_float(repeat: dict[str, Any]) -> float | None:
    return next((value for value in repeat.values() if isinstance(value, float)), None)


def _cell(value: object) -> str:
    if value is None:
        return MISSING
    return f"{value:.4g}" if isinstance(value, float) else str(value)
