"""Find the user's own modules that a search space imports, without importing any of them."""

import ast
import importlib
import sys
from collections.abc import Iterator
from importlib.machinery import (
    BuiltinImporter,
    FrozenImporter,
    ModuleSpec,
    PathFinder,
)
from importlib.util import decode_source
from pathlib import Path

from sweep.space.fingerprint import tree_of
from sweep.space.project import PACKAGE_OF_SPACES, Module, Project, open_projects
from sweep.system.installed import is_of_python

# Never the user's own, wherever they lie: they run in the controller too, or every session records their versions.
NOT_OWN = {*sys.stdlib_module_names, "sweep", "keras", "tensorflow", "optuna", "numpy"}
PYTHONS_OWN = (BuiltinImporter, FrozenImporter, PathFinder)


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
        appended = {project.appended for project in open_projects()}
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
