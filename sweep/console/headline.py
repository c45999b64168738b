"""The sentences that the live view, a log and a notebook share: the progress, and a trial's end."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweep.experience.log_csv import BestEpoch
from sweep.experience.record import Outcome, Record, State
from sweep.experience.snapshot import Snapshot
from sweep.wording import as_words, counted, duration


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
    open_states = (State.RUNNING, State.CUT_OFF, State.PAUSED)
    total = ended + sum(counts[state] for state in open_states) + snapshot.to_do()
    parts = [
        f"{ended}/{total} trials",
        f"{counts[State.RUNNING]} running",
        f"{snapshot.to_do()} to do",
    ]
    others = {
        State.PAUSED: "paused",
        State.CUT_OFF: "interrupted",
        State.FAILED: "failed",
        State.PRUNED: "pruned",
    }
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
    value = _value(outcome.values, outcome.epoch)
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"trial {trial} {id_experience}: {already}{outcome.state}{value}{reason}"


def pause_line(trial: int, record: Record, best: BestEpoch | None, known: bool = False) -> str:
    """Return the line for a trial that is paused.

    Args:
        trial: its number.
        record: of its experience.
        best: its best epoch so far.
        known: the experience was paused there already.
    """
    already, epochs = "known already, " if known else "", counted(record.paused_at(), "epoch")
    value = _value({record.objective.name: best.value}, best.epoch) if best else ""
    return f"trial {trial} {record.id_experience}: {already}paused after {epochs}{value}"


def _value(values: Mapping[str, float], epoch: int | None) -> str:
    return f", {as_words(values)} (epoch {epoch})" if values else ""
