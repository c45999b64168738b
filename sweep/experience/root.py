"""The root of a sweep: where it may lie, and how the sweep was run last."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experience.schemas import AskedShape
from sweep.system import plain_files
from sweep.system.files import write_whole
from sweep.system.host import cache_folder, is_on_drive
from sweep.system.json_text import Unreadable, read

DEFAULT = Path("experiences")
STUDY = "study.journal"
LOCK = "sweep.lock"
HOLDER = "sweep.lock.json"
ASKED = "sweep.json"
RAPPORT = "rapport"
ASKED_SHAPE = (*AskedShape.__annotations__,)
LEASE_S = 60.0
SETTLE_S = 5.0  # two hosts that take over at once have both written by then


class RootWrong(SweepError):
    """A sweep cannot be stored under this root."""


def root_of(search_space: str, root: Path | None) -> Path:
    """Return the root that was asked for, or ``experiences/<search space>``."""
    return (root or DEFAULT / search_space).resolve()


def study_of(root: Path, study_dir: Path | None) -> Path:
    """Return the path of the journal of a root's study.

    It lies in the root, unless that is on Google Drive, which loses, doubles and delays what is
    appended to a file. Then the study lies on the local disk, and is rebuilt from the folders on a
    machine that has none.
    """
    if study_dir is None and not is_on_drive(root):
        return root / STUDY
    local = study_dir or cache_folder()
    # Two roots of one name have two studies.
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return local.resolve() / f"{root.name}-{digest}.journal"


def prepare(root: Path) -> None:
    """Make the root, after a check that files can be written there.

    Raises:
        RootWrong: it lies under a Drive that is not mounted, is a file, or is read-only.
    """
    for drive in (
        folder.parent
        for folder in (root, *root.parents)
        if folder.name in ("MyDrive", "Shareddrives")
    ):
        if not os.path.ismount(drive):
            raise RootWrong(
                f"{root} lies on a Google Drive that is not mounted at {drive}: mount it first "
                f'(from google.colab import drive; drive.mount("{drive}")).'
            )
    try:
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()
    except (FileExistsError, NotADirectoryError):
        raise RootWrong(
            f"The root {root} is, or lies under, a file: name a folder with --root."
        ) from None
    except OSError as error:
        raise RootWrong(
            f"The root {root} cannot be written ({error.strerror}): name another with --root."
        ) from error


def write_asked(root: Path, asked: dict[str, Any]) -> None:
    """Write how the sweep was run last, as ``Asked``: for a reader, and to rebuild the study.

    Raises:
        OSError: the disk is full or gone.
    """
    if read_asked(root) != asked:
        write_whole(root / ASKED, json.dumps(asked).encode())


def read_asked(root: Path) -> dict[str, Any]:
    """Return how the sweep was run last; nothing where that is not known."""
    try:
        return dict(read(plain_files.read(root / ASKED), AskedShape))
    except (OSError, Unreadable):
        return {}
