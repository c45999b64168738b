"""Bad days: something is away, the machine sleeps, nobody listens; one by one, and ten in a row."""

import errno
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from support.command import logged, rows_logged, sweep
from support.terminal import Terminal
from support.trainer import SPACES
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.record import State

from .case import Case, Chaos, Words, assert_one_sentence
from .drive import Drive
from .mishaps import PAUSE_S, Missing, die_for_a_while, fail_for_a_while, shim_of_clock, start
from .victim import WAIT_S

TOY = str(SPACES / "slow.py")
FEW: Words = ("--trials", 3, "--save-freq", 2)
TWENTY: Words = ("--trials", 20, "--save-freq", 2)
SPACE = """
\"\"\"Data that are a file, and a model that needs a package.\"\"\"

FIXED = {{"epochs": 3, "batch_size": 50, "seed": 0}}


def suggest(trial):
    return {{
        "units": trial.suggest_int("units", 4, 60),
        "rate": trial.suggest_categorical("rate", [0.3, 0.1, 0.03]),
    }}


def load_data():
    import numpy as np

    there = np.load({data!r})
    x, y = there["x"], there["y"]
    return (x[:250], y[:250]), (x[250:], y[250:])


def build_model(parameters):
    import keras
    import package_of_chaos

    hidden = keras.layers.Dense(parameters["units"], activation=package_of_chaos.ACTIVATION)
    layers = [keras.Input((64,)), hidden, keras.layers.Dropout(0.1)]
    model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    sgd = keras.optimizers.SGD(parameters["rate"])
    model.compile(sgd, "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def callbacks(parameters):
    import time

    import keras

    def pause(batch, logs):
        time.sleep(0.05)

    return [keras.callbacks.LambdaCallback(on_train_batch_end=pause)]
"""
ELSEWHERE = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
LEASE_AND_MORE_S = 180.0


class Needs:
    """A search space, and the two files that it cannot do without."""

    def __init__(self, folder: Path) -> None:
        packages = folder.with_name(
            f"{folder.name}.packages"
        )  # what lies beside a space is its own
        packages.mkdir(parents=True, exist_ok=True)
        self.data, self.package = folder / "data.npz", packages / "package_of_chaos.py"
        self.space = folder / "needy.py"
        if not self.space.exists():
            draw = np.random.default_rng(0)
            x, y = draw.normal(size=(400, 64)).astype("float32"), draw.integers(0, 10, 400)
            np.savez(self.data, x=x, y=y)
            self.package.write_text('ACTIVATION = "relu"\n')
            self.space.write_text(SPACE.format(data=str(self.data)))
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if str(packages) not in paths:
            os.environ["PYTHONPATH"] = os.pathsep.join([str(packages), *paths])


def missing_data(chaos: Chaos) -> Iterator[Case]:
    """A data file that is away while a cut sweep runs again costs only the time that it is away."""
    needs = Needs(chaos.folder)
    yield chaos.case("missing data", str(needs.space), FEW, partial(lack, needs.data))


def missing_package(chaos: Chaos) -> Iterator[Case]:
    """So does a package that a fresh machine lacks."""
    needs = Needs(chaos.folder)
    yield chaos.case("missing package", str(needs.space), FEW, partial(lack, needs.package))


def lack(needed: Path, case: Case) -> None:
    for rows in (1, 5):  # where nothing has been trained whole, and where something has
        start(case, FEW).wait_for(logged(rows), WAIT_S).kill_tree()
        cannot_do_without(needed, case, FEW)
    assert_done(case, FEW)


def cannot_do_without(needed: Path, case: Case, words: Words, root: Path | None = None) -> None:
    """Let it be run twice, while the file is away: each time it says so, and nothing is lost."""
    private = needed.with_name(f"{random.randrange(10**9)}.away")
    needed.rename(private)
    shutil.rmtree(needed.parent / "__pycache__", ignore_errors=True)
    try:
        before = finished_and_saved(root or case.root)
        for _ in range(2):
            done = sweep("run", case.space, "--root", root or case.root, *words)
            assert_one_sentence(done.returncode, done.stderr)
            assert finished_and_saved(root or case.root) == before, "a state or a backup was lost"
    finally:
        private.rename(needed)


