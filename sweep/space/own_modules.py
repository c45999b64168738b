"""Find the user's own modules that a search space imports, without importing any of them."""

import ast
import importlib
import sys
from collections.abc import Iterator
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from importlib.util import decode_source
from pathlib import Path

from sweep.space.fingerprint import tree_of
from sweep.space.project import PACKAGE_OF_SPACES, Module, Project, open_projects
from sweep.system.installed import is_of_python

# Never the user's own, wherever they lie: these run in the controller too, or every session records
# their versions.
NOT_OWN = {*sys.stdlib_module_names, "sweep", "keras", "tensorflow", "optuna", "numpy"}
PYTHONS_OWN = (BuiltinImporter, FrozenImporter, PathFinder)


def own_modules(text: str, folder: Path) -> tuple[Module, ...]:
    """Return the user's own modules that a search space imports, directly or not, sorted by name.

    A module is the user's own if it is neither in the standard library nor installed: a neighbour
    of the search space, or a module on PYTHONPATH or of an editable install. Imports inside
    functions count. Imports by a name that is made at run time do not.

    Args:
        text: of the search space.
        folder: where the search space lies.
    """
    importlib.invalidate_caches()  # a file may be newer than Python's list of its folder
    modules: dict[str, Module] = {}
    finder = _Finder(folder)
    texts_to_read = [(text, PACKAGE_OF_SPACES)]
    while texts_to_read:
        for name in dict.fromkeys(_candidates(*texts_to_read.pop())):
            module = None if name in modules else finder.find(name)
            if module:
                modules[name] = module
                texts_to_read.append((module.text, module.package))
    return tuple(modules[name] for name in sorted(modules))


def imports(text: str, package: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each module that is imported anywhere in the text, with the names imported from it.

    Args:
        text: of a module; a text that is no Python imports nothing.
        package: the package that its relative imports start from.
    """
    for node in ast.walk(tree_of(text) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".") if node.level and package else []
            parts = above[: max(0, len(above) + 1 - node.level)]
            if node.module:
                parts.append(node.module)
            if parts:
                yield ".".join(parts), [alias.name for alias in node.names]


def _candidates(text: str, package: str) -> Iterator[str]:
    """Yield the names that may be modules.

    They are each imported module, the packages that it is in, and each name imported from it.
    """
    for module, names in imports(text, package):
        parts = module.split(".")
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
        yield from (f"{module}.{name}" for name in names)


class _Finder:
    """Finds modules as Python does once the folder of the search space is last on ``sys.path``."""

    def __init__(self, folder: Path) -> None:
        appended = {project.appended for project in open_projects()}
        self._path = [entry for entry in sys.path if entry not in appended] + [str(folder)]
        self._specs: dict[str, ModuleSpec | None] = {}
        self._installed: dict[Path, bool] = {}

    def find(self, name: str) -> Module | None:
        """Return the module if it is the user's own and can be read.

        A package without an ``__init__.py`` has no text, and so is not returned.
        """
        spec = self._spec(name)
        path = Path(spec.origin) if spec and spec.origin and spec.has_location else None
        if not path or path.suffix != ".py":
            return None
        try:
            return Module(name, path.absolute(), decode_source(path.read_bytes()))
        except (OSError, SyntaxError, UnicodeDecodeError):  # the import will say what is wrong
            return None

    def _spec(self, name: str) -> ModuleSpec | None:
        """Return the spec of one of the user's own modules, None for any other module."""
        if name not in self._specs:
            parent, _, last = name.rpartition(".")
            self._specs[name] = self._inside(parent, last) if parent else self._at_the_top(name)
        return self._specs[name]

    def _at_the_top(self, name: str) -> ModuleSpec | None:
        if name in NOT_OWN:
            return None
        spec = PathFinder.find_spec(name, self._path)
        for finder in sys.meta_path:  # editable installs may have one of their own
            is_other = finder not in PYTHONS_OWN and not isinstance(finder, Project)
            if not spec and is_other and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, None)
        return None if spec and self._is_installed(spec) else spec

    def _inside(self, parent: str, last: str) -> ModuleSpec | None:
        package = self._spec(parent)
        if not package or package.submodule_search_locations is None:
            return None
        # By its last name alone: with the whole name, Python looks for the package in sys.modules.
        spec = PathFinder.find_spec(last, list(package.submodule_search_locations))
        return None if spec and self._is_installed(spec) else spec

    def _is_installed(self, spec: ModuleSpec) -> bool:
        """Tell whether a module lies among installed packages.

        A namespace package has no path of its own: its modules are asked instead.
        """
        path = Path(spec.origin) if spec.origin and spec.has_location else None
        if not path:
            return False
        if is_of_python(str(path)):
            return True
        folder = path.parent.parent if path.name == "__init__.py" else path.parent
        if folder not in self._installed:
            self._installed[folder] = any(folder.glob("*.dist-info"))  # pip install --target
        return self._installed[folder]
