"""The root of a sweep: where it may lie, and how the sweep was run last."""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.schemas import AskedShape
from sweep.space.locating import locate, project_of
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


def root_of(space: str | Path, root: str | Path | None = None) -> Path:
    """Return the root of a sweep, by default ``experiences/<search space>``.

    A relative root is told from the project of the search space, so that the same file has the same
    root wherever one stands.

    Args:
        space: name or path of the search space, which need not exist.
        root: what was asked for.
    """
    if root and Path(root).is_absolute():
        return Path(root).resolve()
    path = locate(space).resolve()
    return (project_of(path) / (root or DEFAULT / path.stem)).resolve()


def existing_root(space: str | Path, root: Path) -> Path:
    """Return the root of another sweep that is there already.

    It is told as ``root_of`` tells it, or else from the working directory, as a shell completes it.
    """
    told = root_of(space, root)
    return told if plain_files.is_folder(told) else root.resolve()


@dataclass(frozen=True)
class Place:
    """Where the sweep of a search space lies.

    Args:
        search_space: its name.
        root: of the sweep.
        before: where older versions looked for it, which told relative roots from the working
            directory.
    """

    search_space: str
    root: Path
    before: Path

    @classmethod
    def of(cls, space: str, root: str | Path | None) -> "Place":
        """Return the place of the sweep of this search space, under the root that is asked for."""
        name = locate(space).resolve().stem
        before = Path(root or DEFAULT / name).resolve()
        here = locate(name).resolve()
        if root is None and plain_files.is_file(here) and root_of(name) == before:
            before = root_of(space)  # that place is of another search space, of the same name
        return cls(name, root_of(space, root), before)

    def check(self) -> None:
        """Refuse to take this root for an empty one where the sweep lies in the former place.

        Raises:
            RootWrong: it does.
        """
        if self.before == self.root:
            return
        if self._has_sweep(self.before) and not self._has_sweep(self.root):
            raise RootWrong(
                f"There is a sweep of {self.search_space} in {self.before}, and none in "
                f"{self.root}, where its search space keeps it: name the former with --root "
                f"{self.before}, or move that folder to {self.root}."
            )

    def _has_sweep(self, root: Path) -> bool:
        records = filter(None, (experience.read() for experience in experiences_in(root)))
        first = next(records, None)
        return bool(first and first.search_space["name"] == self.search_space)


def study_of(root: Path, study_dir: str | Path | None) -> Path:
    """Return the path of the journal of a root's study.

    It lies in the root, unless that is on Google Drive, which loses, doubles and delays what is
    appended to a file. Then the study lies on the local disk, and is rebuilt from the folders on a
    machine that has none.
    """
    if study_dir is None and not is_on_drive(root):
        return root / STUDY
    local = Path(study_dir or cache_folder())
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
        _make(root)
        tempfile.TemporaryFile(dir=root).close()
    except (FileExistsError, NotADirectoryError):
        raise RootWrong(
            f"The root {root} is, or lies under, a file: name a folder with --root."
        ) from None
    except OSError as error:
        raise RootWrong(
            f"The root {root} cannot be written ({error.strerror}): name another with --root."
        ) from error


def _make(root: Path) -> None:
    """Make the root; where ``experiences/`` is new, too, keep its files out of a git repository."""
    is_new = root.parent.name == DEFAULT.name and plain_files.kind_of(root.parent) is None
    root.mkdir(parents=True, exist_ok=True)
    if is_new:
        write_whole(root.parent / ".gitignore", b"*\n")


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
