"""Files and folders below a root, opened by name and never through a link.

A root may belong to somebody else, or lie on a shared drive. So a file is opened below the
descriptor of its folder, after a check that this is the folder of that path: no part of the path is
a link. Paths must be resolved, as those below ``sweep.experience.root.root_of`` are. Opening never
waits for a pipe.
"""

import contextlib
import errno
import io
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

# Without O_PATH, the drive would have to list each folder that is opened.
TO_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
TO_FILE = os.O_NOFOLLOW | os.O_NONBLOCK
MOST = 2**28  # bytes of a file that is read whole; a larger one is not one of sweep's
FILE, FOLDER = "a file", "a folder"
KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


class NotPlain(OSError):
    """Something else stands where sweep keeps a plain file or folder; it was not touched."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def open_plain(path: Path, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of the plain file ``path``, opened with the ``flags`` of ``os.open``.

    Raises:
        NotPlain: it is something else, or a part of the path to it is a link.
        OSError: it cannot be opened.
    """
    descriptor = None if flags & os.O_CREAT else _open_at_once(str(path), flags | TO_FILE)
    if descriptor is None:
        with _folder_of(path) as folder:
            try:
                descriptor = os.open(path.name, flags | TO_FILE, 0o666, dir_fd=folder)
            except OSError:
                _refuse_other_kinds(path, folder)
                raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _not_plain(path, mode, "file")
    return descriptor


def reading(path: Path) -> io.BufferedReader:
    """Return a file that is open for reading; raises as ``open_plain``."""
    return os.fdopen(open_plain(path), "rb")


def changing(path: Path) -> io.BufferedRandom:
    """Return a file, open for reading and writing; an empty one is made where it is missing."""
    return os.fdopen(open_plain(path, os.O_RDWR | os.O_CREAT), "r+b")


def created(path: Path) -> io.BufferedRandom:
    """Return a new file, open for writing, in place of what an earlier write left there."""
    remove(path)
    return os.fdopen(open_plain(path, os.O_RDWR | os.O_CREAT | os.O_EXCL), "w+b")