def finished_and_saved(root: Path) -> dict[str, tuple[str, list[str]]]:
    """Return the state of each experience, and the names of its backups."""
    return {
        one.id: (str(one.state()), sorted(path.name for path in one.sauvegarde.glob("*")))
        for one in experiences_in(root)
    }


def dead_stderr(chaos: Chaos) -> Iterator[Case]:
    """A sweep goes on if the disk of its messages is full, or if their reader has gone."""
    yield chaos.case("messages to a full disk", TOY, FEW, partial(unheard, '"$@" 2>/dev/full'))
    yield chaos.case(
        "messages that nobody reads", TOY, FEW, partial(unheard, '"$@" 2>&1 | head -n 2')
    )


def unheard(how: str, case: Case) -> None:
    case.root.parent.mkdir(parents=True, exist_ok=True)
    victim = start(case, FEW, before=("bash", "-c", f"set -o pipefail; {how}", "bash"))
    code, said = victim.end(WAIT_S)
    assert code == 0, f"exit status {code}: {said}"


def closed_terminal(chaos: Chaos) -> Iterator[Case]:
    """A closed terminal stops the sweep as Ctrl-C does: all is saved; the same command resumes."""
    for rows in (2, 5):
        what = f"a terminal that is closed after {rows} epochs"
        yield chaos.case(what, TOY, FEW, partial(close_terminal, rows))


def close_terminal(rows: int, case: Case) -> None:
    hang_up(case, FEW, case.root, rows)
    assert_done(case, FEW)


def hang_up(case: Case, words: Words, root: Path, rows: int) -> None:
    """Close the terminal after so many rows; the training must have been stopped, not cut."""
    terminal = Terminal("run", case.space, "--root", root, *words)
    until = time.monotonic() + WAIT_S
    while rows_logged(root) < rows:
        assert terminal.process.poll() is None, terminal.text()
        assert time.monotonic() < until, "the sweep hangs"
        time.sleep(0.01)
    terminal.close()
    terminal.process.wait(WAIT_S)
    records = [record for one in experiences_in(root) if (record := one.read())]
    hows = [session.ended.how for record in records for session in record.sessions[-1:]]
    assert "cut" not in hows, f"the sessions ended so: {hows}"


def suspended_machine(chaos: Chaos) -> Iterator[Case]:
    """A machine that sleeps while another takes its sweep over writes no more when it wakes."""
    if not shutil.which("unshare"):
        raise Missing("unshare", "util-linux")
    yield chaos.case("a machine that sleeps", TOY, FEW, sleep_and_wake)


def sleep_and_wake(case: Case) -> None:
    with Drive(case.root.parent / "drive") as drive:
        root = Path("MyDrive") / "root"
        suspend(case, FEW, drive, root, 2, 4)
        shutil.copytree(drive.mounted / root, case.root)


def suspend(case: Case, words: Words, drive: Drive, root: Path, asleep: int, awake: int) -> None:
    """Stop the machine at so many rows, let another go on, and wake it at so many."""
    victim = start(case, words, drive.mounted / root).wait_for(logged(asleep), WAIT_S)
    os.killpg(victim.process.pid, signal.SIGSTOP)
    with drive.seen_from_elsewhere() as there:
        other = start(case, words, there / root, before=ELSEWHERE)
        other.wait_for(logged(awake), LEASE_AND_MORE_S)
        os.killpg(victim.process.pid, signal.SIGCONT)
        assert_one_sentence(*victim.end(WAIT_S))
        code, said = other.end(WAIT_S)
        assert code == 0, f"exit status {code}: {said}"


def ten_bad_days(chaos: Chaos) -> Iterator[Case]:
    """A sweep of 20 trials through ten bad days in a row ends like one that had none."""
    needs = Needs(chaos.folder)
    shim = shim_of_clock(chaos.folder)
    yield chaos.case("ten bad days", str(needs.space), TWENTY, partial(live_through, needs, shim))


