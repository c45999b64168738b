"""The folder of an experience: each file name once, and the state told from the files alone."""

import errno
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sweep.errors import SweepError
from sweep.experience.log_csv import BestEpoch, best_of, check_header, read_curve, read_row
from sweep.experience.record import ID, Record, State, state_of
from sweep.experience.schemas import MOST_BYTES_OF_RECORD
from sweep.space.identity import id_experience
from sweep.system import plain_files
from sweep.system.files import UNFINISHED, move_to_quarantine, names_of, unfenced, write_whole
from sweep.system.json_text import Unreadable, check_for_reader

RECORDS = names_of("experience.json")
KEPT = ("experience.json", "log.csv", "meilleur.model.keras", "pulse.json")
UNFINISHED_FILES = (
    "next.model.keras",
    *(f"{name}{UNFINISHED}" for name in ("experience.json", "log.csv", "pulse.json")),
)


class RecordWrong(SweepError):
    """An ``experience.json`` does not belong to its folder."""


@dataclass(frozen=True)
class Experience:
    """The folder of one training, ended or interrupted. Reading it never writes.

    ``fence`` is called last before each write of a training; it raises where another process has
    taken the folder over.
    """

    path: Path
    fence: Callable[[], None] = field(default=unfenced, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def record(self) -> Path:
        return self.path / "experience.json"

    @cached_property
    def log(self) -> Path:
        return self.path / "log.csv"

    @property
    def meilleur(self) -> Path:
        return self.path / "meilleur.model.keras"

    @cached_property
    def sauvegarde(self) -> Path:
        return self.path / "sauvegarde"

    @property
    def heartbeat(self) -> Path:
        return self.path / "pulse.json"

    def read(self) -> Record | None:
        """Return the record, or None where it is missing or torn; a training then writes it again.

        A drive may have doubled the file, as ``experience (1).json``, and kept an old version under
        the proper name. Of all that exist, the most advanced record counts.

        Raises:
            OSError: a file cannot be read.
        """
        paths = [self.record, *self.doubled_records()]
        records = [record for record in map(_read_record, paths) if record]
        return max(records, key=_progress, default=None)

    def read_log(self) -> bytes:
        """Return the bytes of ``log.csv``; none where there is no such file.

        Raises:
            OSError: the file cannot be read.
        """
        return plain_files.read(self.log) if plain_files.is_file(self.log) else b""

    def doubled_records(self) -> list[Path]:
        """Return the files that a drive has made of ``experience.json``, beside it."""
        return [path for path in plain_files.files_in(self.path, RECORDS) if path != self.record]

    def state(self) -> State:
        """Return the state, told from the files alone."""
        return state_of(self.read())

    def write(self, record: Record) -> None:
        """Put ``experience.json`` in place; writing one with an outcome is what ends a training.

        The root must exist.

        Raises:
            OSError: the disk is full or gone.
        """
        self.check_root()
        plain_files.make_folder(self.path)
        text = record.as_json()
        check_for_reader(text, MOST_BYTES_OF_RECORD, self.record)
        write_whole(self.record, text, fence=self.fence)
        for doubled in self.doubled_records():
            move_to_quarantine(doubled, self.path.parent)

    def check_root(self) -> None:
        """Raise if the root is not there.

        Where a drive was mounted, a write would make a folder that its next mount hides.

        Raises:
            OSError: the drive of the root is not mounted now.
        """
        root = self.path.parent
        if not root.exists():
            raise OSError(errno.ESTALE, "its folder is not there now", str(root))

    def best(self, record: Record) -> BestEpoch | None:
        """Return the best epoch of ``log.csv`` by the first objective, or None where there is none.

        Raises:
            LogUnreadable: the log is foreign.
            OSError: the log cannot be read, or the drive of the root is not mounted now.
        """
        curve = read_curve(self.log, record.objective.name)
        if not curve:  # a log that cannot be seen now is no log without epochs
            self.check_root()
        return best_of(curve, record.objective)

    def values(self, record: Record) -> tuple[dict[str, float], int | None]:
        """Return the objectives at the best epoch, and that epoch; without one, nothing and None.

        Raises:
            LogUnreadable, OSError: as for ``best``.
        """
        best = self.best(record)
        if not best:
            return {}, None
        results = (
            self.results(record, best.epoch)
            if len(record.objectives) > 1
            else {record.objective.name: best.value}
        )
        return {
            objective.name: results[objective.name]
            for objective in record.objectives
            if objective.name in results
        }, best.epoch

    def results(self, record: Record, epoch: int) -> dict[str, float]:
        """Return the row of ``log.csv`` of an epoch, and the measurements of the whole training.

        Raises:
            LogUnreadable: there is no such row.
            OSError: the log cannot be read.
        """
        measured = {
            "count_params": float(record.count_params or 0),
            "seconds_per_epoch": record.seconds_per_epoch(),
        }
        return {**measured, **read_row(self.log, epoch)}

    def check(self, record: Record, search_space: str) -> None:
        """Refuse a folder whose record does not match its name, or whose log is foreign.

        Raises:
            RecordWrong: the record does not match.
            LogUnreadable: the log is foreign.
        """
        if id_experience(record.search_space["name"], record.parameters) != self.id:
            raise RecordWrong(
                f"{self.record}: its search space and parameters do not give the name of its "
                f"folder; undo the edit, or move {self.path} away."
            )
        if record.search_space["name"] != search_space:
            raise RecordWrong(
                f"{self.record} belongs to the search space {record.search_space['name']}, "
                f"not to {search_space}; give each search space a --root of its own."
            )
        check_header(self.read_log(), self.log, record.objective.name)


def _read_record(path: Path) -> Record | None:
    try:
        return Record.from_json(plain_files.read(path))
    except (FileNotFoundError, plain_files.NotPlain, Unreadable):
        return None


def _progress(record: Record) -> tuple[bool, int, int]:
    return record.outcome is not None, len(record.sessions), len(record.trials)


def experiences_in(root: Path) -> Iterator[Experience]:
    """Yield the experiences under ``root``, sorted by id; other folders are not sweep's."""
    for path, kind in plain_files.contents(root).items():
        if kind == plain_files.FOLDER and re.fullmatch(ID, path.name):
            yield Experience(path)
