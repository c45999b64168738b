"""Torn, missing, foreign, old or doubled files, as a power cut or Google Drive leaves them."""

import functools
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from support.command import Running, rows_logged, run, sweep
from support.trainer import SPACES
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.record import State

from .case import Case, Chaos, assert_one_sentence, say
from .victim import WITHOUT_ITS_TABLE, half_written

TOY = str(SPACES / "slow.py")
WORDS = ("--trials", 2, "--epochs", 6, "--save-freq", 2)
OF_EXPERIENCE = (
    "experience.json",
    "log.csv",
    "meilleur.model.keras",
    "sauvegarde/latest.weights.h5",
    "sauvegarde/latest.weights.h5.bkp",
    "sauvegarde/training_metadata.json",
    "sauvegarde/training_metadata.json.bkp",
)
OF_ROOT = ("study.journal", "sweep.lock.json")

Damage = Callable[[Path, Path, random.Random], None]  # of a file, whose older version is the second


def torn(share: float) -> Damage:
    def tear(path: Path, old: Path, draw: random.Random) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: min(int(share * len(content)), max(0, len(content) - 1))])

    return tear


def missing(path: Path, old: Path, draw: random.Random) -> None:
    path.unlink()


def garbage(path: Path, old: Path, draw: random.Random) -> None:
    path.write_bytes(draw.randbytes(1000))


def foreign(path: Path, old: Path, draw: random.Random) -> None:
    path.write_text('{"name": "something else"}\n')


def old_version(path: Path, old: Path, draw: random.Random) -> None:
    shutil.copy2(old, path)


def doubled_and_missing(path: Path, old: Path, draw: random.Random) -> None:
    path.rename(path.with_name(f"{path.stem} (1){path.suffix}"))


def no_folder(path: Path, old: Path, draw: random.Random) -> None:
    shutil.rmtree(path)


def doubled_and_old(path: Path, old: Path, draw: random.Random) -> None:
    doubled_and_missing(path, old, draw)
    shutil.copy2(old, path)


DAMAGES: dict[str, Damage] = {
    "is empty": torn(0),
    "is torn in its middle": torn(0.5),
    "lacks its last byte": torn(1),
    "is missing": missing,
    "is garbage": garbage,
    "is another file": foreign,
    "is an old version": old_version,
    "is missing, and doubled as (1)": doubled_and_missing,
    "is an old version, and doubled as (1)": doubled_and_old,
}


def cases(chaos: Chaos) -> Iterator[Case]:
    """Yield each damage to each kind of file, of a sweep that was cut off and of a finished one."""
    earlier, cut_off, done = snapshots(chaos)
    target = next(one.id for one in experiences_in(cut_off) if one.state() is not State.FINISHED)
    files = {
        **{name: Path(target, name) for name in OF_EXPERIENCE},
        **{name: Path(name) for name in OF_ROOT},
    }
    all_of_them = [
        (f"{state}, {name} {how}", before, old, path, damage)
        for state, before, old in (("cut off", cut_off, earlier), ("finished", done, cut_off))
        for name, path in files.items()
        for how, damage in DAMAGES.items()
        if (before / path).exists() and (old / path).exists()
    ]
    for state, before in (("cut off", cut_off), ("finished", done)):
        all_of_them.append(
            (f"{state}, the folder is missing", before, before, Path(target), no_folder)
        )
    draw = random.Random(chaos.seed)
    for what, before, old, path, damage in draw.sample(
        all_of_them, min(chaos.damages, len(all_of_them))
    ):
        happens = Damaged(
            before, path, functools.partial(damage, old=old / path, draw=random.Random(what))
        )
        yield chaos.case(what, TOY, WORDS, happens)


def snapshots(chaos: Chaos) -> list[Path]:
    """Return copies of a root: cut off in the second training, cut off later in it, and done."""
    say("cutting off a sweep twice, to damage copies of what it leaves")
    root = chaos.folder / "snapshots" / "root"
    kept = [root.with_name(name) for name in ("earlier", "cut off", "done")]
    for rows, copy in ((8, kept[0]), (10, kept[1])):
        cut_off_at(root, rows)
        shutil.copytree(root, copy)
    run(root, *WORDS, space=TOY)
    shutil.copytree(root, kept[2])
    return kept


def cut_off_at(root: Path, rows: int) -> None:
    """Kill the sweep after so many epochs, at an instant at which all its files are in place."""
    running = Running(root, *WORDS, space=TOY, before=WITHOUT_ITS_TABLE)

    def stands_still(root: Path) -> bool:
        if rows_logged(root) < rows:
            return False
        os.killpg(running.process.pid, signal.SIGSTOP)
        target = next(one for one in experiences_in(root) if one.state() is not State.FINISHED)
        if all((target.path / name).exists() for name in OF_EXPERIENCE) and not half_written(
            target
        ):
            return True
        os.killpg(running.process.pid, signal.SIGCONT)
        return False

    running.wait_for(stands_still).kill_tree()


class Damaged:
    """Damages a copy of a root, and runs its sweep again."""

    def __init__(self, before: Path, path: Path, damage: Callable[[Path], None]) -> None:
        self._before, self._path, self._damage = before, path, damage

    def __call__(self, case: Case) -> None:
        shutil.copytree(self._before, case.root)
        self._damage(case.root / self._path)
        done = sweep("run", case.space, "--root", case.root, *WORDS)
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode:
            case.notes["refused"] += 1
            assert_one_sentence(done.returncode, done.stderr)
            self._undo(case.root)
            run(case.root, *WORDS, space=case.space)
        for one in experiences_in(case.root):
            self._assert_no_silent_restart(one, done.stderr)

    def _undo(self, root: Path) -> None:
        """Put the file back, as the sentence asks; nothing else may be lost by now."""
        path, whole = root / self._path, self._before / self._path
        for doubled in path.parent.glob("* (1)*"):
            doubled.unlink()
        (shutil.copytree if whole.is_dir() else shutil.copy2)(whole, path)

    def _assert_no_silent_restart(self, one: Experience, said: str) -> None:
        before = Experience(self._before / one.id).read()
        known = [session.begun for session in before.sessions]
        again = [session for session in one.read().sessions if session.begun not in known]
        if not again:
            return
        assert self._is_hit(one) or not before.outcome, (
            f"{one.id} was finished and untouched, and was trained again: {said}"
        )
        if not (again[0].epoch or again[0].batch):
            lines = [
                line
                for line in said.splitlines()
                if one.id in line and "from the beginning" in line
            ]
            assert lines, f"{one.id} had a backup and silently began again at epoch 0: {said}"

    def _is_hit(self, one: Experience) -> bool:
        return one.id in self._path.parts
