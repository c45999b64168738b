"""Random SIGKILLs: a seeded draw chooses the process, the phase of the sweep and the moment."""

import itertools
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.command import rows_logged, run
from support.decisions import decisions
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.root import STUDY

from .case import Case, Chaos, Words, assert_one_sentence, say
from .victim import WAIT_S, Victim, half_written

# How often each is hit. ``controller`` is that process alone, whose trainings must then end by
# themselves.
TARGETS = {"tree": 4, "controller": 3, "training": 5, "server": 1}


@dataclass(frozen=True)
class Phase:
    """A phase of a sweep.

    ``begins`` tells whether it has begun. The kill comes within ``within_s`` seconds of that.
    ``weight`` says how often the phase is hit, ``targets`` which processes may be.
    """

    begins: Callable[[Victim], bool]
    within_s: float
    weight: int
    targets: tuple[str, ...] = ("tree", "controller", "training", "server")


START_UP = {
    "before the lock": Phase(lambda victim: True, 0.6, 4, ("tree", "controller")),
    "import of Keras": Phase(Victim.is_locked, 4.0, 4, ("tree", "controller", "server")),
}
LATER = {
    "first batch": Phase(Victim.has_begun, 0.2, 3),
    "between batches": Phase(Victim.has_begun, 1.5, 4),
    "while saving": Phase(Victim.is_saving, 0.002, 4),
    "an epoch's end": Phase(Victim.has_logged, 0.03, 4),
    "the outcome": Phase(Victim.has_finished, 0.01, 3, ("tree", "controller", "server")),
    "between trainings": Phase(
        Victim.is_between_trainings, 0.1, 2, ("tree", "controller", "server")
    ),
    "at the end": Phase(Victim.is_ending, 0.3, 1, ("tree", "controller")),
}
MOST_IN_ONE_SWEEP = 12
SOME_SAVES_S = 4.0


class Budget:
    """So many kills, shared by the threads that make them."""

    def __init__(self, kills: int) -> None:
        self.left, self._kills, self._lock = kills, kills, threading.Lock()

    def take(self) -> None:
        with self._lock:
            self.left -= 1
            if self.left % 10 == 0:
                say(f"{self._kills - self.left} of {self._kills} kills")


class Kills:
    """Kills one sweep and runs it again, until it has ended all the same, or has had its share."""

    def __init__(
        self, words: Words, draw: random.Random, budget: Budget, targets: dict[str, int]
    ) -> None:
        self._words, self._draw, self._budget, self._targets = words, draw, budget, targets
        self._kept: dict[str, tuple[Any, ...]] = {}
        self._rows_of_cut_off: dict[tuple[str, int], int] = {}
        self._rows_at_death = -1

    def __call__(self, case: Case) -> None:
        self._case, case.cuts = case, 0
        while self._may_kill() and self._run_and_kill():
            pass
        run(case.root, *self._words, space=case.space)
        self._assert_nothing_lost()

    def _may_kill(self) -> bool:
        return self._case.cuts < MOST_IN_ONE_SWEEP and self._budget.left > 0

    def _run_and_kill(self) -> bool:
        """Run the sweep, and tell whether it was cut off; else it came to its end."""
        victim = Victim(
            self._case.root, self._case.experiences, *self._words, space=self._case.space
        )
        phases, target = self._possible(START_UP | LATER), ""
        while self._may_kill() and target not in ("tree", "controller"):
            name = self._draw.choices(list(phases), [phase.weight for phase in phases.values()])[0]
            able = {
                target: often
                for target, often in self._targets.items()
                if target in phases[name].targets
            }
            target = self._draw.choices(list(able), able.values())[0]
            if not self._kill(victim, target, name, phases[name]):
                break
            phases = self._possible(LATER)
        code, said = victim.end(WAIT_S)
        assert "Traceback" not in said, said
        self._remember()
        if code not in (0, -signal.SIGKILL):  # the server was killed before there was a training
            self._case.notes["ended with a sentence"] += 1
            assert_one_sentence(code, said)
        return code != 0

    def _possible(self, phases: dict[str, Phase]) -> dict[str, Phase]:
        return {
            name: phase
            for name, phase in phases.items()
            if set(phase.targets) & self._targets.keys()
        }

    def _kill(self, victim: Victim, target: str, name: str, phase: Phase) -> bool:
        """Kill the target in this phase, and tell whether the sweep was there to be killed."""
        spared = target in ("training", "server")

        def now() -> bool:
            # More deaths of one training without a new epoch between them would fail it, and
            # rightly so.
            return phase.begins(victim) and not (
                spared and rows_logged(victim.root) <= self._rows_at_death
            )

        victim.look()
        if not victim.wait(now):
            return False
        time.sleep(self._draw.uniform(0, phase.within_s))
        rows = rows_logged(victim.root)
        if not victim.kill(target):
            return True  # the training, or the server, has just ended
        self._rows_at_death = rows if spared else self._rows_at_death
        self._budget.take()
        self._case.cuts += 1
        self._case.notes.update([name, f"of the {target}"])
        self._case.notes["something half written"] += any(
            half_written(one) for one in experiences_in(victim.root)
        )
        self._remember()
        return True

    def _remember(self) -> None:
        """Keep what no later session may change, and how far the cut off ones are."""
        for one in experiences_in(self._case.root):
            record = one.read()
            if record and record.outcome:
                self._kept.setdefault(one.id, as_finished(one))
            elif record and one.log.exists():
                rows = one.log.read_bytes().count(b"\n") - 1
                self._rows_of_cut_off[one.id, len(record.sessions)] = rows

    def _assert_nothing_lost(self) -> None:
        there = {one.id: one for one in experiences_in(self._case.root)}
        for name, before in self._kept.items():
            assert name in there, f"{name} was finished, and is gone"
            assert as_finished(there[name]) == before, (
                f"{name} was finished before a kill, and was written or trained again"
            )
        for (name, sessions), rows in self._rows_of_cut_off.items():
            for session in there[name].read().sessions[sessions:][:1]:
                # A backup is made more than once in an epoch.
                assert session.epoch >= rows - 1, (
                    f"{name} had {rows} epochs, and went on at {session.epoch}"
                )


