"""Write a file whole or not at all, and wait for a disk that is gone or full for a while."""

import contextlib
import errno
import hashlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from sweep.system import plain_files

# Errors of a mount that is gone for a while: Google Drive by FUSE, and network file systems.
GONE_FOR_A_WHILE = {errno.EIO, errno.EOPNOTSUPP, errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT}
# These too, of a disk that cannot be written until somebody makes room, or mounts it again.
UNWRITABLE = GONE_FOR_A_WHILE | {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
# Errors of a file system that has no fsync.
CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
PATIENCE_S = float(os.environ.get("SWEEP_PATIENCE_S", "900"))
QUARANTINE = ".quarantine"
UNFINISHED = ".part"
COPIED_AT_ONCE = 2**20

T = TypeVar("T")


def unfenced() -> None:
    """Allow every write: no other process can be writing there."""


def write_whole(
    path: Path, content: bytes, sync: bool = True, fence: Callable[[], None] = unfenced
) -> None:
    """Replace ``path`` by a file with this content, in one step: a reader sees the old or the new.

    Args:
        path: of the file.
        content: of the file.
        sync: False where nothing depends on the file: after a power cut it may then be torn.
        fence: called before the write and before the replacement; it raises where the file is no
            longer this process's to write.

    Raises:
        OSError: the disk is full or gone; ``path`` is then unchanged.
    """
    beside = path.with_name(path.name + UNFINISHED)
    fence()
    with plain_files.created(beside) as file:
        file.write(content)
        if sync:
            sync_file(file)
    fence()
    plain_files.replace(beside, path)


def put_in_place(beside: Path, path: Path, fence: Callable[[], None] = unfenced) -> None:
    """Rename the finished file ``beside`` to ``path``, once its bytes are on the disk.

    The fence is called in between. The folder itself is not synced: after a power cut it may show
    the older file, which is whole as well.
    """
    with plain_files.reading(beside) as file:
        sync_file(file)
    fence()
    plain_files.replace(beside, path)


def copy_synced(source: Path, target: Path) -> None:
    """Copy the bytes of a file to a new one, and return once they are on the disk."""
    with plain_files.reading(source) as content, plain_files.created(target) as copied:
        shutil.copyfileobj(content, copied, COPIED_AT_ONCE)
        sync_file(copied)


def copy_folder(source: Path, target: Path, copy: Callable[[Path, Path], None]) -> None:
    """Copy the files of a folder and of its folders into ``target``, with ``copy``.

    Anything that is neither a file nor a folder is left out. Modes are not copied: a folder that is
    read-only in the source must be writable in the copy.
    """
    plain_files.make_folder(target)
    for path, kind in plain_files.contents(source).items():
        if kind == plain_files.FILE:
            copy(path, target / path.name)
        elif kind == plain_files.FOLDER:
            copy_folder(path, target / path.name, copy)


def sync_file(file: BinaryIO) -> None:
    """Return once what was written is on the disk, or as near to it as the file system allows."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise


@contextlib.contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Yield a new folder to be filled, and rename it to ``place`` unless an error is raised."""
    beside = place.with_name(f".{place.name}{UNFINISHED}")
    plain_files.remove_folder(beside)
    plain_files.make_folder(beside)
    yield beside
    plain_files.rename(beside, place)


def names_of(*names: str) -> re.Pattern[str]:
    """Return a pattern of these file names, and of the names that Google Drive gives their doubles.

    It names the double of a file ``name (1).ending``.
    """
    split = [(re.escape(Path(name).stem), re.escape(Path(name).suffix)) for name in names]
    return re.compile("|".join(rf"{stem}(?: \(\d+\))?{suffix}" for stem, suffix in split))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hexadecimal."""
    with plain_files.reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_and_sha256(path: Path) -> dict[str, int | str]:
    """Return what identifies the file's content: ``bytes`` at a glance, ``sha256`` for sure."""
    return {"bytes": plain_files.status(path).st_size, "sha256": sha256_of(path)}


def is_gone_for_a_while(error: OSError) -> bool:
    """Tell whether the error comes from a drive that may come back."""
    return error.errno in GONE_FOR_A_WHILE


def is_unwritable_for_a_while(error: OSError) -> bool:
    """Tell whether the disk may become writable: its drive comes back, or somebody makes room."""
    return error.errno in UNWRITABLE


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each retry: twice the pause before, a minute at most."""
    pause = FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_S)


def patiently(
    work: Callable[[], T],
    on_wait: Callable[[OSError], None],
    stop_asked: Callable[[], bool],
    is_gone: Callable[[OSError], bool] = is_unwritable_for_a_while,
    patience_s: float = PATIENCE_S,
) -> T:
    """Return what ``work`` returns; retry it, after growing pauses, while the disk is gone or full.

    Args:
        work: can be repeated after any part of it.
        on_wait: called once, before the first pause, with the error to wait out.
        stop_asked: ends the waiting where it returns True.
        is_gone: tells whether an error may pass.
        patience_s: how long to wait, in seconds.

    Raises:
        OSError: the error of ``work``, where it is another one, or where the disk is not back
            after a quarter of an hour (``SWEEP_PATIENCE_S`` seconds).
    """
    until, has_told = time.monotonic() + patience_s, False
    for pause in pauses():
        try:
            return work()
        except OSError as error:
            if not is_gone(error) or stop_asked() or time.monotonic() > until:
                raise
            if not has_told:
                on_wait(error)
                has_told = True
        wake = time.monotonic() + pause
        while time.monotonic() < wake and not stop_asked():
            time.sleep(min(pause, 0.1))
    raise AssertionError("pauses never end")


def move_to_quarantine(path: Path, root: Path) -> Path:
    """Move a file or folder below ``root`` to the same place in ``root/.quarantine``.

    A link is moved itself.

    Returns:
        The new path. It ends in a number where the name was taken.

    Raises:
        NotPlain: the quarantine is a link, or no folder.
        OSError: the disk is full or gone.
    """
    place = root / QUARANTINE / path.relative_to(root)
    plain_files.make_folder(place.parent)
    numbered = (place.with_name(f"{place.name}.{number}") for number in range(1, 10**6))
    names = itertools.chain([place], numbered)
    free = next(name for name in names if plain_files.kind_of(name) is None)
    plain_files.rename(path, free)
    return free
