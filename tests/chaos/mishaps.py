"""Mishaps of a sweep beside SIGKILL.

A lost study, a full disk, a failing drive, a pause, a rival, a clock that is set back.
"""

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from support.command import logged, run, sweep
from support.full_disk import run_on_a_disk_of
from support.trainer import SPACES
from sweep.experience.folder import experiences_in
from sweep.experience.root import STUDY

from .case import Case, Chaos, Words, assert_one_sentence
from .drive import Drive
from .victim import WAIT_S, Victim

TOY = str(SPACES / "slow.py")
TWO: Words = ("--trials", 2, "--epochs", 6, "--save-freq", 2)
PAUSE_S = 4.0
BACK_S = -7200


def study_lost(chaos: Chaos) -> Iterator[Case]:
    """Without its study, a sweep that was cut off makes the proposals that it would have made."""
    words: Words = ("--trials", 14, "--epochs", 2, "--save-freq", 2)
    wide = chaos.folder / "wide.py"
    for name in ("toy.py", "cut.py"):
        shutil.copy(SPACES / name, chaos.folder)
    wide.write_text(Path(TOY).read_text().replace('"units", 4, 6)', '"units", 4, 60)'))
    draw = random.Random(chaos.seed)
    # TPE proposes at random ten times, and then by what it knows. In the narrow space it proposes
    # some points twice.
    for space, first, last in (
        (str(wide), 2, 18),
        (str(wide), 20, 23),
        (str(wide), 24, 27),
        (TOY, 10, 14),
    ):
        rows = draw.randint(first, last)
        yield chaos.case(
            f"study lost after {rows} epochs", space, words, partial(lose_study, words, rows)
        )


def lose_study(words: Words, rows: int, case: Case) -> None:
    start(case, words).wait_for(logged(rows), WAIT_S).kill_tree()
    (case.root / STUDY).unlink()
    run(case.root, *words, space=case.space)


def full_disk(chaos: Chaos) -> Iterator[Case]:
    """A disk that is really full, and then larger, loses nothing."""
    if not shutil.which("unshare"):
        raise Missing("unshare", "util-linux")
    draw = random.Random(chaos.seed)
    for size in (40, 120, 300, *(draw.randint(30, 400) for _ in range(3))):
        yield chaos.case(f"a disk of {size} KiB", TOY, TWO, partial(fill, size))


def fill(size: int, case: Case) -> None:
    (code, first), (again, second) = run_on_a_disk_of(size, TOY, TWO, case.root.parent, case.root)
    case.notes["full at first"] += code == 1
    if code:
        assert_one_sentence(code, first)
    assert again == 0, second


def drive_fails(chaos: Chaos) -> Iterator[Case]:
    """A sweep goes on by itself after its drive fails for seconds, or dies and is mounted again."""
    for name, seconds in (
        ("EIO", PAUSE_S),
        ("EIO", 0.7),
        ("EOPNOTSUPP", PAUSE_S),
        ("ENOTCONN", PAUSE_S),
    ):
        trouble = partial(fail_for_a_while, getattr(errno, name), seconds)
        yield chaos.case(
            f"drive with {name} for {seconds} s", TOY, TWO, partial(fail_drive, trouble)
        )
    yield chaos.case("drive whose daemon is killed", TOY, TWO, partial(fail_drive, die_for_a_while))


def fail_drive(trouble: Callable[[Drive], None], case: Case) -> None:
    with Drive(case.root.parent / "drive") as drive:
        root = drive.mounted / "MyDrive" / "root"
        victim = start(case, TWO, root).wait_for(logged(2), WAIT_S)
        trouble(drive)
        code, said = victim.end(WAIT_S)
        shutil.copytree(root, case.root)
    assert code == 0, f"exit status {code}: {said}"
    assert "Traceback" not in said, said
    assert re.search(r"since \d\d:\d\d UTC nothing could be saved", said), (
        f"it does not say since when: {said}"
    )
    assert not (case.root / STUDY).exists(), "a live database lies on the drive"


