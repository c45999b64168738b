"""How files come to the disk: whole, or not at all; and back again, when the disk was gone for a while."""

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

# What a mount answers that is gone for a while: Google Drive's by FUSE, and network file systems.
GONE_FOR_A_WHILE = {errno.EIO, errno.EOPNOTSUPP, errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
PATIENCE_S = 900.0
QUARANTINE = ".quarantine"

T = TypeVar("T")


def write_whole(path: Path, content: bytes, sync: bool = True) -> None:
    """Put ``content`` in place of ``path`` in one step: a reader sees the old file or the new one.

    Where nothing depends on the file, it need not be synced: after a power cut it may then be torn.

    Raises:
        OSError: the disk is full or gone; ``path`` is then as it was.
    """
    beside = path.with_name(path.name + ".part")
    with open(beside, "wb", opener=_without_links) as file:  # Path.open has no opener
        file.write(content)
    if sync:
        put_in_place(beside, path)
    else:
        beside.replace(path)


def _without_links(path: str, flags: int) -> int:
    """Open a file for writing, and not what a link of that name leads to: somebody else may have laid it."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def put_in_place(beside: Path, path: Path) -> None:
    """Make the finished file ``beside`` the file ``path``, once its bytes are on the disk.

    The folder itself is not synced: after a power cut it may show the older file, which is whole as well.
    """
    sync(beside)
    beside.replace(path)


def copy_synced(source: Path | str, target: Path | str) -> None:
    """Copy the bytes of a file, and return once they are on the disk."""
    shutil.copyfile(source, target)
    sync(target)


@contextlib.contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Give a folder beside ``place`` to be filled, and put it in place at once where nothing was raised meanwhile."""
    beside = place.with_name(f".{place.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    yield beside
    beside.rename(place)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_and_sha256(path: Path) -> dict[str, int | str]:
    """Return what recognises this file again: ``bytes`` at once, ``sha256`` for sure."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def is_gone_for_a_while(error: OSError) -> bool:
    """Tell whether the error is one of a drive that may come back."""
    return error.errno in GONE_FOR_A_WHILE


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
    is_gone: Callable[[OSError], bool] = is_gone_for_a_while,
    patience_s: float = PATIENCE_S,
) -> T:
    """Return what ``work`` returns; where the drive is gone for a while, do it again after a growing pause.

    Args:
        work: can be done again after any part of it.
        on_wait: is told once, before the first pause, what there is to wait for.
        stop_asked: ends the waiting.
        is_gone: tells whether an error is one of what may come back.
        patience_s: for how long.

    Raises:
        OSError: of ``work``: another error, or the drive has not come back in a quarter of an hour.
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
    """Move a file or folder below ``root`` into ``root/.quarantine``, under its own name there, and return where it is."""
    place = root / QUARANTINE / path.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    names = (place.with_name(f"{place.name}{f'.{number}' if number else ''}") for number in range(10**6))
    free = next(name for name in names if not name.exists())
    return path.rename(free)


def sync(path: Path | str) -> None:
    """Return once the bytes of the file are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
