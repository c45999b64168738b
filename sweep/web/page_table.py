"""The table of the page: a row for each trial, and the columns that differ in them."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweep.web.texts import Texts
from sweep.wording import number

NOT_SHOWN = ("epochs_trained", "begun", "ended")  # these columns are in the CSV only
ALWAYS_SHOWN = ("trial", "id_experience", "state", "epoch")


@dataclass(frozen=True)
class PageTable:
    """The rows of the page, with what is shown of them.

    ``same`` has the texts that all rows share, by the titles of their columns, which ``columns``
    leaves out.
    """

    rows: list[dict[str, Any]]
    columns: list[str]
    same: dict[str, str]
    objectives: list[str]
    texts: Texts

    @classmethod
    def of(cls, trials: pd.DataFrame, objectives: list[str], texts: Texts) -> "PageTable":
        """Return the table of the trials; a column that is the same in all of them is folded."""
        shown = trials.drop(columns=list(NOT_SHOWN))
        first = ["trial", *objectives]  # on a phone, what is behind them is not seen
        shown = shown[[*first, *(name for name in shown.columns if name not in first)]]
        rows: Any = shown.astype(object).where(shown.notna(), None).to_dict("records")
        kept = {*ALWAYS_SHOWN, *objectives}
        values = {name: {str(row[name]) for row in rows} for name in shown.columns}
        columns = [
            name
            for name, different in values.items()
            if name in kept or (different != {"None"} and (len(different) > 1 or len(rows) == 1))
        ]
        same = {
            texts.columns.get(name, name): written(rows[0][name], texts)
            for name in shown.columns
            if name not in columns and rows[0][name] is not None
        }
        return cls(rows, columns, same, objectives, texts)

    def is_numeric(self, column: str) -> bool:
        """Tell whether all that a column holds are numbers."""
        values = [row[column] for row in self.rows if row[column] is not None]
        return all(isinstance(value, int | float) for value in values)

    def cell(self, column: str, value: float) -> str:
        """Return a number of a column as the table shows it."""
        if column in self.objectives:
            return self.texts.decimal(number(value))
        if column == "trained_s":
            return self.texts.decimal(f"{value:.1f}")
        return written(value, self.texts)


def written(value: object, texts: Texts) -> str:
    """Return a parameter as the page shows it."""
    return texts.decimal(f"{value:.4g}") if isinstance(value, float) else str(value)
