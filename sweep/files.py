"""How files come to the disk: whole, or not at all."""

import hashlib
import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put ``content`` in place of ``path`` in one step: a reader sees the old file or the new one.

    Raises:
        OSError: the disk is full or gone; ``path`` is then as it was.
    """
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
    put_in_place(beside, path)


def put_in_place(beside: Path, path: Path) -> None:
    """Make the finished file ``beside`` the file ``path``, once its bytes are on the disk.

    The folder itself is not synced: after a power cut it may show the older file, which is whole as well.
    """
    descriptor = os.open(beside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