class KillsInSaves:
    """Kills all processes of a sweep while a save is written, until it has had its share."""

    def __init__(self, words: Words, draw: random.Random, budget: Budget) -> None:
        self._words, self._draw, self._budget = words, draw, budget

    def __call__(self, case: Case) -> None:
        case.cuts = 0
        while case.cuts < MOST_IN_ONE_SWEEP and self._budget.left > 0:
            victim = Victim(case.root, case.experiences, *self._words, space=case.space)
            if not victim.wait(victim.has_begun):
                break
            time.sleep(self._draw.uniform(0, SOME_SAVES_S))
            if not (victim.wait(victim.is_saving) and victim.kill("tree")):
                break
            case.notes["weights half written"] += any(
                path.suffix == ".h5"
                for one in experiences_in(case.root)
                for path in half_written(one)
            )
            self._budget.take()
            case.cuts += 1
            victim.end(WAIT_S)
        run(case.root, *self._words, space=case.space)


class KillsOfPromotions(Kills):
    """Kills as above, after half of which the study is lost; decides the same in the same order."""

    def __call__(self, case: Case) -> None:
        super().__call__(case)
        decided, of_twin = decisions(case.root), decisions(case.twin)
        assert decided == of_twin, f"it has decided {decided} instead of {of_twin}"

    def _run_and_kill(self) -> bool:
        is_cut = super()._run_and_kill()
        if is_cut and self._draw.random() < 0.5:
            (self._case.root / STUDY).unlink(missing_ok=True)
            self._case.notes["the study lost"] += 1
        return is_cut


def as_finished(experience: Experience) -> tuple[Any, ...]:
    """Return what of a finished experience must stay: its files, and how often it was trained."""
    files = [
        (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (experience.log, experience.meilleur)
    ]
    return len(experience.read().sessions), *files


def kill(
    chaos: Chaos,
    what: str,
    kills: int,
    spaces: dict[str, Words],
    how: type[Kills] = Kills,
) -> Iterator[Case]:
    """Yield sweeps, each over the next search space, until all kills are made."""
    budget = Budget(kills)
    for number in itertools.count():
        if budget.left <= 0:
            return
        space = list(spaces)[number % len(spaces)]
        name = f"{what} {number}, {Path(space).stem}"
        draw = random.Random(f"{chaos.seed} {name}")
        yield chaos.case(
            name, space, spaces[space], how(spaces[space], draw, budget, chaos.targets)
        )


def kill_in_saves(chaos: Chaos, what: str, kills: int, space: str, words: Words) -> Iterator[Case]:
    """Yield sweeps that are killed while they save, until all kills are made."""
    budget = Budget(kills)
    for number in itertools.count():
        if budget.left <= 0:
            return
        draw = random.Random(f"{chaos.seed} {what} {number}")
        yield chaos.case(f"{what} {number}", space, words, KillsInSaves(words, draw, budget))
