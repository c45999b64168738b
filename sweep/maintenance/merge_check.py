"""Whether an experience of another root may come in: what others wrote is not to be trusted."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from optuna.trial import FrozenTrial

from sweep.errors import SweepError
from sweep.experience import resume_start
from sweep.experience.damage import find_damages
from sweep.experience.folder import Experience
from sweep.experience.known_data import KnownData
from sweep.experience.record import Record, State, state_of
from sweep.experience.trials import TrialRecord
from sweep.search.study_check import check_compatible
from sweep.search.trial_conversion import frozen_of
from sweep.space.objectives import Objective
from sweep.space.source import SpaceSource
from sweep.system import plain_files


@dataclass(frozen=True)
class MergeCheck:
    """What an experience must agree with to come in.

    Args:
        source: our search space.
        data: what our data are.
        sample: trials of ours that together have every parameter.
        objectives: of our experiences; None if there is none yet.
        accept_change: other code and other data are allowed.
    """

    source: SpaceSource
    data: KnownData
    sample: list[FrozenTrial]
    objectives: list[Objective] | None
    accept_change: bool

    def refusal(self, theirs: Experience, record: Record) -> str | None:
        """Return why an experience cannot come in, or None if it can."""
        special = _first_special(theirs.path)
        if special:
            return f"there is {special} in its folder"
        try:
            theirs.check(record, self.source.name)
            if not record.trials:
                return "it has no trial"
            if self.objectives and record.sessions and record.objectives != self.objectives:
                names = ", ".join(name for name, _ in record.objectives)
                return f"it was trained for {names}, and ours for another MONITOR"
            frozen = frozen_of(TrialRecord(theirs, record, record.trials[0]))
            for ours in self.sample:
                check_compatible(frozen, ours)
            damages = find_damages(theirs, record, thoroughly=True)
            resume_start.check_logs(theirs)
        except (SweepError, ValueError) as error:
            return str(error)
        if damages:
            return f"its {damages[0]}; mend that there, see sweep verify"
        change = None if self.accept_change else self._change(record)
        if change:
            return f"{change}; see --accept-change"
        return "it is being trained" if state_of(record) is State.RUNNING else None

    def after(self, record: Record) -> "MergeCheck":
        """Return the check for what comes in after a record: it must agree with that, too."""
        if not self.data.differ_from(record):
            self.data.note(record.data_identity)
        trained_for = record.objectives if record.sessions else None
        return replace(self, objectives=self.objectives or trained_for)

    def _change(self, record: Record) -> str | None:
        """Return which other code or other data an experience was trained with."""
        if not self.source.counts(record.search_space):
            changes = ", ".join(self.source.changes_since(record.search_space))
            return f"it was trained by another {changes}"
        if self.data.differ_from(record):
            return "load_data gave it other data than ours"
        return None


def sample_of(trial_records: Iterable[TrialRecord]) -> list[FrozenTrial]:
    """Return trials that together have every parameter; a damaged folder is left out."""
    by_parameter = {}
    for trial in trial_records:
        try:
            frozen = frozen_of(trial)
        except SweepError:
            continue
        by_parameter.update(dict.fromkeys(frozen.distributions, frozen))
    return list(by_parameter.values())


def _first_special(folder: Path) -> str | None:
    """Return the kind of the first thing in a folder that is neither a file nor a folder."""
    for path, kind in plain_files.contents(folder).items():
        if kind not in (plain_files.FILE, plain_files.FOLDER):
            return kind
        special = _first_special(path) if kind == plain_files.FOLDER else None
        if special:
            return special
    return None
