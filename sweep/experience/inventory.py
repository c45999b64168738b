"""The folders under a root: read, checked, and brought to where a study can be compared with them."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sweep.experience import backup_files, damage, resume_start
from sweep.experience.damage import take_back_the_end
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.log_csv import check_header
from sweep.experience.record import ID, Record, State, state_of
from sweep.experience.trials import (
    TrialRecord,
    check_numbers,
    renumber_duplicates,
    trials_by_number,
)
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace
from sweep.space.source import Code, SpaceSource, digest
from sweep.system import plain_files


class Inventory:
    """What lies under a root, read once.

    Args:
        root: of a sweep.
        search_space: the name that every record must have.
        done: is called after each folder.
    """

    def __init__(
        self, root: Path, search_space: str, done: Callable[[], None] = lambda: None
    ) -> None:
        self._root, self._search_space = root, search_space
        self._all: list[tuple[Experience, Record | None]] = []
        self._recovered: list[tuple[Experience, Record]] = []
        for experience in experiences_in(root):
            here = experience.read()
            record = here or backup_files.read_record(experience)
            self._all.append((experience, record))
            if record and not here:
                self._recovered.append((experience, record))
            done()

    def check(self) -> None:
        """Raises RecordWrong or LogUnreadable where a folder is not of this sweep."""
        for experience, record in self._all:
            if record:
                experience.check(record, self._search_space)
            else:
                check_header(experience.read_log(), experience.log, "epoch")
        check_numbers(self.trials())

    def check_objectives(self, space: SearchSpace) -> None:
        """Raises SearchSpaceWrong where an experience has kept the best by other objectives than those of the search space."""
        for experience, record in self.recorded():
            if tuple(record.objectives) != space.objectives:
                before, now = (
                    ", ".join(f"{name} ({mode})" for name, mode in objectives)
                    for objectives in (record.objectives, space.objectives)
                )
                raise SearchSpaceWrong(
                    f"{space.source.path}: MONITOR is {now}, and {experience.path} was trained for {before}: undo that, or "
                    "take another --root."
                )

    def check_code(self, source: SpaceSource, accept_change: bool) -> SpaceSource:
        """Return the source with all other code whose results count beside its own here.

        Args:
            source: the code as it is now.
            accept_change: let the results of any code count that has trained here.

        Raises:
            SearchSpaceWrong: other code has trained here, which was never accepted.
        """
        source, refused = accepted_in([record for _, record in self.recorded()], source)
        if accept_change:
            return source.accepting(
                record.search_space for _, record in self.recorded() if record.sessions
            )
        if refused:
            raise SearchSpaceWrong(
                f"{source.path} was changed in {', '.join(source.changes_since(refused))} since the experiences in "
                f"{self._root} were begun: undo that, take another --root, or go on with --accept-change."
            )
        return source

    def keep_accepted(self, source: SpaceSource) -> None:
        """Write down what code was accepted, where no record says it yet.

        The record of one experience that has ended is enough, for that is all that is written again of what has ended. The
        sessions to come write it into theirs.
        """
        recorded = self.recorded()
        ended = [
            (experience, record)
            for experience, record in recorded
            if record.sessions and record.outcome
        ]
        if ended and set(source.accepted) - _accepted(record for _, record in recorded):
            experience, record = max(ended, key=lambda one: _latest_session(one[1]))
            record.search_space = {**record.search_space, "accepted": list(source.accepted)}
            experience.write(record)

    def latest_data(self) -> dict[str, Any] | None:
        """Return what the data of the latest session were, as a record has it; None where none is known."""
        return latest_data(record for _, record in self.recorded())

    def have_all_failed(self) -> bool:
        """Tell whether nothing here has come to a good end, or may yet: a folder without its record may hold a backup."""
        return all(record and state_of(record) is State.FAILED for _, record in self._all)

    def begin_anew(self, say: Callable[[str], None]) -> None:
        """Move the trainings that raised to the quarantine; those that died go on where they were."""
        left, aside = list[tuple[Experience, Record | None]](), None
        for experience, record in self._all:
            if record and record.outcome and record.outcome.died:
                take_back_the_end(experience, record)
                left.append((experience, record))
            else:
                aside = resume_start.begin_anew(experience).parent
        if self._all:
            moved = f", and what there was of it is in {aside}" if aside else ""
            say(
                f"all {len(self._all)} trainings had failed: what raised begins from the beginning{moved}"
            )
        self._all = left

    def settle(self, say: Callable[[str], None], thoroughly: bool = False) -> None:
        """Mend what is not as the end of its training left it, and give each trial a number of its own.

        A link, or whatever else is no plain file, is moved out of the way where it has a name of ours.
        """
        for path, kind in plain_files.contents(self._root).items():
            if kind != plain_files.FOLDER and re.fullmatch(ID, path.name):
                say(f"{path} is {kind}, and no folder of sweep's: left alone")
        for experience, _ in self._all:
            for text in damage.set_aside(experience):
                say(text)
        for experience, record in self._recovered:
            damage.put_record_in_place(experience, record)
            say(
                f"{experience.id}: experience.json was missing or torn: put in place again, from a backup"
            )
        for experience, record in self.recorded():
            damages = damage.find_damages(experience, record, thoroughly)
            if damages:
                done = damage.mend(experience, record, damages)
                say(f"{experience.id}: {', '.join(map(str, damages))}: {done}")
        renumber_duplicates(self.recorded(), say)

    def recorded(self) -> list[tuple[Experience, Record]]:
        """Return the folders that have a record, whole or in a backup."""
        return [(experience, record) for experience, record in self._all if record]

    def trials(self) -> dict[int, TrialRecord]:
        """Return the trials that the folders know, by number."""
        return trials_by_number(self.recorded())


def accepted_in(records: list[Record], source: SpaceSource) -> tuple[SpaceSource, Code | None]:
    """Return the source with what other code was accepted in these records, and the latest code that was not, or None.

    Where no record says what was accepted, they are of a version that looked at the latest session only: what it let pass
    is accepted.
    """
    source = source.with_accepted(_accepted(records))
    trained = sorted(
        (record for record in records if record.sessions), key=_latest_session, reverse=True
    )
    codes = list({digest(record.search_space): record.search_space for record in trained}.values())
    judged = codes if any("accepted" in record.search_space for record in records) else codes[:1]
    refused = next((code for code in judged if not source.counts(code)), None)
    return (source, refused) if refused else (source.accepting(codes), None)


def latest_data(records: Iterable[Record]) -> dict[str, Any] | None:
    """Return what the data of the latest session in these records were; those count first that were not merged."""
    known = [record for record in records if record.sessions and record.data_identity]
    ours = [record for record in known if not any(trial.came_from for trial in record.trials)]
    return max(ours or known, key=_latest_session).data_identity if known else None


def _accepted(records: Iterable[Record]) -> set[str]:
    return {name for record in records for name in record.search_space.get("accepted", [])}


def _latest_session(record: Record) -> str:
    return record.sessions[-1].begun
