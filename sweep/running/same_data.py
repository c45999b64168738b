"""All trainings of a sweep have the same data, if ``load_data`` reads the same parameters."""

from typing import Any

from sweep.errors import SweepError
from sweep.experience.known_data import DataIdentity, KnownData
from sweep.experience.record import Record
from sweep.running.context import SweepContext


class SameData:
    """The data that each training must have. Its methods may be called from any thread.

    Args:
        context: of the sweep; where its settings accept changes, each training may have any data.
        known: what the data were so far.
    """

    def __init__(self, context: SweepContext, known: KnownData) -> None:
        self._context, self._known = context, known

    def expected(self, parameters: dict[str, Any]) -> DataIdentity | None:
        """Return what the data of a training must be; None where they may be any."""
        if self._context.settings.accept_change:
            return None
        return self._known.expected(parameters)

    def compare(self, record: Record) -> None:
        """Let the data of the first training be those of all; others may have begun beside it.

        Raises:
            SweepError: this training had other data.
        """
        if not self._context.settings.accept_change and self._known.differ_from(record):
            raise SweepError(
                f"{self._context.space.source.path}: load_data gives each training of "
                f"{self._context.root} other data: give what it draws at random a seed, "
                "as numpy.random.default_rng(0), sort what comes out of a set, "
                "and take another --root."
            )
        self._known.note(record.data_identity)
