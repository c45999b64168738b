"""What a sweep has decided to train, in the order in which it did."""

import itertools

from sweep.experience.folder import experiences_in


def decisions(root):
    """Return by time which trial was trained, and before which epoch it was to be paused.

    A cut is no decision: what was resumed after it counts once.
    """
    sessions = sorted(
        (session.begun, min(entry.number for entry in record.trials), session.until)
        for record in (one.read() for one in experiences_in(root))
        for session in record.sessions
    )
    return [decision for decision, _ in itertools.groupby(session[1:] for session in sessions)]
