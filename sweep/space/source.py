"""sweep.space.source."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep.errors import Misuse
from sweep.space.fingerprint import fingerprint
from sweep.space.own_modules import imports, own_modules
from sweep.space.project import PACKAGE_OF_SPACES, Module
from sweep.wording import nearest

FOLDER = Path("search_spaces")
# What a record keeps of the code that trained it, see ``Source.identity``.
Code = dict[str, Any]


@dataclass(frozen=True)
class SpaceSource:
    """The text of a search space, read once: every training of a run executes this and not a later edit.

    ``modules`` are the user's own modules that it imports. ``accepted`` has the digests of all code whose results the user
    lets count beside each other, this one included.
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
        """Return a hash of each top-level part, by name, over the syntax tree: comments, format and docstrings are
        not in it."""
        return fingerprint(self.text)

    def identity(self) -> Code:
        """Return what a record keeps of the code: the name, the fingerprints, and what other code was accepted."""
        modules = {module.name: module.fingerprint() for module in self.modules}
        return {
            "name": self.name,
            "fingerprint": self.fingerprint(),
            "modules": modules,
            "accepted": list(self.accepted),
        }

    def changes_since(self, code: Code) -> list[str]:
        """Return what differs from the code of a record, in words; an older record knows of no modules."""
        changed = what_changed(code["fingerprint"], self.fingerprint())
        before, now = code.get("modules"), {module.name: module for module in self.modules}
        if before is None:
            return changed
        for name, module in now.items():
            if name not in before:
                changed.append(f"{module.file} (new)")
            else:
                changed += [
                    f"{part} in {module.file}"
                    for part in what_changed(before[name], module.fingerprint())
                ]
        return [*changed, *(f"the module {name} (gone)" for name in before if name not in now)]

    def counts(self, code: Code) -> bool:
        """Tell whether what that code has trained may stand beside what this one trains."""
        return not self.changes_since(code) or {digest(code), digest(self.identity())} <= set(
            self.accepted
        )

    def accepting(self, codes: Iterable[Code]) -> "SpaceSource":
        """Return the source with which all of that code counts."""
        by_digest = {digest(code): code for code in codes}  # of thousands of records, a few
        others = {name for name, code in by_digest.items() if not self.counts(code)}
        return self.with_accepted({*others, digest(self.identity())}) if others else self

    def with_accepted(self, digests: Iterable[str]) -> "SpaceSource":
        """Return the source with more digests of code that was accepted."""
        return replace(self, accepted=tuple(sorted({*self.accepted, *digests})))

    def imported_modules(self) -> list[str]:
        """Return every installed module that the code imports anywhere, so that a fresh process can have them warm."""
        texts = [
            (self.text, PACKAGE_OF_SPACES),
            *((module.text, module.package) for module in self.modules),
        ]
        own = {module.name.partition(".")[0] for module in self.modules}
        found = {name for text, package in texts for name, _ in imports(text, package)}
        return sorted(name for name in found if name.partition(".")[0] not in own)


def digest(code: Code) -> str:
    """Return what stands for the code of a record among those that were accepted."""
    fingerprints = json.dumps([code["fingerprint"], code.get("modules")], sort_keys=True)
    return hashlib.sha256(fingerprints.encode()).hexdigest()[:16]


def find(space: str) -> SpaceSource:
    """Return the search space of that name in ``search_spaces/``, or at that path, with what it imports of the user's own.

    Raises:
        Misuse: there is none; the message has the nearest name.
    """
    by_path = space.endswith(".py") or "/" in space
    path = Path(space) if by_path else FOLDER / f"{space}.py"
    if "/" not in space and not path.exists():
        path = FOLDER / path.name
    try:
        text = path.read_text(encoding="utf-8")
        return SpaceSource(path.resolve(), text, own_modules(text, path.resolve().parent))
    except (FileNotFoundError, NotADirectoryError):
        raise Misuse(f"There is no search space {path}: {_what_there_is(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(
            f"The search space {path} cannot be read: {error}; name a Python file."
        ) from error


def what_changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return the names of the parts that two fingerprints do not share, in the order of the file."""
    return [
        name
        for name in [*now, *(name for name in before if name not in now)]
        if before.get(name) != now.get(name)
    ]


def _what_there_is(path: Path) -> str:
    there = sorted(file.stem for file in path.parent.glob("*.py")) if path.parent.is_dir() else []
    near = nearest(path.stem, there)
    if near:
        return f"did you mean {near}?"
    if there:
        return f"{path.parent} has {', '.join(there)}."
    return (
        f"{path.parent} has no Python files; run this beside {FOLDER}/ or give the path of a file."
    )
