"""All folders under a root: read, checked, and repaired before a study is compared with them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from sweep.experience import backup_files, damage, resume_start
from sweep.experience.damage import withdraw_end
from sweep.experience.ended_list import EndedList
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.known_data import KnownData, known_data
from sweep.experience.log_csv import check_header
from sweep.experience.record import ID, Record, State, state_of
from sweep.experience.trials import (
    TrialRecord,
    check_numbers,
    renumber_duplicates,
    trials_by_number,
)
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.objectives import describe_objectives
from sweep.space.search_space import SearchSpace
from sweep.space.source import Code, SpaceSource, digest
from sweep.system import plain_files


class Inventory:
    """The experiences under a root, read once.

    Args:
        root: of a sweep.
        search_space: the name that every record must have.
        done: is called after each folder.
        ended: a list of experiences that need no reading, check or repair; None reads all.
    """

    def __init__(
        self,
        root: Path,
        search_space: str,
        done: Callable[[], None] = lambda: None,
        ended: EndedList | None = None,
    ) -> None:
        self._root, self._search_space, self._ended = root, search_space, ended
        self._folders: list[tuple[Experience, Record | None]] = []
        self._recovered: list[tuple[Experience, Record]] = []
        self._listed = set[str]()
        for experience in experiences_in(root):
            self._read(experience)
            done()

    def _read(self, experience: Experience) -> None:
        listed = self._ended.record(experience) if self._ended else None
        if listed:
            self._listed.add(experience.id)
        in_place = listed or experience.read()
        record = in_place or backup_files.read_record(experience)
        self._folders.append((experience, record))
        if record and not in_place:
            self._recovered.append((experience, record))

    def check(self) -> None:
        """Refuse a folder that is not of this sweep.

        Raises:
            RecordWrong: a record does not match its folder or the search space.
            LogUnreadable: a log is foreign.
        """
        for experience, record in self._unlisted():
            if record:
                experience.check(record, self._search_space)
            else:
                check_header(experience.read_log(), experience.log, "epoch")
        check_numbers(self.trials())

    def check_objectives(self, space: SearchSpace) -> SearchSpace:
        """Return the search space, of whose possible objectives only those are left that are here.

        Experiences without an epoch count for none.

        Raises:
            SearchSpaceWrong: an experience was trained for others.
        """
        for experience, record in self.recorded():
            objectives = tuple(record.objectives)
            if objectives not in space.possible_objectives and _has_epochs(experience, record):
                before = describe_objectives(objectives)
                now = " or ".join(map(describe_objectives, space.possible_objectives))
                raise SearchSpaceWrong(
                    f"{space.source.path}: MONITOR is {now}, and {experience.path} was trained for "
                    f"{before}: undo that, or take another --root."
                )
            if space.is_unnamed and _has_epochs(experience, record):
                space = replace(space, possible_objectives=(objectives,))
        return space

    def check_code(self, source: SpaceSource, accept_change: bool) -> SpaceSource:
        """Return the source together with all other code whose results count as its own here.

        Args:
            source: the code as it is now.
            accept_change: count the results of any code that has trained here.

        Raises:
            SearchSpaceWrong: other code has trained here, which was never accepted.
        """
        source, refused = accepted_in([record for _, record in self.recorded()], source)
        if accept_change:
            return source.accepting(
                record.search_space for _, record in self.recorded() if record.sessions
            )
        if refused:
            changes = ", ".join(source.changes_since(refused))
            raise SearchSpaceWrong(
                f"{source.path} was changed in {changes} since the experiences in {self._root} "
                "were begun: undo that, take another --root, or go on with --accept-change."
            )
        return source

    def keep_accepted(self, source: SpaceSource) -> None:
        """Write down which code was accepted, unless a record says it already.

        One record of an ended experience is enough, and nothing else rewrites it. Later sessions
        write it into their own records.
        """
        recorded = self.recorded()
        ended = [
            (experience, record)
            for experience, record in recorded
            if record.sessions and record.outcome
        ]
        if ended and set(source.accepted) - _accepted(record for _, record in recorded):
            experience, record = max(ended, key=lambda folder: _latest_session(folder[1]))
            record.search_space = {**record.search_space, "accepted": list(source.accepted)}
            experience.write(record)

    def known_data(self) -> KnownData:
        """Return the data that these experiences were trained on."""
        return known_data(record for _, record in self.recorded())

    def have_all_failed(self) -> bool:
        """Tell whether every experience has failed.

        A folder without a record counts as not failed, for it may hold a backup.
        """
        return all(record and state_of(record) is State.FAILED for _, record in self._folders)

    def begin_anew(self, say: Callable[[str], None]) -> None:
        """Move trainings that raised to the quarantine, and let those whose process died resume."""
        resumable, quarantine = list[tuple[Experience, Record | None]](), None
        for experience, record in self._folders:
            if record and record.outcome and record.outcome.died:
                withdraw_end(experience, record)
                resumable.append((experience, record))
            else:
                quarantine = resume_start.begin_anew(experience).parent
        if self._folders:
            moved = f", and their files are in {quarantine}" if quarantine else ""
            say(
                f"all {len(self._folders)} trainings had failed: "
                f"those that raised start from the beginning{moved}"
            )
        self._folders = resumable

    def settle(self, say: Callable[[str], None], thoroughly: bool = False) -> None:
        """Repair damaged files, and give each trial a number of its own.

        A link, or anything else that is no plain file, is moved away where it bears a name of
        sweep's.
        """
        for path, kind in plain_files.contents(self._root).items():
            if kind != plain_files.FOLDER and re.fullmatch(ID, path.name):
                say(f"{path} is {kind}, and no folder of sweep's: left alone")
        for experience, _ in self._unlisted():
            for sentence in damage.quarantine_misplaced(experience):
                say(sentence)
        for experience, record in self._recovered:
            damage.restore_record(experience, record)
            say(
                f"{experience.id}: experience.json was missing or torn: "
                "put in place again, from a backup"
            )
        for experience, read in self._unlisted():
            damages = damage.find_damages(experience, read, thoroughly) if read else []
            if read and damages:
                repair = damage.repair(experience, read, damages)
                say(f"{experience.id}: {', '.join(map(str, damages))}: {repair}")
        renumber_duplicates(self.recorded(), say)
        if self._ended:
            self._ended.write(self.recorded())

    def _unlisted(self) -> list[tuple[Experience, Record | None]]:
        return [
            (experience, record)
            for experience, record in self._folders
            if experience.id not in self._listed
        ]

    def recorded(self) -> list[tuple[Experience, Record]]:
        """Return the experiences that have a record, in their folder or in a backup."""
        return [(experience, record) for experience, record in self._folders if record]

    def trials(self) -> dict[int, TrialRecord]:
        """Return the trials that led to these experiences, by number."""
        return trials_by_number(self.recorded())


def _has_epochs(experience: Experience, record: Record) -> bool:
    has_values = record.outcome is not None and bool(record.outcome.values)
    return has_values or bool(check_header(experience.read_log(), experience.log, "epoch"))


def accepted_in(records: list[Record], source: SpaceSource) -> tuple[SpaceSource, Code | None]:
    """Return the source with all accepted code, and the latest code not accepted, or None.

    Where no record says what was accepted, an older version wrote them all. It compared the code of
    the latest session only, so whatever else has trained counts as accepted.
    """
    source = source.with_accepted(_accepted(records))
    trained = sorted(
        (record for record in records if record.sessions), key=_latest_session, reverse=True
    )
    codes = list({digest(record.search_space): record.search_space for record in trained}.values())
    judged = codes if any("accepted" in record.search_space for record in records) else codes[:1]
    refused = next((code for code in judged if not source.counts(code)), None)
    return (source, refused) if refused else (source.accepting(codes), None)


def _accepted(records: Iterable[Record]) -> set[str]:
    return {name for record in records for name in record.search_space.get("accepted", [])}


def _latest_session(record: Record) -> str:
    return record.sessions[-1].begun
