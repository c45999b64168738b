"""The trials that the folders hold: enough of each to rebuild the study."""

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
    """One trial as its folder holds it; ``entry`` is that of ``Record.trials``.

    A repeated trial has led to further experiences, with other seeds: ``others`` are those, in
    their order.
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
        """The number of experiences that the trial leads to."""
        return self.entry.repeats or 1

    @property
    def repeats(self) -> tuple["TrialRecord", ...]:
        """The existing experiences of the trial, each as if it were alone."""
        return (self, *self.others)

    @property
    def outcome(self) -> Outcome | None:
        """How the trial ended; None until it has ended and been told."""
        outcomes = [
            repeat.record.outcome
            for repeat in self.repeats
            if repeat.record.outcome and repeat.entry.ended
        ]
        if len(outcomes) < len(self.repeats):
            return None
        if len(outcomes) < self.repeat_count and not ends_early(outcomes):
            return None
        return combined_outcome(outcomes, self.record.objectives)

    def has_backup(self) -> bool:
        """Tell whether any of its experiences can be resumed from a backup."""
        sauvegardes = (repeat.experience.sauvegarde for repeat in self.repeats)
        return any(map(backup_files.newest_position, sauvegardes))

    def curve(self) -> list[float]:
        """Return the monitored value of each epoch that will not be trained again.

        Of a repeated trial, it is that of the first repeat.

        Raises:
            LogUnreadable: ``log.csv`` is foreign.
        """
        if self.record.outcome:
            return read_curve(self.experience.log, self.record.objective.name)
        position = backup_files.newest_position(self.experience.sauvegarde)
        return position.curve() if position else []


def ends_early(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether a trial ends before all repeats are trained: the first was pruned."""
    return outcomes[0].state is State.PRUNED


def combined_outcome(outcomes: Sequence[Outcome], objectives: Sequence[Objective]) -> Outcome:
    """Return the outcome of a trial, combined from those of its repeats.

    Each objective and each constraint is the median of the repeats. A failed repeat counts as worse
    than any; where it is the median, the trial has failed. The epoch is that of the best repeat.
    """
    if len(outcomes) == 1 or ends_early(outcomes):
        return outcomes[0]
    ranks = {
        objective: [_rank(outcome, objective) for outcome in outcomes] for objective in objectives
    }
    values = {
        objective.name: objective.rank(statistics.median(its_ranks))
        for objective, its_ranks in ranks.items()
    }
    if not all(map(math.isfinite, values.values())):
        return next(outcome for outcome in outcomes if outcome.state is not State.FINISHED)
    best = outcomes[min(range(len(outcomes)), key=ranks[objectives[0]].__getitem__)]
    ended = max(outcome.ended for outcome in outcomes)
    return replace(best, ended=ended, values=values, constraints=_median_constraints(outcomes))


def _median_constraints(outcomes: Sequence[Outcome]) -> list[float] | None:
    constraints = [outcome.constraints for outcome in outcomes if outcome.constraints is not None]
    if not constraints:
        return None
    return [statistics.median(values) for values in zip(*constraints, strict=False)]


def _rank(outcome: Outcome, objective: Objective) -> float:
    return objective.rank_in(outcome.values if outcome.state is State.FINISHED else {})


def trials_by_number(folders: Folders) -> dict[int, TrialRecord]:
    """Return the trials in the folders, by number.

    Where two have the same number, the one that began first counts.
    """
    last_first = sorted(all_trials(folders), key=_begun, reverse=True)
    return {trial.number: trial for trial in last_first}


def check_numbers(trials: Mapping[int, TrialRecord]) -> None:
    """Refuse a trial whose number is far beyond the others: a study needs all trials up to it.

    Raises:
        RecordWrong: there is one.
    """
    last = max(trials, default=-1)
    if last > MOST_GAPS + 100 * len(trials):  # ``suggest`` may prune most of its proposals
        record = trials[last].experience.record
        raise RecordWrong(
            f"{record} has trial {last}, where there are {len(trials)}: move its folder away."
        )


def renumber_duplicates(folders: Folders, say: Callable[[str], None]) -> None:
    """Give new numbers to trials whose number an earlier trial has.

    Somebody has copied their folders here by hand.
    """
    folders = list(folders)
    trials = trials_by_number(folders)
    new_number = max(trials, default=-1) + 1
    for trial in all_trials(folders):
        number = trial.number
        if trials[number].entry is trial.entry:
            continue
        for repeat in trial.repeats:
            repeat.entry.number = new_number
            say(
                f"trial {number} of {repeat.experience.id} is now trial {new_number}: "
                f"{number} was given twice"
            )
            repeat.experience.write(repeat.record)
        new_number += 1


def all_trials(folders: Folders) -> Iterator[TrialRecord]:
    """Yield each trial with all its experiences.

    The entries of a repeated trial have the same number, and begun at the same time.
    """
    trials: dict[tuple[Any, ...], list[TrialRecord]] = {}
    for experience, record in folders:
        for entry in record.trials:
            repeat = TrialRecord(experience, record, entry)
            only_here = experience.id if repeat.repeat_count == 1 else ""
            trial = (entry.number, str(entry.begun), only_here)
            trials.setdefault(trial, []).append(repeat)
    for repeats in trials.values():
        first, *others = sorted(repeats, key=lambda repeat: repeat.entry.repeat or 0)
        yield replace(first, others=tuple(others)) if others else first


def _begun(trial: TrialRecord) -> tuple[str, str]:
    return str(trial.entry.begun), trial.experience.id
