"""What the folders know of each trial: enough to make the study again."""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweep.experience import backup_files
from sweep.experience.entries import TrialEntry
from sweep.experience.folder import Experience, RecordWrong
from sweep.experience.log_csv import read_curve
from sweep.experience.record import Outcome, Record, State
from sweep.space.objectives import Objective

Folders = Iterable[tuple[Experience, Record]]
MOST_GAPS = 1000


@dataclass(frozen=True)
class TrialRecord:
    """One trial as its folder knows it. ``entry`` is the one of ``Record.trials``.

    A trial that is repeated has led to further experiences, with other seeds: ``others`` has them, in their order.
    """

    experience: Experience
    record: Record
    entry: TrialEntry
    others: tuple["TrialRecord", ...] = ()

    @property
    def number(self) -> int:
        return self.entry.number

    @property
    def repeat_count(self) -> int:
        """How many experiences the trial leads to."""
        return self.entry.repeats or 1

    @property
    def repeats(self) -> tuple["TrialRecord", ...]:
        """The experiences of the trial that are there, each as if it were alone."""
        return (self, *self.others)

    @property
    def outcome(self) -> Outcome | None:
        """How the trial ended; None where it is still to be brought to its end, or told."""
        outcomes = [one.record.outcome if one.entry.ended else None for one in self.repeats]
        there = [outcome for outcome in outcomes if outcome]
        if len(there) < len(outcomes) or not (len(there) >= self.repeat_count or ends_early(there)):
            return None
        return combined_outcome(there, self.record.objectives)

    def curve(self) -> list[float]:
        """Return what is monitored of each epoch that will not be trained again; of a repeated trial, of its first.

        Raises:
            LogUnreadable: ``log.csv`` is foreign.
        """
        if self.record.outcome:
            return read_curve(self.experience.log, self.record.objective.name)
        position = backup_files.newest_position(self.experience.sauvegarde)
        return position.curve() if position else []


def ends_early(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether a trial ends before all its repeats are trained: the pruner has ended the first."""
    return outcomes[0].state is State.PRUNED


def combined_outcome(outcomes: Sequence[Outcome], objectives: Sequence[Objective]) -> Outcome:
    """Return how a trial ended whose experiences ended so.

    Of several, it is the median of each objective and of each constraint. One that failed counts as worse than any; where that is
    the median, the trial has failed. The epoch is that of the best of them.
    """
    if len(outcomes) == 1 or ends_early(outcomes):
        return outcomes[0]
    ranks = {objective: [_rank(one, objective) for one in outcomes] for objective in objectives}
    values = {
        objective.name: objective.rank(statistics.median(of_objective))
        for objective, of_objective in ranks.items()
    }
    if not all(map(math.isfinite, values.values())):
        return next(one for one in outcomes if one.state is not State.FINISHED)
    best = outcomes[min(range(len(outcomes)), key=ranks[objectives[0]].__getitem__)]
    constraints = [one.constraints for one in outcomes if one.constraints is not None]
    return replace(
        best,
        ended=max(one.ended for one in outcomes),
        values=values,
        constraints=[statistics.median(of_one) for of_one in zip(*constraints, strict=False)]
        if constraints
        else None,
    )


def _rank(outcome: Outcome, objective: Objective) -> float:
    return objective.rank_in(outcome.values if outcome.state is State.FINISHED else {})


def trials_by_number(folders: Folders) -> dict[int, TrialRecord]:
    """Return the trials that the folders know, by number. Where two claim one number, the one that began first has it."""
    return {known.number: known for known in sorted(all_trials(folders), key=_begun, reverse=True)}


def check_numbers(known: Mapping[int, TrialRecord]) -> None:
    """Refuse a trial whose number is far beyond that of the others: a study must have all trials up to it.

    Raises:
        RecordWrong: there is one.
    """
    last = max(known, default=-1)
    if last > MOST_GAPS + 10 * len(known):
        record = known[last].experience.record
        raise RecordWrong(
            f"{record} has trial {last}, where there are {len(known)}: move its folder away."
        )


def renumber_duplicates(folders: Folders, say: Callable[[str], None]) -> None:
    """Give new numbers to trials whose number an earlier one has: their folders were copied here by hand."""
    folders = list(folders)
    known = trials_by_number(folders)
    following = max(known, default=-1) + 1
    for trial in all_trials(folders):
        number = trial.number
        if known[number].entry is trial.entry:
            continue
        for one in trial.repeats:
            one.entry.number = following
            say(
                f"trial {number} of {one.experience.id} is now trial {following}: {number} was given twice"
            )
            one.experience.write(one.record)
        following += 1


def all_trials(folders: Folders) -> Iterator[TrialRecord]:
    """Yield each trial with all its experiences: the entries of one that is repeated have its number and its beginning."""
    trials: dict[tuple[Any, ...], list[TrialRecord]] = {}
    for experience, record in folders:
        for entry in record.trials:
            one = TrialRecord(experience, record, entry)
            alone = experience.id if one.repeat_count == 1 else ""
            trials.setdefault((one.number, str(entry.begun), alone), []).append(one)
    for parts in trials.values():
        first, *others = (
            sorted(parts, key=lambda one: one.entry.repeat or 0) if len(parts) > 1 else parts
        )
        yield replace(first, others=tuple(others)) if others else first


def _begun(known: TrialRecord) -> tuple[str, str]:
    return str(known.entry.begun), known.experience.id
