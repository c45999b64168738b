"""The rows of a sweep as a table for a reader, on stdout."""

import shutil
import sys
from typing import Any

import click

from sweep.console.results import APPROXIMATE, columns_of
from sweep.console.text_table import Column, text_table
from sweep.wording import number, printable

LONG_COLUMNS = {"came_from", "what"}  # their cells may be wrapped
LEFT_COLUMNS = {"id_experience", "state", *LONG_COLUMNS}
WIDE = 10_000  # a pipe has no width

MISSING = "–"

Columns = dict[str, list[str]]


def print_table(rows: list[dict[str, Any]], title: str | None = None) -> None:
    """Print the rows, and below them the parameters that are equal in all rows.

    A terminal that is too narrow for one column per parameter gets one column for all of them.
    """
    names = [name for name in columns_of(rows) if name != "parameters"]
    results = {name: [_result_cell(row[name]) for row in rows] for name in names}
    results["state"] = [
        f"{row['state']} {APPROXIMATE}" if row["approximate"] else row["state"] for row in rows
    ]
    if any(row["came_from"] for row in rows):
        results["came_from"] = [_cell(row["came_from"]) for row in rows]
    parameters = [{name: _cell(value) for name, value in row["parameters"].items()} for row in rows]
    equal, varied = _equal_and_varied(parameters)
    columns = [*_result_columns(results), *(Column(*column) for column in varied.items())]
    titles, lines = text_table(columns, WIDE)
    if len(lines[0]) > _width():
        texts = [
            _pairs({name: column[row] for name, column in varied.items()})
            for row in range(len(rows))
        ]
        columns = [*_result_columns(results), Column("parameters", texts, True, True)]
        titles, lines = text_table(columns, _width())
    _print(titles, lines, title, equal)


def print_columns(columns: Columns) -> None:
    """Print a table of columns by their names."""
    _print(*text_table(_result_columns(columns), _width()))


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
    first = Column("parameters", texts, is_left=True, may_wrap=True)
    titles, lines = text_table([first, *_result_columns(columns)], _width())
    _print(titles, lines, equal=equal)


def _print(
    titles: str, lines: list[str], title: str | None = None, equal: dict[str, str] | None = None
) -> None:
    """Print a table between blank lines; ``equal`` are the parameters that all rows share."""
    below = [printable(f"the same in these: {_pairs(equal)}")] if equal else []
    above = [title] if title else []
    click.echo("\n".join(["", *above, click.style(titles, bold=True), *lines, *below, ""]))


def _result_columns(columns: Columns) -> list[Column]:
    return [
        Column(name, cells, name in LEFT_COLUMNS, name in LONG_COLUMNS)
        for name, cells in columns.items()
    ]


def _width() -> int:
    has_width = sys.stdout and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if has_width else WIDE


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