def live_through(needs: Needs, shim: Path, case: Case) -> None:
    """Let each day befall the sweep some trials after the one before."""
    with Drive(case.root.parent / "drive") as drive:
        root = drive.mounted / "MyDrive" / "root"
        days: list[tuple[str, Callable[[], None]]] = [
            ("the data are away", lambda: cannot_do_without(needs.data, case, TWENTY, root)),
            ("killed", lambda: kill(case, root, 5)),
            ("the package is away", lambda: cannot_do_without(needs.package, case, TWENTY, root)),
            ("the disk is full", lambda: fail(case, drive, root, errno.ENOSPC, 11)),
            ("the quota is used up", lambda: fail(case, drive, root, errno.EDQUOT, 17)),
            ("the drive is gone", lambda: lose_drive(case, drive, root, 23)),
            ("the terminal is closed", lambda: hang_up(case, TWENTY, root, 29)),
            ("another user's files", lambda: lay_links(case, drive, root, 35)),
            ("the clock is set back", lambda: set_back(case, shim, root, 41)),
            (
                "the machine sleeps",
                lambda: suspend(case, TWENTY, drive, Path("MyDrive/root"), 47, 50),
            ),
        ]
        for day, befalls in days:
            try:
                befalls()
            except AssertionError as error:
                raise AssertionError(f"on the day when {day}: {error}") from error
            case.notes[day] += 1
        code, said = start(case, TWENTY, root).end(WAIT_S)
        assert code == 0, f"exit status {code}: {said}"
        aside = shutil.ignore_patterns(".quarantine")  # with the links, which the drive cannot read
        shutil.copytree(root, case.root, ignore=aside)


def kill(case: Case, root: Path, rows: int) -> None:
    start(case, TWENTY, root).wait_for(logged(rows), WAIT_S).kill_tree()


def fail(case: Case, drive: Drive, root: Path, number: int, rows: int) -> None:
    victim = start(case, TWENTY, root).wait_for(logged(rows), WAIT_S)
    fail_for_a_while(number, PAUSE_S, drive)
    victim.wait_for(logged(rows + 2), WAIT_S).kill_tree()


def lose_drive(case: Case, drive: Drive, root: Path, rows: int) -> None:
    victim = start(case, TWENTY, root).wait_for(logged(rows), WAIT_S)
    die_for_a_while(drive)
    victim.wait_for(logged(rows + 2), WAIT_S).kill_tree()


def one_in_training(root: Path) -> Experience:
    """Wait for a moment that is not between two trainings, and return the one that runs then."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        for one in experiences_in(root):
            if one.state() is State.RUNNING:
                return one
        time.sleep(PAUSE_S / 10)
    raise AssertionError("nothing is in training")


def lay_links(case: Case, drive: Drive, root: Path, rows: int) -> None:
    """Lay links to another folder under our names, in mid-training; its files stay as they are."""
    others = case.root.parent / "of_another"
    others.mkdir()
    for name in ("latest.weights.h5", "training_metadata.json", "notes.txt"):
        (others / name).write_text("mine")
    victim = start(case, TWENTY, root).wait_for(logged(rows), WAIT_S)
    one = one_in_training(root)
    there = drive.backing / "MyDrive" / "root" / one.id
    (there / "sauvegarde" / "latest.weights.h5.bkp").unlink(missing_ok=True)
    (there / "sauvegarde" / "latest.weights.h5.bkp").symlink_to(others / "latest.weights.h5")
    (there / "next.model.keras").unlink(missing_ok=True)
    (there / "next.model.keras").symlink_to(others / "notes.txt")
    victim.wait_for(logged(rows + 2), WAIT_S).kill_tree()
    assert {path.read_text() for path in others.iterdir()} == {"mine"}, "they were written through"


def set_back(case: Case, shim: Path, root: Path, rows: int) -> None:
    clock = case.root.parent / "clock"
    clock.write_text("0")
    before = ("env", f"LD_PRELOAD={shim}", f"CHAOS_CLOCK={clock}")
    victim = start(case, TWENTY, root, before).wait_for(logged(rows), WAIT_S)
    clock.write_text("-7200")
    victim.wait_for(logged(rows + 2), WAIT_S).kill_tree()


def assert_done(case: Case, words: Words) -> None:
    code, said = start(case, words).end(WAIT_S)
    assert code == 0, f"exit status {code}: {said}"
