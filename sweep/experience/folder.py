"""The folder of an experience: every file name once, and its state told from the files alone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
    """One training on disk, whole or cut off. Asking writes nothing.

    ``fence`` is asked last before each write of whoever trains here; it raises where another has taken the folder over.
    """

    path: Path
    fence: Callable[[], None] = field(default=unfenced, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def record(self) -> Path:
        return self.path / "experience.json"

    @property
    def log(self) -> Path:
        return self.path / "log.csv"

    @property
    def meilleur(self) -> Path:
        return self.path / "meilleur.model.keras"

    @property
    def sauvegarde(self) -> Path:
        return self.path / "sauvegarde"

    @property
    def heartbeat(self) -> Path:
        return self.path / "pulse.json"

    def read(self) -> Record | None:
        """Return the record, or None where there is none or it is torn: a training of it writes it again.

        A drive may have doubled it, as ``experience (1).json``, and kept an old version under its name: of all that are
        there, the one that knows most counts.

        Raises:
            OSError: it cannot be read.
        """
        records = [
            record
            for record in map(_read_record, [self.record, *self._doubled_records()])
            if record
        ]
        return max(records, key=_how_far, default=None)

    def read_log(self) -> bytes:
        """Return the bytes of ``log.csv``; nothing where there is no such file.

        Raises:
            OSError: it cannot be read.
        """
        return plain_files.read(self.log) if plain_files.is_file(self.log) else b""

    def _doubled_records(self) -> list[Path]:
        return [path for path in plain_files.files_in(self.path, RECORDS) if path != self.record]

    def state(self) -> State:
        """Tell the state from the files alone."""
        return state_of(self.read())

    def write(self, record: Record) -> None:
        """Put ``experience.json`` in place. With an outcome in it, this is the moment at which the training has ended.

        Raises:
            OSError: the disk is full or gone.
        """
        plain_files.make_folder(self.path)
        text = record.as_json()
        check_for_reader(text, MOST_BYTES_OF_RECORD, self.record)
        write_whole(self.record, text, fence=self.fence)
        for doubled in self._doubled_records():
            move_to_quarantine(doubled, self.path.parent)

    def best(self, record: Record) -> BestEpoch | None:
        """Return the best epoch of ``log.csv``, by the first of the objectives; None where there is none yet.

        Raises:
            LogUnreadable: the log is foreign.
            OSError: it cannot be read.
        """
        return best_of(read_curve(self.log, record.objective.name), record.objective)

    def values(self, record: Record) -> tuple[dict[str, float], int | None]:
        """Return the objectives at the best epoch, and that epoch; of a training without one, nothing and None.

        Raises:
            LogUnreadable, OSError: as ``best``.
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
        """Return all that is known of an epoch: the row of ``log.csv``, and what is measured of the training.

        Raises:
            LogUnreadable: there is no such row.
            OSError: it cannot be read.
        """
        measured = {
            "count_params": float(record.count_params or 0),
            "seconds_per_epoch": record.seconds_per_epoch(),
        }
        return {**measured, **read_row(self.log, epoch)}

    def check(self, record: Record, search_space: str) -> None:
        """Refuse a folder whose record does not give its name, or whose log is foreign.

        Raises:
            RecordWrong: it does not.
            LogUnreadable: it is.
        """
        if id_experience(record.search_space["name"], record.parameters) != self.id:
            raise RecordWrong(
                f"{self.record}: its search space and parameters do not give the name of its folder; "
                f"undo the edit, or move {self.path} away."
            )
        if record.search_space["name"] != search_space:
            raise RecordWrong(
                f"{self.record} belongs to the search space {record.search_space['name']}, not to {search_space}; "
                "give each search space a --root of its own."
            )
        check_header(self.read_log(), self.log, record.objective.name)


def _read_record(path: Path) -> Record | None:
    try:
        return Record.from_json(plain_files.read(path))
    except (FileNotFoundError, plain_files.NotPlain, Unreadable):
        return None


def _how_far(record: Record) -> tuple[bool, int, int]:
    return record.outcome is not None, len(record.sessions), len(record.trials)


def experiences_in(root: Path) -> Iterator[Experience]:
    """Yield the experiences under ``root``, sorted by id; other folders are not ours."""
    for path, kind in plain_files.contents(root).items():
        if kind == plain_files.FOLDER and re.fullmatch(ID, path.name):
            yield Experience(path)
