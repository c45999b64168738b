"""The enqueued proposals of a study, and which of them no trial has got yet."""

from collections.abc import Iterable
from typing import Any

from sweep.search.enqueued import Proposal, key_of


class ProposalQueue:
    """Enqueued proposals in their order, each once, and those of them that wait for a trial."""

    def __init__(self) -> None:
        self._enqueued: dict[str, Proposal] = {}
        self._waiting: dict[str, Proposal] = {}

    def fill(self, proposals: Iterable[Proposal]) -> None:
        """Replace all proposals; ``note_given`` must follow."""
        self._enqueued = {key_of(proposal): proposal for proposal in proposals}

    def note_given(self, given: Iterable[Any]) -> None:
        """Let those proposals wait that are not in ``given``, which may contain anything."""
        taken = {key_of(proposal) for proposal in given}
        self._waiting = {
            key: proposal for key, proposal in self._enqueued.items() if key not in taken
        }

    def first(self) -> Proposal | None:
        """Return the first proposal that waits, or None."""
        return next(iter(self._waiting.values()), None)

    def remove(self, proposal: Any) -> None:
        """Let a proposal wait no more, if it does."""
        self._waiting.pop(key_of(proposal), None)

    def waiting(self) -> list[Proposal]:
        """Return the proposals that wait for a trial."""
        return list(self._waiting.values())
