"""The sentences that the live view, a log and a notebook share: the progress, and a trial's end."""

from dataclasses import dataclass

from sweep.experience.record import Outcome, State
from sweep.experience.snapshot import Snapshot
from sweep.wording import as_words, duration


@dataclass(frozen=True)
class Headline:
    """The progress of a sweep: how many trials have ended, of how many, and a sentence."""

    ended: int
    total: int
    text: str


def headline_of(snapshot: Snapshot) -> Headline:
    """Return the progress of a sweep, with the time that is left if it can be estimated."""
    counts, rest_s = snapshot.counts(), snapshot.rest_s()
    ended = counts[State.FINISHED] + counts[State.PRUNED] + counts[State.FAILED]
    total = ended + counts[State.RUNNING] + counts[State.CUT_OFF] + snapshot.to_do()
    parts = [
        f"{ended}/{total} trials",
        f"{counts[State.RUNNING]} running",
        f"{snapshot.to_do()} to do",
    ]
    others = {State.CUT_OFF: "interrupted", State.FAILED: "failed", State.PRUNED: "pruned"}
    parts += [f"{counts[state]} {word}" for state, word in others.items() if counts[state]]
    if rest_s and snapshot.holder:  # without one, nobody trains
        parts.append(f"about {duration(rest_s)} left")
    return Headline(ended, total, ", ".join(parts))


def end_line(trial: int, id_experience: str, outcome: Outcome, known: bool = False) -> str:
    """Return the line for the end of a trial.

    Args:
        trial: its number.
        id_experience: of its experience.
        outcome: how it ended.
        known: the experience had ended already.
    """
    already = "known already, " if known else ""
    value = f", {as_words(outcome.values)} (epoch {outcome.epoch})" if outcome.values else ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"trial {trial} {id_experience}: {already}{outcome.state}{value}{reason}"
