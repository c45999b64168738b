"""What callbacks write into the folder of the experience, and TensorBoard's events above all."""

import json
import shutil
from dataclasses import replace

import pytest

from support.bits import assert_equal, only
from support.command import in_keras, sweep
from support.documents import HERE, blocks
from support.tiers import sampled
from support.trainer import SPACES
from sweep.experience import backup_files
from sweep.maintenance.findings import verify_root

READ = """
import json, pathlib
import tensorflow as tf
read = {{}}
for path in sorted(pathlib.Path({folder!r}).rglob("events.out.tfevents.*")):
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            number = tf.make_ndarray(value.tensor).item()
            read.setdefault(value.tag, []).append([event.step, number])
print(json.dumps(read))
"""
SHOWN = """
import json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
shown = {{}}
for run in ("train", "validation"):
    events = EventAccumulator(f"{folder}/{{run}}", size_guidance={{"tensors": 0}}).Reload()
    for tag in events.Tags()["tensors"]:
        shown[f"{{run}} {{tag}}"] = [event.step for event in events.Tensors(tag)]
del shown["train keras"]  # the graph of the model
print(json.dumps(shown))
"""
CUTS = {
    "before a backup": [{"epoch": 0, "batch": 3}],
    "in an epoch": [{"epoch": 1, "batch": 6}],
    "at its end": [{"epoch": 1, "end": True}],
    "in a validation": [{"epoch": 2, "validation": True}],
    "thrice": [{"epoch": 0, "batch": 9}, {"epoch": 1, "batch": 1}, {"epoch": 3, "end": True}],
}


def events(experience):
    """Return the step and the value of each event, by its tag, in the order of the files."""
    return in_keras(READ.format(folder=str(experience.path)))


@pytest.mark.parametrize("cuts", sampled(CUTS, "at its end", "thrice"))
def test_each_event_is_there_once_however_it_was_cut(trainer, uncut, tmp_path, cuts):
    one = trainer.cut_and_resume("events", tmp_path, *CUTS[cuts])
    assert_equal(one, uncut("events"))
    assert not one.read().approximate_because
    assert events(one) == events(uncut("events"))
    assert [step for step, _ in events(one)["loss"]] == list(range(1, 41))
    assert [step for step, _ in events(one)["val_acc"]] == [0, 1, 2, 3]
    assert all(finding.is_well for finding in verify_root(tmp_path, "events"))


def cut_off(trainer, root):
    """Return an experience that was killed after its backup, and the file of its batches."""
    trainer("events", root, {"epoch": 1, "batch": 6})
    one = only(root)
    (file,) = (one.path / "batches").iterdir()
    return one, file


def test_only_what_was_written_after_the_backup_goes(trainer, tmp_path):
    root, mine = tmp_path / "root", tmp_path / "mine"
    _, file = cut_off(trainer, root)
    before = file.read_bytes()
    mine.write_bytes(b"mine" * 10**5)
    link = file.with_name("events.out.tfevents.9.linked")
    link.symlink_to(mine)
    unknown, notes = file.with_name("events.out.tfevents.9.new"), file.with_name("notes.txt")
    for path in (unknown, notes):
        path.write_text("mine")
    assert trainer("events", root).ending == "outcome"
    assert mine.read_bytes() == b"mine" * 10**5
    assert link.is_symlink()
    assert notes.read_text() == "mine"
    assert before.startswith(file.read_bytes())
    assert 0 < len(file.read_bytes()) < len(before)
    assert not unknown.exists()
    moved = root / ".quarantine" / unknown.relative_to(root)
    assert moved.read_text() == "mine"


def test_a_training_that_begins_anew_does_so_with_its_events(trainer, uncut, tmp_path):
    one, file = cut_off(trainer, tmp_path)
    for path in one.sauvegarde.iterdir():
        path.write_bytes(b"torn")
    assert trainer("events", tmp_path).ending == "outcome"
    assert events(one) == events(uncut("events"))
    assert (tmp_path / ".quarantine" / file.relative_to(tmp_path)).exists()


@pytest.mark.long
def test_what_callbacks_write_stays_with_its_experience(tmp_path):
    """In a check, a merge and an extension; an extension has events of its own."""
    space, root, ours = SPACES / "events.py", tmp_path / "root", tmp_path / "ours"
    checked = sweep("check", space, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "a resume is exact" in checked.stdout
    assert not list(tmp_path.iterdir())
    assert sweep("run", space, "--root", root, "--trials", 1, "--epochs", 2).returncode == 0
    one = only(root)
    shutil.copytree(root, tmp_path / "theirs")
    merged = sweep("merge", space, tmp_path / "theirs", "--root", ours)
    assert merged.returncode == 0, merged.stderr
    assert events(only(ours)) == events(one)
    before = events(one)
    assert sweep("extend", space, "--root", root, "--epochs", 3).returncode == 0
    assert events(one) == before
    (longer,) = (folder for folder in root.glob("?" * 16) if folder != one.path)
    record = json.loads((longer / "experience.json").read_text())
    assert record["parent"] == one.id
    assert not record["approximate_because"]
    assert [step for step, _ in events(replace(one, path=longer))["val_acc"]] == [2]
    assert sweep("verify", space, "--root", root).returncode == 0


@pytest.mark.long
def test_the_recipe_shows_each_step_once_in_tensorboard(trainer, tmp_path):
    """By TensorBoard's own reader, for Keras's callback as the documents have it."""
    (recipe,) = (
        block.text
        for block in blocks(HERE / "docs" / "search-spaces.md")
        if block.says.get("file") == "search_spaces/boarded.py"
    )
    space = tmp_path / "boarded.py"
    written = recipe.replace('update_freq="batch")]', 'update_freq="batch"), cut.Cut()]')
    space.write_text(written.replace("FIXED", "import cut\n\nFIXED", 1))
    shutil.copy(SPACES / "cut.py", tmp_path)
    how = {"parameters": {"units": 16, "epochs": 3, "batch_size": 32, "seed": 0}}
    whole = trainer.cut_and_resume(space, tmp_path / "whole", **how)
    cuts = {"epoch": 0, "batch": 30}, {"epoch": 1, "end": True}, {"epoch": 2, "batch": 2}
    one = trainer.cut_and_resume(space, tmp_path / "root", *cuts, **how)
    assert_equal(one, whole)
    shown = in_keras(SHOWN.format(folder=str(one.path / "tensorboard")))
    assert shown == in_keras(SHOWN.format(folder=str(whole.path / "tensorboard")))
    assert shown["validation epoch_acc"] == [0, 1, 2]
    assert shown["train batch_loss"] == list(range(1, 3 * 44 + 1))


def test_the_positions_of_a_backup_hold_the_lengths(trainer, tmp_path):
    one, file = cut_off(trainer, tmp_path)
    (newest, _, _), *_ = backup_files.read_positions(one.sauvegarde)
    known = newest.state["event_files"]
    assert known[str(file.relative_to(one.path))] < file.stat().st_size
    assert set(known) == {
        str(file.relative_to(one.path)),
        *(str(path.relative_to(one.path)) for path in (one.path / "of" / "epochs").iterdir()),
    }