def read(path: Path, most: int | None = MOST) -> bytes:
    """Return the bytes of a file.

    Raises:
        NotPlain: as ``open_plain``, or the file has more bytes than ``most``.
        OSError: it cannot be read.
    """
    with os.fdopen(open_plain(path), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise NotPlain(
                errno.EFBIG, f"it has {size:,} bytes, and none of sweep's has", str(path)
            )
        return file.read()


def remove(path: Path) -> None:
    """Remove a file or a link, if it is there; raises NotPlain for a folder."""
    with contextlib.suppress(FileNotFoundError), _folder_of(path) as folder:
        try:
            os.unlink(path.name, dir_fd=folder)
        except OSError:
            _refuse_other_kinds(path, folder)
            raise


def replace(source: Path, target: Path) -> None:
    """Rename the file ``source`` to ``target``, in one step.

    Raises:
        NotPlain: ``target`` exists, and is no plain file.
        OSError: the disk is full or gone.
    """
    with _folder_of(source) as old, _folder_of(target) as new:
        _refuse_other_kinds(target, new)
        os.replace(source.name, target.name, src_dir_fd=old, dst_dir_fd=new)


def rename(source: Path, target: Path) -> None:
    """Rename a file, a folder, or a link itself."""
    with _folder_of(source) as old, _folder_of(target) as new:
        os.rename(source.name, target.name, src_dir_fd=old, dst_dir_fd=new)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing.

    Raises:
        NotPlain: something else has the name.
        OSError: the disk is full or gone.
    """
    try:
        with _folder_of(path) as parent, contextlib.suppress(FileExistsError):
            os.mkdir(path.name, dir_fd=parent)
    except FileNotFoundError:
        make_folder(path.parent)
        make_folder(path)
    os.close(_open_folder(path))


def remove_folder(path: Path) -> None:
    """Remove one of sweep's folders with its contents, as far as possible; or a link itself."""
    with contextlib.suppress(OSError), _folder_of(path) as parent:
        shutil.rmtree(path.name, ignore_errors=True, dir_fd=parent)
        os.unlink(path.name, dir_fd=parent)


def status(path: Path) -> os.stat_result:
    """Return the result of ``os.lstat`` for a plain file; raises as ``open_plain``."""
    descriptor = open_plain(path, os.O_PATH)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def kind_of(path: Path) -> str | None:
    """Return ``FILE``, ``FOLDER``, "a symbolic link", …; None where there is nothing.

    A path that leads through a link counts as nothing.
    """
    try:
        with _folder_of(path) as folder:
            mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
    except (FileNotFoundError, NotPlain):
        return None
    return _kind(mode)


def is_file(path: Path) -> bool:
    """Tell whether the path is a plain file."""
    return kind_of(path) == FILE


def is_folder(path: Path) -> bool:
    """Tell whether the path is a folder, and no link to one."""
    return kind_of(path) == FOLDER


def contents(folder: Path) -> dict[Path, str]:
    """Return the paths in a folder, sorted, with their kinds as ``kind_of`` names them.

    The result is empty where the folder is missing, or is no plain folder.
    """
    return {folder / name: kind for name, kind in sorted(_listed(folder).items())}


def files_in(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """Return the plain files in a folder whose names match, sorted."""
    kinds = sorted(_listed(folder).items())
    return [folder / name for name, kind in kinds if kind == FILE and names.fullmatch(name)]


def _listed(folder: Path) -> dict[str, str]:
    try:
        descriptor = _open_folder(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotPlain):
        return {}
    try:
        with os.scandir(descriptor) as entries:
            kinds = {entry.name: _kind_of_entry(entry) for entry in entries}
        return {name: kind for name, kind in kinds.items() if kind}
    except OSError as error:
        error.filename = str(folder)
        raise
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "a device")


def _kind_of_entry(entry: "os.DirEntry[str]") -> str | None:
    """Return the kind, or None where the entry was removed meanwhile.

    A drive lists names without their kinds, so that this may ask it again.
    """
    if entry.is_file(follow_symlinks=False):
        return FILE
    if entry.is_dir(follow_symlinks=False):
        return FOLDER
    try:
        return _kind(entry.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    """Open the folder that ``path`` lies in; an error inside names the whole path, not its end."""
    descriptor = _open_folder(path.parent)
    try:
        yield descriptor
    except NotPlain:
        raise
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)


def _open_folder(path: Path, flags: int = TO_FOLDER) -> int:
    descriptor = _open_at_once(str(path), flags)
    return _walk_to(path.absolute(), flags) if descriptor is None else descriptor


def _open_at_once(path: str, flags: int) -> int | None:
    """Open this very path, or return None where some part of it may be a link.

    Raises:
        FileNotFoundError: the path does not exist.
    """
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError:  # opening it part by part shows at which one
        return None
    with contextlib.suppress(OSError):  # there is no /proc
        if os.readlink(f"/proc/self/fd/{descriptor}") == path:  # noqa: PTH115 # a Path takes longer
            return descriptor
    os.close(descriptor)
    return None


def _walk_to(path: Path, flags: int) -> int:
    """Open a folder by one part of its path after the other.

    This takes longer. It is needed where the system knows the folder by another name than sweep
    does, and to name the part that is a link.
    """
    part, descriptor = Path(path.anchor), os.open(path.anchor, TO_FOLDER)
    for name in path.parts[1:]:
        above, part = descriptor, part / name
        try:
            descriptor = os.open(name, flags if part == path else TO_FOLDER, dir_fd=above)
        except OSError as error:
            _refuse_other_kinds(part, above, wanted=stat.S_IFDIR)
            error.filename = str(part)
            raise
        finally:
            os.close(above)
    return descriptor


def _refuse_other_kinds(path: Path, folder: int, wanted: int = stat.S_IFREG) -> None:
    """Raise NotPlain where the name belongs to another kind than the one that is wanted."""
    try:
        mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:  # nothing is there, or the disk fails: the caller gets that error too
        return
    if stat.S_IFMT(mode) != wanted:
        raise _not_plain(path, mode, "file" if wanted == stat.S_IFREG else "folder")


def _not_plain(path: Path, mode: int, wanted: str) -> NotPlain:
    return NotPlain(
        errno.ELOOP, f"{_kind(mode)} stands where sweep keeps a plain {wanted}", str(path)
    )
