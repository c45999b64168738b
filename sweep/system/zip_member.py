"""A member of a zip archive that is written in place, by a library that seeks in its file.

``zipfile`` writes a member from its first byte to its last. What seeks has to write elsewhere
first, and all its bytes twice.
"""

import contextlib
import io
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

READ_AT_ONCE = 2**20


class FilePart(io.RawIOBase):
    """An open file from an offset on, as a file of its own.

    Args:
        file: open for reading and writing.
        offset: where the part begins, in bytes.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        super().__init__()
        self._file, self._offset = file, offset

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        before = self._offset if whence == os.SEEK_SET else 0
        return self._file.seek(before + offset, whence) - self._offset

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        return cast(io.BufferedRandom, self._file).readinto(buffer)

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        return self._file.write(data)

    def truncate(self, size: int | None = None) -> int:
        end = self.tell() if size is None else size
        return self._file.truncate(self._offset + end) - self._offset

    def flush(self) -> None:
        self._file.flush()


@contextlib.contextmanager
def appended(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Yield a file to be filled, which becomes the last member of an archive, uncompressed.

    Args:
        file: the archive, open for reading and writing.
        name: of the member.

    Raises:
        OSError: the disk is full or gone.
    """
    with zipfile.ZipFile(file, "a") as archive:
        member = zipfile.ZipInfo(name, time.localtime()[:6])
        member.header_offset, member.CRC = archive.start_dir, 0
        header = member.FileHeader(zip64=True)
        begin = archive.start_dir + len(header)
        file.truncate(begin)  # over the directory, which is written anew at the end
        yield cast(BinaryIO, FilePart(file, begin))
        member.file_size = member.compress_size = file.seek(0, os.SEEK_END) - begin
        member.CRC = _checksum(file, begin)
        file.seek(member.header_offset)
        file.write(member.FileHeader(zip64=True))
        archive.filelist.append(member)
        archive.NameToInfo[name] = member
        # The archive writes its directory there when it is closed.
        archive.start_dir = begin + member.file_size
        archive._didModify = True  # type: ignore[attr-defined] # noqa: SLF001 # none says so


def _checksum(file: BinaryIO, begin: int) -> int:
    file.seek(begin)
    checksum = 0
    while part := file.read(READ_AT_ONCE):
        checksum = zlib.crc32(part, checksum)
    return checksum
