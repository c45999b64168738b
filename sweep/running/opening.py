"""A sweep, opened: its folders settled, and a study that agrees with them."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import optuna

from sweep.experience import backup_files
from sweep.experience.ended_list import EndedList
from sweep.experience.inventory import Inventory
from sweep.experience.known_data import KnownData
from sweep.experience.trials import TrialRecord
from sweep.running import revival
from sweep.running.context import SweepContext
from sweep.running.disk_budget import DiskBudget
from sweep.running.limits import Limits
from sweep.running.promotions import Promotions
from sweep.running.rehearsal import Rehearsal
from sweep.running.standings import Standings
from sweep.running.study_setup import check_to_come, open_or_rebuild
from sweep.search.scheduler import scheduler_of
from sweep.search.study import Study
from sweep.search.study_check import check_distributions
from sweep.training.protocol import Place


@dataclass(frozen=True)
class OpenSweep:
    """A sweep whose root is held, whose folders are settled, and whose study agrees with them.

    Args:
        context: what its parts share. The source in it counts the code that was accepted.
        place: where trainings run.
        fence: raises where another sweep has taken the root over.
        run: the name of this run, whose trainings share their data.
        study: proposes, and is told of each end.
        trial_records: the trials that have a folder, by number. Such a trial is resumed there,
            whatever it would be proposed today.
        interrupted: the trials that have begun and not ended, but for the paused ones.
        paused: those whose experience waits to be taken further.
        to_come: how many proposals are enqueued and still to be tried.
        to_do: how many trials are still to be proposed.
        limits: say whether a trial or a training may begin.
        standings: how far the experiences have come, where that decides anything.
        promotions: say which paused experience is taken further.
        disk: is told of each end, and frees backups.
        known_data: what the data were so far; nothing where they may be any.
    """

    context: SweepContext
    place: Place
    fence: Callable[[], None]
    run: str
    study: Study
    trial_records: Mapping[int, TrialRecord]
    interrupted: Sequence[optuna.Trial]
    paused: Sequence[optuna.Trial]
    to_come: int
    to_do: int
    limits: Limits
    standings: Standings
    promotions: Promotions
    disk: DiskBudget
    known_data: KnownData

    def may_train(self) -> bool:
        """Tell whether another training may begin, or resume from its backup."""
        return not self.context.stop.is_set() and self.limits.next_training().may_begin

    def description(self) -> str:
        """Return how many trials are finished, interrupted, failed and to do, in words."""
        counts = self.study.count_states()
        positions = ", ".join(self._position(trial) for trial in self.interrupted)
        enqueued = min(self.to_come, self.to_do)
        paused = f"{len(self.paused)} paused, " if self.paused else ""
        pruned = f", {counts['pruned']} pruned" if counts["pruned"] else ""
        return (
            f"{self.context.space.source.name} in {self.context.root}: "
            f"{counts['finished']} finished{pruned}, {paused}"
            f"{len(self.interrupted)} interrupted{f' ({positions})' if positions else ''}, "
            f"{counts['failed']} failed, {self.to_do} to do"
            f"{f', {enqueued} of them enqueued' if enqueued else ''}"
        )

    def _position(self, trial: optuna.Trial) -> str:
        """Return from where a trial will be resumed, in words."""
        trial_record, position = self.trial_records.get(trial.number), None
        if trial_record:
            repeats = trial_record.repeats
            repeat = next((repeat for repeat in repeats if not repeat.record.outcome), repeats[0])
            position = backup_files.newest_position(repeat.experience.sauvegarde)
        epoch, batch = (position.epoch, position.batch) if position else (0, 0)
        return f"trial {trial.number} at epoch {epoch}, batch {batch}"


class Opening:
    """Opens the sweep under a root that is held.

    Args:
        context: what its parts share.
        place: where trainings run.
        rehearsal: what one proposal of the search space has shown.
        fence: raises where another sweep has taken the root over.
    """

    def __init__(
        self,
        context: SweepContext,
        place: Place,
        rehearsal: Rehearsal,
        fence: Callable[[], None],
    ) -> None:
        self._context, self._place = context, place
        self._rehearsal, self._fence = rehearsal, fence
        self._known_data = KnownData()

    def open(self, always_rebuild: bool = False, promotes: bool = True) -> OpenSweep:
        """Settle the folders, open a study that agrees with them, and say what is there.

        Args:
            always_rebuild: make the study again from the folders, whatever it holds.
            promotes: see ``Promotions``.
        """
        folders = self.settle_folders(begin_anew=not always_rebuild, judges_code=not always_rebuild)
        context, settings = self._context, self._context.settings
        standings, epochs = self._standings(folders), self._rehearsal.epochs
        values = standings.values_of_paused()
        study = open_or_rebuild(context, epochs, folders, values, always_rebuild)
        check_distributions(study.trials(), self._rehearsal.distributions)
        to_come = check_to_come(context.space, context.root, study)
        limits = Limits(settings, study, folders.recorded(), context.began, standings)
        interrupted, paused = _unended(study, trial_records := folders.trials())
        is_exhausted = bool(study.count_if_exhausted())
        to_do = 0 if is_exhausted else max(0, settings.trials - study.count())
        trainings = to_do * settings.repeats + len(interrupted)
        scheduler, finish = scheduler_of(settings.scheduler, epochs), settings.finish
        sweep = OpenSweep(
            context=context,
            place=self._place,
            fence=self._fence,
            run=uuid.uuid4().hex,
            study=study,
            trial_records=trial_records,
            interrupted=interrupted,
            paused=paused,
            to_come=to_come,
            to_do=to_do,
            limits=limits,
            standings=standings,
            promotions=Promotions(scheduler, standings, limits, study, finish, promotes),
            disk=self._disk(trainings, trial_records),
            known_data=self._known_data,
        )
        context.progress.say(sweep.description())
        return sweep

    def _disk(self, trainings: int, trial_records: Mapping[int, TrialRecord]) -> DiskBudget:
        """Return the disk that so many trainings need, of which backups are freed."""
        context = self._context
        disk = DiskBudget(context.root, context.settings, trainings, context.progress.say)
        disk.free_backups(trial_records.values())
        return disk

    def _standings(self, folders: Inventory) -> Standings:
        """Return how far the experiences have come; nothing where nobody asks."""
        settings, recorded = self._context.settings, folders.recorded()
        is_asked = settings.scheduler != "none" or settings.epochs_total
        if not is_asked and not any(record.is_paused() for _, record in recorded):
            return Standings(self._context.space, ())
        with self._context.progress.count("reading the logs", len(recorded)) as done:
            return Standings(self._context.space, recorded, done)

    def settle_folders(self, begin_anew: bool, judges_code: bool = True) -> Inventory:
        """Return the folders, once all that is under the root is seen to belong to this sweep.

        Args:
            begin_anew: begin anew where all trainings have failed, for their mistake is mended.
            judges_code: refuse what other code has trained, or accept it. Where nothing is to be
                trained, it is neither refused nor accepted.
        """
        context, settings = self._context, self._context.settings
        with context.progress.reading(context.root) as done:
            name = context.space.source.name
            folders = Inventory(context.root, name, done, EndedList(context.root, name))
        folders.check()
        begins_anew = folders.have_all_failed() and begin_anew
        if begins_anew:
            folders.begin_anew(context.progress.say)
        else:
            context = replace(context, space=folders.check_objectives(context.space))
            if not settings.accept_change:
                self._known_data = folders.known_data()
        if judges_code:
            accepts = settings.accept_change or begins_anew
            source = folders.check_code(context.space.source, accepts)
            context = replace(context, space=replace(context.space, source=source))
        self._context = context
        folders.settle(context.progress.say)
        folders.keep_accepted(context.space.source)
        revival.unprune(folders.recorded(), settings.unprune, context.progress.say)
        return folders


def _unended(
    study: Study, trial_records: Mapping[int, TrialRecord]
) -> tuple[list[optuna.Trial], list[optuna.Trial]]:
    """Return the trials that were interrupted, and those that are paused, by number."""
    is_paused = {number for number, trial in trial_records.items() if trial.record.is_paused()}
    unended = study.interrupted_trials()
    return (
        [trial for trial in unended if trial.number not in is_paused],
        [trial for trial in unended if trial.number in is_paused],
    )
