"""Import the user's own modules from the texts that were read, whatever becomes of their files."""

import io
import linecache
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sweep.space.fingerprint import fingerprint

PACKAGE_OF_SPACES = "search_spaces"


@dataclass(frozen=True)
class Module:
    """One of the user's own modules, whose text was read once."""

    name: str
    path: Path
    text: str

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def file(self) -> str:
        """The path of its file, below the folder in which Python finds it."""
        return f"{self.name.replace('.', '/')}{'/__init__' if self.is_package else ''}.py"

    def fingerprint(self) -> dict[str, str]:
        """Return a hash of each top-level part, by name."""
        return fingerprint(self.text)


class _TextLoader(SourceFileLoader):
    """A loader that executes a module from its text, and finds the files beside it."""

    def __init__(self, module: Module) -> None:
        super().__init__(module.name, str(module.path))
        self._text = module.text

    def get_source(self, fullname: str) -> str:
        return self._text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._text, self.path)


class Project(MetaPathFinder):
    """A finder that imports the user's own modules from the texts that were read.

    Args:
        main: the search space. It is not imported; tracebacks show its lines as they were read.
        modules: those that can be imported.
    """

    def __init__(self, main: Module, modules: Sequence[Module]) -> None:
        self._modules = {module.name: module for module in modules}
        self._texts = {str(module.path): module.text for module in (main, *modules)}
        self._folder = str(main.path.parent)
        self.appended: str | None = None
        self._former: dict[str, ModuleType] = {}

    def open(self) -> None:
        """Open this project in place of the one that was open, and forget the modules of that one.

        Otherwise one of them could be taken for a module of this project.
        """
        close_all()
        self._former = {name: sys.modules[name] for name in self._modules if name in sys.modules}
        self._forget()
        sys.meta_path.insert(0, self)
        if self._folder not in sys.path:
            sys.path.append(self._folder)  # last: a neighbour must not hide an installed package
            self.appended = self._folder
        for path in self._texts:
            linecache.updatecache(path)

    def close(self) -> None:
        """Let imports and ``linecache`` find the files on the disk again.

        The modules that were imported before are back in ``sys.modules``.
        """
        sys.meta_path.remove(self)
        if self.appended in sys.path:
            sys.path.remove(self.appended)
        self._forget()
        sys.modules.update(self._former)

    def _forget(self) -> None:
        for name in self._modules:
            sys.modules.pop(name, None)
        for path in self._texts:
            linecache.cache.pop(path, None)

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        module = self._modules.get(fullname)
        if not module:
            return None
        inside = [str(module.path.parent)] if module.is_package else None
        return spec_from_file_location(
            fullname, module.path, loader=_TextLoader(module), submodule_search_locations=inside
        )

    def lines_of(self, path: str) -> list[str] | None:
        """Return the lines of a file of this project, None for any other file."""
        if path not in self._texts:
            return None
        return io.StringIO(f"{self._texts[path].rstrip()}\n").readlines()


def close_all() -> None:
    """Close the project that is open, if one is."""
    for project in open_projects():
        project.close()


def open_projects() -> list[Project]:
    return [finder for finder in sys.meta_path if isinstance(finder, Project)]


def _lines(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
    """Return the lines of a file; those of the open project as they were read.

    ``linecache`` would read the file again at each update. TensorFlow's autograph asks for an
    update for each function, and would then compile what the file holds now.
    """
    for project in open_projects():
        lines = project.lines_of(filename)
        if lines is not None:
            linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
            return lines
    return _lines_on_disk(filename, module_globals)


_lines_on_disk = linecache.updatecache
linecache.updatecache = _lines
