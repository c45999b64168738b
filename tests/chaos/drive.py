"""A stand-in for Google Drive's mount, which can fail, die, and be slow.

drive.py BACKING MOUNTPOINT CONTROL BYTES_A_SECOND

A FUSE file system that passes on to the folder BACKING. /proc/mounts calls it ``fuse.drive``, as on
Colab. There are no links (errno 95). While the file CONTROL holds the number of an errno, every
operation fails with it.
"""

import contextlib
import errno
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

INSTALL = (
    "a stand-in for Google Drive cannot be mounted here ({}): install FUSE and its Python binding "
    "(apt install fuse3 libfuse2; pip install mfusepy), "
    "in a container with --device /dev/fuse --cap-add SYS_ADMIN"
)
WAIT_S = 10.0
OWN = {"at", "errno", "release", "use_ns", "bytes_a_second", "free_at"}  # no operations that fail


class NoDrive(Exception):
    """This machine cannot mount a file system of FUSE; the text says what to install."""


class Drive:
    """A drive, mounted at ``mounted`` while the context lasts; ``backing`` is what it holds.

    It takes ``bytes_a_second``, infinitely many by default.
    """

    def __init__(self, folder: Path, bytes_a_second: float = math.inf) -> None:
        self._bytes_a_second = bytes_a_second
        self.backing, self.mounted, self._control = (
            folder / "backing",
            folder / "drive",
            folder / "control",
        )

    @contextlib.contextmanager
    def seen_from_elsewhere(self) -> Iterator[Path]:
        """Give where another machine has mounted the drive; neither sees the locks of the other."""
        elsewhere = Drive(self.backing.parent / "elsewhere")
        elsewhere.backing = self.backing
        with elsewhere:
            yield elsewhere.mounted

    def __enter__(self) -> "Drive":
        """Raises NoDrive where it cannot be mounted."""
        for folder in (self.backing, self.mounted):
            folder.mkdir(parents=True, exist_ok=True)
        self.mend()
        self.mount()
        return self

    def __exit__(self, *error: object) -> None:
        self.mend()
        self.unmount()

    def fail(self, number: int) -> None:
        """Let every operation fail with this errno from now on."""
        self._control.write_text(str(number))

    def mend(self) -> None:
        """Let every operation succeed again."""
        self._control.write_text("")

    def kill(self) -> None:
        """SIGKILL the daemon: from now on, until ``mount``, the kernel answers with errno 107."""
        self._daemon.kill()
        self._daemon.wait()

    def mount(self) -> None:
        """Mount the drive, also again after ``kill``. Raises NoDrive if that does not work."""
        self.unmount()
        folders = [str(self.backing), str(self.mounted), str(self._control)]
        words = [sys.executable, __file__, *folders, str(self._bytes_a_second)]
        with (self.backing.parent / "said").open("w+") as said:
            self._daemon = subprocess.Popen(words, stderr=said)
            until = time.monotonic() + WAIT_S
            while not self._is_mounted():
                if self._daemon.poll() is not None or time.monotonic() > until:
                    self.kill()
                    said.seek(0)
                    raise NoDrive(
                        INSTALL.format(
                            (said.read().strip() or "it did not come up").splitlines()[-1]
                        )
                    )
                time.sleep(0.01)

    def unmount(self) -> None:
        """Unmount at once, whoever has files open there."""
        if self._is_mounted():
            subprocess.run(["umount", "-l", self.mounted], check=True)
            self.kill()

    def _is_mounted(self) -> bool:
        return f" {self.mounted} fuse.drive " in Path("/proc/mounts").read_text()


class Loopback:
    """Passes on to the backing folder what the kernel asks of the drive.

    mfusepy makes an errno of each OSError.
    """

    use_ns = True  # times in nanoseconds

    def __init__(self, backing: str, control: str, bytes_a_second: float) -> None:
        self.at = lambda path: Path(backing + path)
        self.errno = Path(control).read_text
        self.bytes_a_second, self.free_at = bytes_a_second, 0.0

    def __getattribute__(self, name):
        """Every operation is looked up here, so every one can be made to fail."""
        if name not in OWN and (number := self.errno().strip()):
            raise OSError(int(number), os.strerror(int(number)))
        return object.__getattribute__(self, name)

    def getattr(self, path, handle=None):
        found = self.at(path).lstat()
        whole = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        return {
            **whole,
            **{f"st_{kind}time": getattr(found, f"st_{kind}time_ns") for kind in "amc"},
        }

    def readdir(self, path, handle):
        return [".", "..", *(found.name for found in self.at(path).iterdir())]

    def create(self, path, mode, info=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def open(self, path, flags):
        return os.open(self.at(path), flags)

    def read(self, path, size, offset, handle):
        return os.pread(handle, size, offset)

    def write(self, path, content, offset, handle):
        now = time.monotonic()
        self.free_at = max(now, self.free_at) + len(content) / self.bytes_a_second
        time.sleep(self.free_at - now)
        return os.pwrite(handle, content, offset)

    def truncate(self, path, length, handle=None):
        os.truncate(self.at(path), length)

    def fsync(self, path, datasync, handle):
        os.fsync(handle)

    def release(self, path, handle):
        os.close(handle)

    def rename(self, old, new, flags=0):
        self.at(old).rename(self.at(new))

    def mkdir(self, path, mode):
        self.at(path).mkdir(mode)

    def rmdir(self, path):
        self.at(path).rmdir()

    def unlink(self, path):
        self.at(path).unlink()

    def chmod(self, path, mode):
        self.at(path).chmod(mode)

    def utimens(self, path, times=None):
        os.utime(self.at(path), ns=times)

    def statfs(self, path):
        found = os.statvfs(self.at(path))
        return {name: getattr(found, name) for name in dir(found) if name.startswith("f_")}

    def symlink(self, target, source):
        raise OSError(errno.EOPNOTSUPP, "a drive has no links")

    link = symlink


if __name__ == "__main__":
    from mfusepy import FUSE

    # The kernel is to remember nothing, so that a failure is seen at once.
    forget = {"attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0}
    FUSE(
        Loopback(sys.argv[1], sys.argv[3], float(sys.argv[4])),
        sys.argv[2],
        foreground=True,
        nothreads=True,
        subtype="drive",
        **forget,
    )
