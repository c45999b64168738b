"""``meilleur.model.keras``: whole or not, and of which epoch.

The file says itself of which epoch it is, in one more member of Keras's archive that Keras passes over: on a drive that
keeps old versions, or doubles a file, nothing else could tell.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import BinaryIO

from sweep.experience.log_csv import BestEpoch
from sweep.experience.schemas import Label
from sweep.system import plain_files
from sweep.system.files import names_of
from sweep.system.json_text import read

LABEL = "sweep.json"
WEIGHTS = "model.weights.h5"
VERSIONS = names_of("meilleur.model.keras", "next.model.keras")
ENTRY = b"PK\1\2"  # with it begins what the directory of an archive says of a member
MOST_MEMBERS = 10_000
MOST_BYTES_OF_LABEL = 1000


def label(model: Path | BinaryIO, best: BestEpoch) -> None:
    """Write into a model's archive which epoch it is of, and the monitored value of that epoch.

    Raises:
        OSError: the disk is full or gone.
    """
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr(LABEL, json.dumps(best._asdict()))


def read_label(path: Path) -> BestEpoch | None:
    """Return what ``label`` wrote; None where the file is not whole, by the checksums of its members, or has no label.

    Raises:
        OSError: it cannot be read, which is no reason to take it for torn.
    """
    archive = _open(path)
    try:
        return _best(archive) if archive and archive.testzip() is None else None
    except Exception:  # noqa: BLE001 # zipfile raises a dozen kinds for a flipped byte, OSError among them
        return None


def _best(archive: zipfile.ZipFile) -> BestEpoch:
    content = read(archive.read(LABEL), Label, MOST_BYTES_OF_LABEL)
    # Where there were no other objectives yet, a label had the value as val_acc.
    return BestEpoch(
        content["value"] if "value" in content else content["val_acc"], content["epoch"]
    )


def checksum_of_weights(path: Path) -> int | None:
    """Return the CRC-32 of the weights in a model's archive, or None where there are none.

    Raises:
        OSError: it cannot be read.
    """
    archive = _open(path)
    try:
        return archive.getinfo(WEIGHTS).CRC if archive else None
    except KeyError:
        return None


def versions_in(folder: Path) -> list[Path]:
    """Return every file that may be the best model: its own name first, then what a drive or a cut made beside it."""
    return sorted(
        plain_files.files_in(folder, VERSIONS), key=lambda path: path.name != "meilleur.model.keras"
    )


def find(folder: Path, best: BestEpoch | None, epochs: int) -> Path | None:
    """Return the file that a training may go on with that knows so many epochs and this best of them.

    A model of a later epoch will do: that epoch is trained again, and writes it again.

    Raises:
        OSError: as for ``read_label``.
    """
    labels = {path: read_label(path) for path in versions_in(folder)}
    later = [path for path, found in labels.items() if found and found.epoch >= epochs]
    return next((path for path, found in labels.items() if found == best), next(iter(later), None))


def _open(path: Path) -> zipfile.ZipFile | None:
    """Read the file first, so that an error of the disk is told from one of its content."""
    try:
        content = plain_files.read(path, most=None)
    except (FileNotFoundError, plain_files.NotPlain):
        return None
    if content.count(ENTRY) > MOST_MEMBERS:
        return None
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception:  # noqa: BLE001 # see ``read_label``
        return None
    return None if why_not_unpacked(archive, len(content)) else archive


def why_not_unpacked(archive: zipfile.ZipFile, size: int) -> str | None:
    """Return in words why an archive of so many bytes is none of Keras's, which stores its members as they are; or None."""
    members = archive.infolist()
    if any(one.compress_type != zipfile.ZIP_STORED for one in members):
        return "is compressed, which Keras does not do"
    return (
        "says that it holds more than it does"
        if sum(one.file_size for one in members) > size
        else None
    )
