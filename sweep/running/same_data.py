"""All trainings of a sweep have the same data."""

from typing import Any

from sweep.errors import SweepError
from sweep.experience.record import Record
from sweep.running.context import SweepContext


class SameData:
    """The data that each training must have. Its methods may be called from any thread.

    Args:
        context: of the sweep; where its settings accept changes, each training may have any data.
        data_before: what the data were so far, as a record has it; None where there are none yet.
    """

    def __init__(self, context: SweepContext, data_before: dict[str, Any] | None) -> None:
        self._context, self._data_before = context, data_before

    def expected(self) -> dict[str, Any] | None:
        """Return what the data of the next training must be; None where they may be any."""
        return None if self._context.settings.accept_change else self._data_before

    def compare(self, record: Record) -> None:
        """Let the data of the first training be those of all; others may have begun beside it.

        Raises:
            SweepError: this training had other data.
        """
        data = record.data_identity
        if not self._data_before or self._context.settings.accept_change:
            self._data_before = data
        elif data and data["digest"] != self._data_before["digest"]:
            raise SweepError(
                f"{self._context.space.source.path}: load_data gives each training of "
                f"{self._context.root} other data: give what it draws at random a seed, "
                "as numpy.random.default_rng(0), sort what comes out of a set, "
                "and take another --root."
            )
