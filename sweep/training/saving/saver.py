"""Saves a training when it is due, in the background or at once, and tells what cannot be saved."""

import time

from sweep.system.files import patiently
from sweep.system.host import now
from sweep.training.endings import NotSaved
from sweep.training.protocol import Link, SaveTakes, Unsaved, Warned
from sweep.training.saving.background_write import Written
from sweep.training.saving.backup_writer import BackupWriter, describe_short_disk
from sweep.training.saving.save_interval import SaveCost
from sweep.training.saving.save_schedule import SaveSchedule
from sweep.training.state.training_state import BeforeValidation
from sweep.wording import duration

LONG_S = 2.0  # the user is told of a save that takes longer
SLOW_BYTES_A_SECOND = 20e6  # is assumed of a disk that has not been written yet


class Saver:
    """Saves a training; a save that fails is reported, and tried again later.

    Args:
        link: is told what cannot be saved.
        writer: writes the files.
        schedule: says when.
        size: in bytes of the first backup and its best model, about.
    """

    def __init__(self, link: Link, writer: BackupWriter, schedule: SaveSchedule, size: int) -> None:
        self._link, self._writer, self._schedule = link, writer, schedule
        self._assumed_s = size / SLOW_BYTES_A_SECOND
        self._unsaved = ""  # why, where the latest save has failed
        self._blocked_s = 0.0  # for the backup that is due
        self._is_best_alone = False  # what is under way
        self._best_before: Written | None = None  # what went ahead of the backup that is due
        self._save_s: float | None = None  # that the latest write has taken
        self._disk_is_short = False

    def begin(self) -> None:
        """Note that the session begins to train, and say for how long its first backup may take."""
        self._schedule.begin()
        if self._expected_s() > LONG_S:
            self._link.tell(SaveTakes(self._expected_s(), is_assumed=True))

    def batches_to_next(self) -> int | None:
        """Return how many batches may be trained before a save is due by their number."""
        return self._schedule.batches_to_next()

    def save_if_due(self) -> None:
        """Save in the background; at once, where no further batch may be lost."""
        self._hear_of_write()
        if self._schedule.is_due_by_batches():
            self.save_now()
        elif self._schedule.is_due() and not self._writer.is_under_way:
            self._begin()

    def save_now(self, before_validation: BeforeValidation | None = None) -> None:
        """Save at once, and return when that is done or has failed.

        Args:
            before_validation: see ``BackupWriter.write``.
        """
        self._hear_of_write(wait=True)
        try:
            self._write(before_validation)
        except OSError as error:
            self._on_not_saved(error)

    def save_the_end(self) -> None:
        """Save where nothing is left to train meanwhile: wait for a drive that does not answer."""
        self.settle()
        try:
            patiently(self._write, self._on_not_saved, self._link.stop_asked)
        except OSError as error:
            self._on_not_saved(error)

    def settle(self) -> None:
        """Wait for the end of a write that is under way, whether it succeeds or not."""
        self._writer.settle()

    def check_saved(self) -> None:
        """Refuse an end that is not on the disk.

        Raises:
            NotSaved: the last backup failed.
        """
        if self._unsaved:
            raise NotSaved(
                f"{self._writer.folder.parent}: nothing could be saved ({self._unsaved}); "
                "make room or mend the drive, and run the same command to resume."
            )

    def announce_stop(self) -> None:
        """Say how long the save before a stop will take, where that is long."""
        save_s = self._expected_s() * (2 if self._writer.is_under_way else 1)
        if save_s > LONG_S:
            self._link.tell(Warned(f"saves before it stops, in about {duration(save_s)}"))

    def _expected_s(self) -> float:
        """Return how long the next backup takes, by the latest one or by the size of the model."""
        return self._assumed_s if self._save_s is None else self._save_s

    def _write(self, before_validation: BeforeValidation | None = None) -> None:
        self._schedule.hold()
        self._is_best_alone, begun = False, time.monotonic()
        written = self._writer.write(before_validation)
        self._blocked_s += time.monotonic() - begun - written.seconds
        self._on_saved(written)

    def _begin(self) -> None:
        """Begin to write the best model, once for each backup, or the backup.

        A still better one that was found meanwhile is written with the backup, and so is one that
        could not be written.
        """
        begun = time.monotonic()
        try:
            goes_ahead = not (self._best_before or self._unsaved)
            self._is_best_alone = goes_ahead and self._writer.begin_best()
            if not self._is_best_alone:
                self._schedule.hold()
                self._writer.begin()
        except OSError as error:
            self._on_not_saved(error)
        self._blocked_s += time.monotonic() - begun

    def _hear_of_write(self, wait: bool = False) -> None:
        try:
            written = self._writer.ended(wait)
        except OSError as error:
            self._on_not_saved(error)
        else:
            if written and self._is_best_alone:
                self._best_before = written
            elif written:
                self._on_saved(written)

    def _on_saved(self, written: Written) -> None:
        if self._unsaved:
            self._link.tell(Unsaved(None))
        parts = [part for part in (self._best_before, written) if part]
        save_s = sum(part.seconds for part in parts)
        cpu_s, size = sum(part.cpu_s for part in parts), sum(part.bytes for part in parts)
        self._unsaved, self._save_s, self._best_before = "", save_s, None
        self._schedule.succeed(SaveCost(self._blocked_s, cpu_s, save_s, size))
        self._blocked_s = 0.0
        if save_s > LONG_S:
            self._link.tell(SaveTakes(save_s))
        self._warn_of_a_short_disk()

    def _on_not_saved(self, error: OSError) -> None:
        why = str(error) or type(error).__name__
        if not self._unsaved:
            self._link.tell(Unsaved(now()[11:16], why))
        self._unsaved = why
        self._schedule.fail()

    def _warn_of_a_short_disk(self) -> None:
        """Report a disk that is too full for one more backup, once, before that backup fails."""
        try:
            warning = describe_short_disk(self._writer.folder)
        except OSError:  # all is saved; the next backup will meet what cannot be foretold now
            return
        if warning and not self._disk_is_short:
            self._link.tell(Warned(warning))
        self._disk_is_short = warning is not None
