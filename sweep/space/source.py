"""Find the file of a search space, read it once, and tell what was changed in it since."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep.errors import Misuse
from sweep.space.fingerprint import fingerprint
from sweep.space.locating import FOLDER, locate
from sweep.space.own_modules import imports, own_modules
from sweep.space.project import PACKAGE_OF_SPACES, Module
from sweep.wording import nearest

# The description of its code that a record keeps, see ``SpaceSource.identity``.
Code = dict[str, Any]


@dataclass(frozen=True)
class SpaceSource:
    """The text of a search space, read once: every training of a run executes this, no later edit.

    ``modules`` are the user's own modules that it imports. ``accepted`` has the digests of all the
    code whose results the user accepts beside each other, including its own.
    """

    path: Path
    text: str
    modules: tuple[Module, ...] = ()
    accepted: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that goes into every id: the file's name without ``.py``."""
        return self.path.stem

    def fingerprint(self) -> dict[str, str]:
        """Return a hash of each top-level part of the file, by name."""
        return fingerprint(self.text)

    def identity(self) -> Code:
        """Return the description of the code that a record keeps."""
        modules = {module.name: module.fingerprint() for module in self.modules}
        return {
            "name": self.name,
            "fingerprint": self.fingerprint(),
            "modules": modules,
            "accepted": list(self.accepted),
        }

    def changes_since(self, code: Code) -> list[str]:
        """Return the parts that differ from the code of a record, in words.

        An older record does not know the modules, which are then not compared.
        """
        changed = what_changed(code["fingerprint"], self.fingerprint())
        before, now = code.get("modules"), {module.name: module for module in self.modules}
        if before is None:
            return changed
        for name, module in now.items():
            if name not in before:
                changed.append(f"{module.file} (new)")
            else:
                parts = what_changed(before[name], module.fingerprint())
                changed += [f"{part} in {module.file}" for part in parts]
        return [*changed, *(f"the module {name} (gone)" for name in before if name not in now)]

    def counts(self, code: Code) -> bool:
        """Tell whether results of that code may stand beside results of this one."""
        if not self.changes_since(code):
            return True
        return {digest(code), digest(self.identity())} <= set(self.accepted)

    def accepting(self, codes: Iterable[Code]) -> "SpaceSource":
        """Return this source, changed so that results of all that code count."""
        by_digest = {digest(code): code for code in codes}  # thousands of records have few digests
        others = {name for name, code in by_digest.items() if not self.counts(code)}
        return self.with_accepted({*others, digest(self.identity())}) if others else self

    def with_accepted(self, digests: Iterable[str]) -> "SpaceSource":
        """Return this source with more digests of accepted code."""
        return replace(self, accepted=tuple(sorted({*self.accepted, *digests})))

    def imported_modules(self) -> list[str]:
        """Return the installed modules that the code imports anywhere.

        The process that forks trainings imports them once, in advance.
        """
        texts = [(module.text, module.package) for module in self.modules]
        texts.append((self.text, PACKAGE_OF_SPACES))
        own = {module.name.partition(".")[0] for module in self.modules}
        imported = {name for text, package in texts for name, _ in imports(text, package)}
        return sorted(name for name in imported if name.partition(".")[0] not in own)


def digest(code: Code) -> str:
    """Return the digest that stands for the code of a record among the accepted ones."""
    fingerprints = json.dumps([code["fingerprint"], code.get("modules")], sort_keys=True)
    return hashlib.sha256(fingerprints.encode()).hexdigest()[:16]


def find(space: str | Path) -> SpaceSource:
    """Return the source of the search space with this name in ``search_spaces/``, or at this path.

    Raises:
        Misuse: there is none; the message suggests the nearest name.
    """
    path = locate(space)
    try:
        text = path.read_text(encoding="utf-8")
        return SpaceSource(path.resolve(), text, own_modules(text, path.resolve().parent))
    except (FileNotFoundError, NotADirectoryError):
        raise Misuse(f"There is no search space {path}: {_suggestion(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(
            f"The search space {path} cannot be read: {error}; name a Python file."
        ) from error


def what_changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return the names of the parts that differ between two fingerprints, in the file's order."""
    names = [*now, *(name for name in before if name not in now)]
    return [name for name in names if before.get(name) != now.get(name)]


def _suggestion(path: Path) -> str:
    """Return what to do where there is no search space at this path."""
    files = path.parent.glob("*.py") if path.parent.is_dir() else ()
    names = sorted(file.stem for file in files)
    near = nearest(path.stem, names)
    if near:
        return f"did you mean {near}?"
    if names:
        return f"{path.parent} has {', '.join(names)}."
    return (
        f"{path.parent} has no Python files; run this beside {FOLDER}/ or give the path of a file."
    )
