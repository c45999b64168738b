"""What a sweep was asked to try first: ``enqueued.json`` in its root, and the files of a user that go into it."""

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
Proposal = dict[
    str, Any
]  # from the names that ``suggest`` asks for to values; what is not in it, the sampler proposes


def key_of(proposal: Any) -> str:
    """Return one text for all proposals that are equal: the order of the names does not count, and 64.0 is 64.

    Anything else than a proposal has a text of its own.
    """
    if isinstance(proposal, dict):
        whole = {
            name: int(one)
            for name, one in proposal.items()
            if isinstance(one, float) and one.is_integer()
        }
        proposal = {**proposal, **whole}
    return json.dumps(proposal, sort_keys=True)


class Cell(str):
    """A value as a CSV file has it: a text, of which the parameter says what it means."""


@dataclass(frozen=True)
class Enqueued:
    """``proposals`` in their order, each once; ``warm_starts`` are the roots whose best are among them already."""

    proposals: list[Proposal] = field(default_factory=list)
    warm_starts: list[str] = field(default_factory=list)


def read_enqueued(root: Path) -> Enqueued:
    """Return what is enqueued under a root. Which of it was taken, the trials know.

    Raises:
        SweepError: the file is none of ours.
    """
    path = root / ENQUEUED
    try:
        return Enqueued(**read(plain_files.read(path), schemas.Enqueued, MOST_BYTES_OF_ENQUEUED))
    except FileNotFoundError:
        return Enqueued()
    except Unreadable as error:
        raise SweepError(
            f"{path} is torn, or was edited: mend it, or move it away and enqueue again."
        ) from error


def enqueue(root: Path, proposals: Iterable[Proposal], warm_start: Path | None = None) -> int:
    """Put the proposals behind those that are there, at once and whole, and return how many were not there yet.

    Args:
        root: of the sweep, and locked.
        proposals: as ``sweep.search.proposal_check`` returns them.
        warm_start: the root that they come from, if they do.

    Raises:
        SweepError: what is there is none of ours.
        OSError: the disk is full or gone; nothing is enqueued then.
    """
    there = read_enqueued(root)
    known = {key_of(one) for one in there.proposals}
    new = {key: one for one in proposals if (key := key_of(one)) not in known}
    roots = [*there.warm_starts, *([str(warm_start)] if warm_start else [])]
    now = Enqueued([*there.proposals, *new.values()], roots)
    if now != there:
        write_whole(root / ENQUEUED, json.dumps(asdict(now), indent=1).encode())
    return len(new)


def read_proposals(path: Path) -> list[Proposal]:
    """Return the proposals of a user's file: JSON, an object or a list of them; or CSV, whose first line has the names.

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
    """Return a proposal, or a list of them, as a list.

    Raises:
        ValueError: it is something else.
    """
    proposals: list[Any] = content if isinstance(content, list) else [content]
    for number, one in enumerate(proposals, 1):
        if not isinstance(one, dict) or not one:
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
