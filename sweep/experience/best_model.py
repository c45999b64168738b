"""``meilleur.model.keras``: whether it is whole, and which epoch it is of.

The file itself tells its epoch, in one more member of Keras's archive, which Keras ignores. On a
drive that keeps old versions or doubles a file, nothing else could tell.
"""

import errno
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from sweep.experience.log_csv import BestEpoch
from sweep.experience.schemas import LabelShape
from sweep.system import plain_files
from sweep.system.files import names_of
from sweep.system.json_text import read

LABEL = "sweep.json"
WEIGHTS = "model.weights.h5"
VERSIONS = names_of("meilleur.model.keras", "next.model.keras")
MOST_BYTES_AT_ONCE = 2**22  # the directory of an archive is read at once
MOST_BYTES_OF_LABEL = 1000

T = TypeVar("T")


def label(model: Path | BinaryIO, best: BestEpoch) -> None:
    """Write into a model's archive its epoch and the monitored value of that epoch.

    Raises:
        OSError: the disk is full or gone.
    """
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr(LABEL, json.dumps(best._asdict()))


def read_label(path: Path) -> BestEpoch | None:
    """Return what ``label`` wrote, or None where the file is torn or has no label.

    The checksums of its members tell whether the file is whole.

    Raises:
        OSError: the file cannot be read, which is no reason to take it for torn.
    """
    return _read(path, lambda archive: _best(archive) if archive.testzip() is None else None)


def _best(archive: zipfile.ZipFile) -> BestEpoch:
    content = read(archive.read(LABEL), LabelShape, MOST_BYTES_OF_LABEL)
    # Where there were no other objectives yet, a label had the value as val_acc.
    return BestEpoch(
        content["value"] if "value" in content else content["val_acc"], content["epoch"]
    )


def checksum_of_weights(path: Path) -> int | None:
    """Return the CRC-32 of the weights in a model's archive, or None where there are none.

    Raises:
        OSError: the file cannot be read.
    """
    return _read(path, lambda archive: archive.getinfo(WEIGHTS).CRC)


def versions_in(folder: Path) -> list[Path]:
    """Return every file that may be the best model, the one with its proper name first.

    A drive or an interruption may have left others beside it.
    """
    return sorted(
        plain_files.files_in(folder, VERSIONS), key=lambda path: path.name != "meilleur.model.keras"
    )


def find(folder: Path, best: BestEpoch | None, epochs: int) -> Path | None:
    """Return the best model for a training that resumes after so many epochs, or None.

    A model of a later epoch will do: that epoch is trained again, and the model written again.

    Args:
        folder: of the experience.
        best: the best of the epochs that are trained.
        epochs: how many epochs are trained.

    Raises:
        OSError: as for ``read_label``.
    """
    labels = {path: read_label(path) for path in versions_in(folder)}
    fitting = [path for path, own_label in labels.items() if own_label == best]
    later = [path for path, own_label in labels.items() if own_label and own_label.epoch >= epochs]
    return next(iter([*fitting, *later]), None)


class _SmallReads(io.RawIOBase):
    """A file that refuses to read much at once: a bad archive may say that it has much."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        most = MOST_BYTES_AT_ONCE + 1
        data = self._file.read(min(size, most) if size >= 0 else most)
        if len(data) > MOST_BYTES_AT_ONCE:
            raise zipfile.BadZipFile("it says that it has much to be read at once")
        return data


def _read(path: Path, read_from: Callable[[zipfile.ZipFile], T]) -> T | None:
    """Return what is read from an archive; None where it is missing, torn or no model of Keras.

    Raises:
        OSError: as for ``read_label``.
    """
    try:
        file = plain_files.reading(path)
    except (FileNotFoundError, plain_files.NotPlain):
        return None
    with file:
        try:
            archive = zipfile.ZipFile(cast(BinaryIO, _SmallReads(file)))
            size = os.fstat(file.fileno()).st_size
            return None if why_not_unpacked(archive, size) else read_from(archive)
        except Exception as error:  # a flipped byte raises a dozen kinds
            # To seek to where nothing can be is an error of the content, not of the disk.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            return None


def why_not_unpacked(archive: zipfile.ZipFile, size: int) -> str | None:
    """Return in words why an archive is not one of Keras's and must not be unpacked, or None.

    Args:
        archive: to be unpacked.
        size: of its file, in bytes. Keras stores the members uncompressed.
    """
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        return "is compressed, which Keras does not do"
    if sum(member.file_size for member in members) > size:
        return "says that it holds more than it does"
    return None
