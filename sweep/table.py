"""The rows of a sweep as a table that a person reads."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

KNOWN = ("trial", "id_experience", "state", "val_acc", "epoch")


def print_table(rows: list[dict[str, Any]], title: str | None = None) -> None:
    """Print the rows to stdout, and below them once the parameters that are the same in all of them.

    A terminal that is too narrow for a column a parameter gets one column for all of them. A pipe has no width.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    cells = {name: [_cell(row["parameters"].get(name)) for row in rows] for name in names}
    same = {name: column[0] for name, column in cells.items() if len(rows) > 1 and len(set(column)) == 1}
    varied = {name: column for name, column in cells.items() if name not in same}
    view = _view(rows, varied)
    if console.measure(view, options=console.options.update(width=10_000)).maximum > console.width:
        words = [_pairs({name: column[number] for name, column in varied.items()}) for number in range(len(rows))]
        view = _view(rows, {"parameters": words}, justify="left")
    view.title, view.title_justify = title, "left"
    if same:
        view.caption, view.caption_justify = f"the same in these: {_pairs(same)}", "left"
    console.print(view)


def _view(rows: list[dict[str, Any]], columns: dict[str, list[str]], justify: Any = "right") -> Table:
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    for name in KNOWN:
        view.add_column(name, justify="left" if name in ("id_experience", "state") else "right", no_wrap=True)
    for name in columns:
        view.add_column(name, justify=justify)
    for number, row in enumerate(rows):
        val_acc = None if row["val_acc"] is None else f"{row['val_acc']:.4f}"
        known = (row["trial"], row["id_experience"], row["state"], val_acc, row["epoch"])
        view.add_row(*map(_cell, known), *(column[number] for column in columns.values()))
    return view


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
