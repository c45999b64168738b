"""The data that the experiences of a root were trained on, one identity for each set of values.

``load_data`` may read parameters: then only those experiences must have the same data for which it
has read equal values.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sweep.experience.record import Record
from sweep.space.noted_parameters import fits
from sweep.system.json_text import are_equal

# What data are, see ``sweep.experience.record.Record``.
DataIdentity = dict[str, Any]


class KnownData:
    """The latest identity of the data, by what ``load_data`` has read.

    Its methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._identities: dict[str, DataIdentity] = {}  # the one noted last is the last

    def note(self, identity: DataIdentity | None) -> None:
        """Let an identity be that of all data for which the same is read; None is unknown."""
        if identity:
            key = json.dumps(identity.get("read"), sort_keys=True)
            self._identities.pop(key, None)
            self._identities[key] = identity

    def expected(self, parameters: Mapping[str, Any]) -> DataIdentity | None:
        """Return what the data for these parameters must be, or None where that is not known."""
        noted = reversed([*self._identities.values()])
        return next((one for one in noted if fits(one.get("read"), parameters)), None)

    def differ_from(self, record: Record) -> bool:
        """Tell whether a training had other data than those known for its parameters."""
        expected, identity = self.expected(record.parameters), record.data_identity
        return expected is not None and identity is not None and are_other(expected, identity)


def known_data(records: Iterable[Record]) -> KnownData:
    """Return the data of these records; of equal parameters, those of the latest session count.

    Records that were merged from another root count only where there are no others.
    """
    trained = [record for record in records if record.sessions and record.data_identity]
    known = KnownData()
    for record in sorted(trained, key=_rank):
        known.note(record.data_identity)
    return known


def are_other(before: DataIdentity, now: DataIdentity) -> bool:
    """Tell whether data differ though ``load_data`` has read the same values of the parameters."""
    if before["digest"] == now["digest"]:
        return False
    return are_equal(before.get("read"), now.get("read"))


def _rank(record: Record) -> tuple[bool, str]:
    is_own = not any(trial.came_from for trial in record.trials)
    return is_own, record.sessions[-1].begun
