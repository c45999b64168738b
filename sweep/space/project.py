"""The user's own modules that a search space imports: found without importing any, and executed as they were read."""

import ast
import importlib
import io
import linecache
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import (
    BuiltinImporter,
    FrozenImporter,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
)
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sweep.space.fingerprint import fingerprint, tree_of
from sweep.system.installed import is_of_python

# Never the user's own, wherever they lie: they run in the controller too, or every session records their versions.
NOT_OWN = {*sys.stdlib_module_names, "sweep", "keras", "tensorflow", "optuna", "numpy"}
PYTHONS_OWN = (BuiltinImporter, FrozenImporter, PathFinder)
PACKAGE_OF_SPACES = "search_spaces"


@dataclass(frozen=True)
class Module:
    """One of the user's own modules, its text read once."""

    name: str
    path: Path
    text: str

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """What its relative imports begin from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def file(self) -> str:
        """The file in words: where it lies below the folder that Python finds it in."""
        return f"{self.name.replace('.', '/')}{'/__init__' if self.is_package else ''}.py"

    def fingerprint(self) -> dict[str, str]:
        """Return a hash of each top-level part, by name."""
        return fingerprint(self.text)


def own_modules(text: str, folder: Path) -> tuple[Module, ...]:
    """Return the user's own modules that a search space imports, directly or not, sorted by name.

    Own is what is neither in the standard library nor installed: a neighbour of the search space, or a module on PYTHONPATH
    or of an editable install. Imports inside functions count. What is imported by a name that is made at run time does not.

    Args:
        text: of the search space.
        folder: where the search space lies.
    """
    importlib.invalidate_caches()  # a file may be younger than what Python remembers of its folder
    found: dict[str, Module] = {}
    search = _Search(folder)
    left = [(text, PACKAGE_OF_SPACES)]
    while left:
        for name in dict.fromkeys(_candidates(*left.pop())):
            module = None if name in found else search.find(name)
            if module:
                found[name] = module
                left.append((module.text, module.package))
    return tuple(found[name] for name in sorted(found))


def imports(text: str, package: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each module that is imported anywhere in the text, and the names that are taken from it.

    Args:
        text: of a module; one that is no Python imports nothing.
        package: what its relative imports begin from.
    """
    for node in ast.walk(tree_of(text) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".") if node.level and package else []
            parts = [
                *above[: max(0, len(above) + 1 - node.level)],
                *([node.module] if node.module else []),
            ]
            if parts:
                yield ".".join(parts), [alias.name for alias in node.names]


def _candidates(text: str, package: str) -> Iterator[str]:
    """Yield what may be a module: what is imported, the packages that it is in, and what is taken from it."""
    for module, names in imports(text, package):
        parts = module.split(".")
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
        yield from (f"{module}.{name}" for name in names)


class _Search:
    """Finds modules where Python would, once the folder of the search space is the last on ``sys.path``."""

    def __init__(self, folder: Path) -> None:
        appended = {project.appended for project in _projects()}
        self._path = [entry for entry in sys.path if entry not in appended] + [str(folder)]
        self._specs: dict[str, ModuleSpec | None] = {}
        self._installed: dict[Path, bool] = {}

    def find(self, name: str) -> Module | None:
        """Return the module where it is the user's own and can be read; a package without a file of its own is none."""
        spec = self._spec(name)
        path = Path(spec.origin) if spec and spec.origin and spec.has_location else None
        if not path or path.suffix != ".py":
            return None
        try:
            return Module(name, path.absolute(), decode_source(path.read_bytes()))
        except (
            OSError,
            SyntaxError,
            UnicodeDecodeError,
        ):  # Python says at the import what is wrong with it
            return None

    def _spec(self, name: str) -> ModuleSpec | None:
        """Return where a module of the user's own is, None for any other."""
        if name not in self._specs:
            parent, _, last = name.rpartition(".")
            self._specs[name] = self._inside(parent, last) if parent else self._at_the_top(name)
        return self._specs[name]

    def _at_the_top(self, name: str) -> ModuleSpec | None:
        if name in NOT_OWN:
            return None
        spec = PathFinder.find_spec(name, self._path)
        for finder in sys.meta_path:  # editable installs may have one of their own
            if (
                not spec
                and finder not in PYTHONS_OWN
                and not isinstance(finder, Project)
                and hasattr(finder, "find_spec")
            ):
                spec = finder.find_spec(name, None)
        return None if spec and self._is_installed(spec) else spec

    def _inside(self, parent: str, last: str) -> ModuleSpec | None:
        package = self._spec(parent)
        if not package or package.submodule_search_locations is None:
            return None
        # By its last name alone: Python would look for the package of the whole name among what is imported.
        spec = PathFinder.find_spec(last, list(package.submodule_search_locations))
        return None if spec and self._is_installed(spec) else spec

    def _is_installed(self, spec: ModuleSpec) -> bool:
        """Tell whether it lies among installed packages; of a namespace package, its modules tell."""
        path = Path(spec.origin) if spec.origin and spec.has_location else None
        if not path:
            return False
        if is_of_python(str(path)):
            return True
        holds = path.parent.parent if path.name == "__init__.py" else path.parent
        if holds not in self._installed:
            self._installed[holds] = any(holds.glob("*.dist-info"))  # pip install --target
        return self._installed[holds]


class _AsRead(SourceFileLoader):
    """Executes a module from its text, and finds the files beside it."""

    def __init__(self, module: Module) -> None:
        super().__init__(module.name, str(module.path))
        self._text = module.text

    def get_source(self, fullname: str) -> str:
        return self._text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._text, self.path)


class Project(MetaPathFinder):
    """Imports the user's own modules from the texts that were read, whatever has become of their files.

    Args:
        main: the search space, which is shown where it raises, and not imported.
        modules: that can be imported.
    """

    def __init__(self, main: Module, modules: Sequence[Module]) -> None:
        self._modules = {module.name: module for module in modules}
        self._texts = {str(module.path): module.text for module in (main, *modules)}
        self._folder = str(main.path.parent)
        self.appended: str | None = None
        self._former: dict[str, ModuleType] = {}

    def open(self) -> None:
        """Take the place of the project that was open: of its modules, none is left to be taken for one of this."""
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
        """Let imports, and who looks for the lines of a file, find what is on the disk; what was imported is there again."""
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
            fullname, module.path, loader=_AsRead(module), submodule_search_locations=inside
        )

    def lines_of(self, path: str) -> list[str] | None:
        """Return the lines of a file of this project, None for any other file."""
        return (
            io.StringIO(f"{self._texts[path].rstrip()}\n").readlines()
            if path in self._texts
            else None
        )


def close_all() -> None:
    """Close the project that is open, if one is."""
    for project in _projects():
        project.close()


def _projects() -> list[Project]:
    return [finder for finder in sys.meta_path if isinstance(finder, Project)]


def _lines(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
    """Return the lines of a file, of the open project as they were read.

    ``linecache`` would read the file again whenever it is asked to, and TensorFlow's autograph asks for each function: it
    then compiles what stands there now.
    """
    for project in _projects():
        lines = project.lines_of(filename)
        if lines is not None:
            linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
            return lines
    return _lines_on_disk(filename, module_globals)


_lines_on_disk = linecache.updatecache
linecache.updatecache = _lines
