"""One case of the suite: a root is cut or damaged, run to its end, and compared with its twin."""

import contextlib
import functools
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import psutil
from optuna.storages.journal import JournalFileBackend

from support.bits import best_weights, trained
from support.command import run, table
from sweep.experience.folder import experiences_in
from sweep.experience.record import State
from sweep.experience.root import STUDY

WHAT_TO_DO = (
    r"\b(check|delete|free|give|install|kill|make|mend|mount|"
    r"move|name|put|run|see|stop|take|undo|wait)\b"
)
GUARD = "of_the_user"
GUARDED = (
    *("study.journal", "sweep.lock", "notes.txt", "0123456789abcdef/experience.json"),
    *(
        "0123456789abcdef/log.csv",
        "0123456789abcdef/sauvegarde/latest.weights.h5",
        "next.model.keras",
    ),
)
Words = tuple[object, ...]


@dataclass
class Case:
    """A root, what is done to it, and what came of it.

    ``happens`` acts on the root. It raises AssertionError, with a sentence, if a promise is broken.
    ``cuts`` is how many cuts the root is to survive, ``notes`` what is to be counted beside them.
    """

    what: str
    space: str
    root: Path
    twin: Path
    happens: Callable[["Case"], None]
    cuts: int = 1
    notes: Counter[str] = field(default_factory=Counter)
    wrong: str | None = None
    equal: int = 0
    seconds: float = 0.0

    def run(self) -> "Case":
        began = time.monotonic()
        guarded = guard(self.root.parent)
        try:
            self.happens(self)
            assert_whole(self.root, self.twin, self.space)
            assert guarded == contents(self.root.parent / GUARD), (
                "something outside the root was changed"
            )
        except (
            AssertionError,
            OSError,
            LookupError,
            AttributeError,
            subprocess.SubprocessError,
            psutil.Error,
        ) as error:
            self.wrong = in_one_line(f"{type(error).__name__}: {error}")
        self.equal = len(equal_experiences(self.root, self.twin))
        self.seconds = time.monotonic() - began
        say(
            f"{self.what}: {f'wrong: {self.wrong}' if self.wrong else 'equal'} "
            f"after {self.seconds:.0f} s"
        )
        return self

    @property
    def experiences(self) -> int:
        return len(experiences_of(self.twin))


def guard(folder: Path) -> dict[str, bytes]:
    """Lay files named like sweep's own beside the root, and return what they hold."""
    for name in GUARDED:
        (folder / GUARD / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / GUARD / name).write_text(f"the user's {name}")
    return contents(folder / GUARD)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@dataclass
class Chaos:
    """What all cases share: where they are, what draws them, and the twins, each trained once."""

    folder: Path
    seed: int
    kills: int
    damages: int
    targets: dict[str, int]
    twins: dict[tuple[str, Words], Path] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def case(self, what: str, space: str, words: Words, happens: Callable[[Case], None]) -> Case:
        root = self.folder / re.sub(r"\W+", "_", what) / "root"
        return Case(what, space, root, self.twin(space, words), happens)

    def twin(self, space: str, words: Words) -> Path:
        with self.lock:
            if (space, words) not in self.twins:
                name = f"{Path(space).stem} {' '.join(map(str, words))}"
                say(f"training the uncut twin: {name}")
                root = self.folder / "twins" / str(len(self.twins))
                run(root, *words, space=space)
                self.twins[space, words] = root
            return self.twins[space, words]


def assert_whole(root: Path, twin: Path, space: str) -> None:
    """Assert that a sweep is done, and cannot be told from its twin."""
    names, expected = {one.id for one in experiences_in(root)}, experiences_of(twin).keys()
    assert names == expected, f"the experiences are {sorted(names)} instead of {sorted(expected)}"
    unequal = sorted(names - equal_experiences(root, twin))
    assert not unequal, f"log.csv or meilleur.model.keras of {', '.join(unequal)} is not the twin's"
    states, of_twin = states_of(root), states_of(twin)
    assert states == of_twin, f"the states are {states} instead of {of_twin}"
    approximate = [one.id for one in experiences_in(root) if one.read().approximate_because]
    assert not approximate, f"{', '.join(approximate)} may differ, says experience.json"
    rows, of_twin = table(root, space=space), table(twin, space=space)
    assert rows == of_twin, f"sweep results gives {rows} instead of {of_twin}"
    if (root / STUDY).exists():  # on a drive it lies elsewhere
        told, of_twin = Counter(told_states(root)), Counter(told_states(twin))
        assert told == of_twin, f"the study holds {dict(told)} instead of {dict(of_twin)}"


def states_of(root: Path) -> dict[str, str]:
    """Return the state of each experience; nothing but a scheduler leaves one unfinished."""
    states = {one.id: one.state() for one in experiences_in(root)}
    assert set(states.values()) <= {State.FINISHED, State.PAUSED}, f"the states are {states}"
    return {name: str(state) for name, state in states.items()}


def equal_experiences(root: Path, twin: Path) -> set[str]:
    """Return the ids whose log is equal byte for byte and whose best weights are bit for bit."""
    return {
        name for name, content in experiences_of(twin).items() if content_of(root, name) == content
    }


@functools.cache
def experiences_of(twin: Path) -> dict[str, tuple[bytes, dict[str, bytes]]]:
    return trained(twin)


def content_of(root: Path, name: str) -> tuple[bytes, dict[str, bytes]] | None:
    """Return what ``trained`` gives of one experience, None where it is not all there."""
    for one in experiences_in(root):
        with contextlib.suppress(OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile):
            if one.id == name:
                return one.log.read_bytes(), best_weights(one)
    return None


def told_states(root: Path) -> list[str]:
    """Return the state of each trial of the study, as Optuna itself reads them from its journal."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(root / STUDY)))
    (study,) = storage.get_all_studies()
    return [trial.state.name for trial in storage.get_all_trials(study._study_id)]


def assert_one_sentence(code: int, said: str) -> None:
    """Assert that a run failed with one last sentence that says what to do."""
    sentences = [line for line in said.splitlines() if line.startswith("sweep: ")]
    assert "Traceback" not in said, said
    assert code == 1, f"exit status {code}: {said}"
    assert sentences == said.splitlines()[-1:], f"not one sentence: {said}"
    assert re.search(WHAT_TO_DO, sentences[0]), f"it does not say what to do: {said}"


def in_one_line(text: str) -> str:
    line = " | ".join(text.splitlines())
    return line if len(line) < 1500 else f"{line[:500]} […] {line[-900:]}"


def say(text: str) -> None:
    """Print one line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
