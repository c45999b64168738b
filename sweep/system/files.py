"""How files come to the disk: whole, or not at all; and back again, when the disk was gone for a while."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from sweep.system import plain_files

# What a mount answers that is gone for a while: Google Drive's by FUSE, and network file systems.
GONE_FOR_A_WHILE = {errno.EIO, errno.EOPNOTSUPP, errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT}
# And what besides keeps us from writing until somebody makes room, or mounts the disk again.
UNWRITABLE = GONE_FOR_A_WHILE | {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
CANNOT_SYNC = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.ENOSYS,
}  # what a file system answers that knows no fsync
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
PATIENCE_S = float(os.environ.get("SWEEP_PATIENCE_S", "900"))
QUARANTINE = ".quarantine"
UNFINISHED = ".part"
COPIED_AT_ONCE = 2**20

T = TypeVar("T")


def unfenced() -> None:
    """Let a write through: nobody else can be writing there."""


def write_whole(
    path: Path, content: bytes, sync: bool = True, fence: Callable[[], None] = unfenced
) -> None:
    """Put ``content`` in place of ``path`` in one step: a reader sees the old file or the new one.

    Args:
        path: of the file.
        content: of the file.
        sync: where nothing depends on the file, it need not be: after a power cut it may then be torn.
        fence: is asked first and last; it raises where the file is no longer this process's to write.

    Raises:
        OSError: the disk is full or gone; ``path`` is then as it was.
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
    """Make the finished file ``beside`` the file ``path``, once its bytes are on the disk and the fence lets it through.

    The folder itself is not synced: after a power cut it may show the older file, which is whole as well.
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


def sync_file(file: BinaryIO) -> None:
    """Return once what was written is on the disk, or as near to it as its file system lets anybody bring it."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise


@contextlib.contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Give a folder beside ``place`` to be filled, and put it in place at once where nothing was raised meanwhile."""
    beside = place.with_name(f".{place.name}{UNFINISHED}")
    plain_files.remove_folder(beside)
    plain_files.make_folder(beside)
    yield beside
    plain_files.rename(beside, place)


def names_of(*names: str) -> re.Pattern[str]:
    """Return the pattern of file names that these are, or that a Google Drive makes of them.

    It doubles a file as ``name (1).ending``.
    """
    split = [(Path(name).stem, Path(name).suffix) for name in names]
    return re.compile(
        "|".join(rf"{re.escape(stem)}(?: \(\d+\))?{re.escape(suffix)}" for stem, suffix in split)
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hexadecimal."""
    with plain_files.reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_and_sha256(path: Path) -> dict[str, int | str]:
    """Return what recognises this file again: ``bytes`` at once, ``sha256`` for sure."""
    return {"bytes": plain_files.status(path).st_size, "sha256": sha256_of(path)}


def is_gone_for_a_while(error: OSError) -> bool:
    """Tell whether the error is one of a drive that may come back."""
    return error.errno in GONE_FOR_A_WHILE


def is_unwritable_for_a_while(error: OSError) -> bool:
    """Tell whether the error is one of a disk that may be written again: its drive comes back, or somebody makes room."""
    return error.errno in UNWRITABLE


def pauses() -> Iterator[float]:
    """Yield how many seconds to wait before the next try: each pause twice the one before, a minute at most."""
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
    """Return what ``work`` returns; where the disk is gone or full for a while, do it again after a growing pause.

    Args:
        work: can be done again after any part of it.
        on_wait: is told once, before the first pause, what there is to wait for.
        stop_asked: ends the waiting.
        is_gone: tells whether an error is one of what may come back.
        patience_s: for how long.

    Raises:
        OSError: of ``work``: another error, or the disk is not back in a quarter of an hour (SWEEP_PATIENCE_S seconds).
    """
    until, said = time.monotonic() + patience_s, False
    for pause in pauses():
        try:
            return work()
        except OSError as error:
            if not is_gone(error) or stop_asked() or time.monotonic() > until:
                raise
            if not said:
                on_wait(error)
                said = True
        wake = time.monotonic() + pause
        while time.monotonic() < wake and not stop_asked():
            time.sleep(min(pause, 0.1))
    raise AssertionError("pauses never end")


def move_to_quarantine(path: Path, root: Path) -> Path:
    """Move what is below ``root`` into ``root/.quarantine``, under its own name there, and return where it is.

    Of a link, the link itself is moved.

    Raises:
        NotPlain: the quarantine is a link, or no folder.
        OSError: the disk is full or gone.
    """
    place = root / QUARANTINE / path.relative_to(root)
    plain_files.make_folder(place.parent)
    names = (
        place.with_name(f"{place.name}{f'.{number}' if number else ''}") for number in range(10**6)
    )
    free = next(name for name in names if plain_files.kind_of(name) is None)
    plain_files.rename(path, free)
    return free
