"""The proposals that a sweep tries first: ``enqueued.json`` in its root, and the user's files."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sweep.errors import Misuse, SweepError
from sweep.experience import schemas
from sweep.experience.schemas import MOST_BYTES_OF_ENQUEUED
from sweep.system import plain_files
from sweep.system.files import write_whole
from sweep.system.json_text import Unreadable, parse, read
from sweep.wording import first_line

ENQUEUED = "enqueued.json"
# Values by the names that ``suggest`` asks for; the sampler proposes those that are missing.
Proposal = dict[str, Any]


def key_of(proposal: Any) -> str:
    """Return a text that equal proposals share.

    The order of the names does not count, and 64.0 equals 64. Anything else than a proposal has a
    text of its own.
    """
    if isinstance(proposal, dict):
        integers = {
            name: int(value)
            for name, value in proposal.items()
            if isinstance(value, float) and value.is_integer()
        }
        proposal = {**proposal, **integers}
    return json.dumps(proposal, sort_keys=True)


class Cell(str):
    """A value of a CSV file: a text whose meaning depends on the parameter."""


@dataclass(frozen=True)
class Enqueued:
    """The content of ``enqueued.json``.

    Attributes:
        proposals: in their order, each once.
        warm_starts: the roots whose best proposals are among them already.
    """

    proposals: list[Proposal] = field(default_factory=list)
    warm_starts: list[str] = field(default_factory=list)


def read_enqueued(root: Path) -> Enqueued:
    """Return the proposals that are enqueued under a root; its trials say which were given out.

    Raises:
        SweepError: the file is none of ours.
    """
    path = root / ENQUEUED
    try:
        return Enqueued(
            **read(plain_files.read(path), schemas.EnqueuedShape, MOST_BYTES_OF_ENQUEUED)
        )
    except FileNotFoundError:
        return Enqueued()
    except Unreadable as error:
        raise SweepError(
            f"{path} is torn, or was edited: mend it, or move it away and enqueue again."
        ) from error


def enqueue(root: Path, proposals: Iterable[Proposal], warm_start: Path | None = None) -> int:
    """Append proposals to those that are enqueued, and return how many are new.

    The file is written at once and whole.

    Args:
        root: of the sweep, and locked.
        proposals: as ``sweep.search.proposal_check`` returns them.
        warm_start: the root that they come from, if they come from one.

    Raises:
        SweepError: the file that exists is none of ours.
        OSError: the disk is full or gone; nothing is enqueued then.
    """
    before = read_enqueued(root)
    known = {key_of(proposal) for proposal in before.proposals}
    new = {key: proposal for proposal in proposals if (key := key_of(proposal)) not in known}
    roots = [*before.warm_starts, *([str(warm_start)] if warm_start else [])]
    now = Enqueued([*before.proposals, *new.values()], roots)
    if now != before:
        write_whole(root / ENQUEUED, json.dumps(asdict(now), indent=1).encode())
    return len(new)


def read_proposals(path: Path) -> list[Proposal]:
    """Return the proposals of a user's file.

    A JSON file holds an object, or a list of objects. A CSV file has the names in its first line.

    Raises:
        Misuse: there is no such file, or it holds something else.
    """
    read = {".json": _read_json, ".csv": _read_csv}.get(path.suffix.lower())
    if not read:
        raise Misuse(f"{path} is neither .json nor .csv: enqueue a file of one of them.")
    if not path.is_file():
        raise Misuse(f"There is no file {path} to enqueue: name one that is there.")
    try:
        proposals = read(path)
    except OSError as error:
        raise Misuse(
            f"{path} cannot be read ({error.strerror}): enqueue a file that can."
        ) from error
    except (ValueError, csv.Error) as error:
        raise Misuse(
            f"{path} is no {path.suffix[1:].upper()} of proposals ({first_line(error)}): mend it."
        ) from error
    if not proposals:
        raise Misuse(f"{path} has no proposal in it: add one, or leave --enqueue out.")
    return proposals


def as_proposals(content: object) -> list[Proposal]:
    """Return one proposal, or a list of proposals, as a list.

    Raises:
        ValueError: the content is something else.
    """
    proposals: list[Any] = content if isinstance(content, list) else [content]
    for number, proposal in enumerate(proposals, 1):
        if not isinstance(proposal, dict) or not proposal:
            raise ValueError(f"proposal {number} is no object of names and values")
    return proposals


def _read_json(path: Path) -> list[Proposal]:
    return as_proposals(parse(path.read_bytes(), MOST_BYTES_OF_ENQUEUED))


def _read_csv(path: Path) -> list[Proposal]:
    with path.open(encoding="utf-8-sig", newline="") as file:  # Excel begins a file with a mark
        lines = csv.reader(file)
        names = [name.strip() for name in next(lines, [])]
        if not all(names) or len(set(names)) < len(names):
            raise ValueError("its first line has an empty name, or one twice")
        proposals = []
        for line in lines:
            if len(line) > len(names):
                raise ValueError(
                    f"line {lines.line_num} has {len(line)} cells under {len(names)} names"
                )
            cells = {
                name: Cell(cell.strip())
                for name, cell in zip(names, line, strict=False)
                if cell.strip()
            }
            if cells:
                proposals.append(cells)
    return proposals
