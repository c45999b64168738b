"""The zoo: search spaces as people write them, and whether each resumes bit for bit."""

import ast
import shutil
import threading
import time
from pathlib import Path

from support.bits import best_weights, only
from support.trainer import SPACES
from sweep.record import State

FOLDER = Path(__file__).parent.parent / "zoo"
PARAMETERS = {"units": 6, "rate": 0.02}  # a space takes of them what its suggest names
# Appended to a copy of a space, so that tests/spaces/cut.py can kill it or let it wait.
WITH_CUT = """

def _with_cut(of_user):
    import cut

    return lambda parameters: [*of_user(parameters), cut.Cut()]


callbacks = _with_cut(globals().get("callbacks") or (lambda parameters: []))
"""
# One after the other, in one experience of 3 epochs of 10 batches, with a backup every 4 batches.
PLACES = [
    {"epoch": 0, "batch": 6},
    {"epoch": 0, "validation": True},
    {"epoch": 0, "end": True},
    {"epoch": 1, "batch": 2, "wait": True},
    {"epoch": 1, "validation": True, "wait": True},
    {"epoch": 1, "end": True, "wait": True},
]
SAVE_FREQ = 4
POLL_S = 0.01
HEARD_S = 0.3  # until a training that waits has heard that it is to stop


def names():
    """Return the names of the spaces in the folder."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def parameters_of(name):
    """Return what a training of a space is given, without executing the space."""
    for statement in ast.parse((FOLDER / f"{name}.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "FIXED":
            return {**PARAMETERS, **ast.literal_eval(statement.value)}
    raise AssertionError(f"{name}.py has no FIXED")


def copy_with_cut(name, folder):
    """Write the space and ``cut.py`` into a folder, and return the path of the space."""
    shutil.copy(SPACES / "cut.py", folder)
    path = folder / f"{name}.py"
    path.write_text((FOLDER / f"{name}.py").read_text() + WITH_CUT)
    return path


def train_uncut(trainer, name, root):
    """Train a space as its user wrote it, and return its experience."""
    end = trainer(FOLDER / f"{name}.py", root, None, 1000, parameters_of(name))
    assert end.ending == "outcome", end
    experience = only(root)
    assert experience.state() is State.FINISHED, experience.read().outcome
    return experience


def train_cut(trainer, name, folder):
    """Kill or stop a training at each of ``PLACES``, let it end, and return its experience."""
    path, root = copy_with_cut(name, folder), folder / "cut"
    for place in PLACES:
        end = _train_to(trainer, path, root, place)
        if end.ending == "outcome":  # it failed
            break
        assert only(root).state() is State.CUT_OFF
    else:
        trainer(path, root, None, SAVE_FREQ, parameters_of(name))
    return only(root)


def _train_to(trainer, path, root, place):
    over = threading.Event()
    if "wait" in place:
        threading.Thread(target=_stop_once_it_waits, args=(trainer, over)).start()
    try:
        end = trainer(path, root, place, SAVE_FREQ, parameters_of(path.stem))
    finally:
        over.set()
    assert end.ending in ("outcome", "stopped" if "wait" in place else "died"), end
    return end


def _stop_once_it_waits(trainer, over):
    reached = trainer.order.with_suffix(".reached")
    while not reached.exists():
        if over.wait(POLL_S):
            return
    trainer.stop.set()
    time.sleep(HEARD_S)
    reached.unlink()


def verdict(experience, twin):
    """Return ``equal``, ``named``, ``SILENT`` or ``LOST``, and why: experience was cut, twin was not."""
    record = experience.read()
    if experience.state() is not State.FINISHED:
        return "LOST", record.outcome.reason
    same = experience.log.read_bytes() == twin.log.read_bytes()
    why = record.approximate_because
    if same and best_weights(experience) == best_weights(twin):
        return ("named" if why else "equal"), why
    return ("named" if why else "SILENT"), why