def fail_for_a_while(number: int, seconds: float, drive: Drive) -> None:
    drive.fail(number)
    time.sleep(seconds)
    drive.mend()


def die_for_a_while(drive: Drive) -> None:
    drive.kill()
    time.sleep(PAUSE_S)
    drive.mount()


def paused(chaos: Chaos) -> Iterator[Case]:
    """A controller or whole sweep that is paused for some seconds goes on, and keeps its root."""
    yield chaos.case("a paused controller", TOY, TWO, partial(pause, os.kill))
    yield chaos.case("a paused sweep", TOY, TWO, partial(pause, os.killpg))


def pause(send: Callable[[int, int], None], case: Case) -> None:
    victim = start(case, TWO).wait_for(logged(2), WAIT_S)
    send(victim.process.pid, signal.SIGSTOP)
    rival = sweep("run", TOY, "--root", case.root, *TWO)
    time.sleep(PAUSE_S)
    send(victim.process.pid, signal.SIGCONT)
    assert_one_sentence(rival.returncode, rival.stderr)
    code, said = victim.end(WAIT_S)
    assert code == 0, said
    assert {len(one.read().sessions) for one in experiences_in(case.root)} == {1}, (
        "something was trained twice"
    )


def two_controllers(chaos: Chaos) -> Iterator[Case]:
    """Of two sweeps started at once under one root, one runs, and the other says so and ends."""
    draw = random.Random(chaos.seed)
    for number in range(3):
        yield chaos.case(f"two controllers {number}", TOY, TWO, partial(race, draw.uniform(0, 0.1)))


def race(apart_s: float, case: Case) -> None:
    first = start(case, TWO)
    time.sleep(apart_s)
    ends = [one.end(WAIT_S) for one in (start(case, TWO), first)]
    assert sorted(code for code, _ in ends) == [0, 1], ends
    assert_one_sentence(*max(ends))
    assert {len(one.read().sessions) for one in experiences_in(case.root)} == {1}, (
        "something was trained twice"
    )


def clock_set_back(chaos: Chaos) -> Iterator[Case]:
    """The clock is set back by two hours while a sweep runs, and it is killed after that."""
    shim = shim_of_clock(chaos.folder)
    for rows in (4, 8):
        yield chaos.case(
            f"clock set back before {rows} epochs", TOY, TWO, partial(set_back, shim, rows)
        )


def set_back(shim: Path, rows: int, case: Case) -> None:
    clock = case.root.parent / "clock"
    clock.parent.mkdir(parents=True, exist_ok=True)
    clock.write_text("0")
    before = ("env", f"LD_PRELOAD={shim}", f"CHAOS_CLOCK={clock}")
    victim = start(case, TWO, before=before).wait_for(logged(rows - 2), WAIT_S)
    clock.write_text(str(BACK_S))
    victim.wait_for(logged(rows), WAIT_S).kill_tree()
    code, said = start(case, TWO, before=before).end(WAIT_S)
    assert code == 0, said
    assert "Traceback" not in said, said
    records = sorted(
        (one.read() for one in experiences_in(case.root)),
        key=lambda record: record.trials[0].number,
    )
    began = [session.begun for record in records for session in record.sessions]
    assert min(began) < began[0], f"the clock was not set back: {began}"


def shim_of_clock(folder: Path) -> Path:
    """Return a library that lets a program see the clock as a file says.

    Raises:
        Missing: there is no compiler.
    """
    if not shutil.which("gcc"):
        raise Missing("gcc", "gcc libc6-dev")
    shim, code = folder / "clock.so", Path(__file__).with_name("clock.c")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", shim, code], check=True)
    return shim


class Missing(Exception):
    """A tool of the suite is not there."""

    def __init__(self, tool: str, package: str) -> None:
        super().__init__(f"{tool} is missing: apt install {package}")


def start(case: Case, words: Words, root: Path | None = None, before: Words = ()) -> Victim:
    return Victim(root or case.root, case.experiences, *words, space=case.space, before=before)
