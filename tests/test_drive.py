"""A drive that is gone for a while is waited for, and no live study lies on it.

The chaos suite mounts one.
"""

import contextlib
import errno
import os
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from support.bits import trained
from support.command import TOY, Running, in_keras, run, sweep, table
from sweep.experience.folder import experiences_in
from sweep.experience.record import State
from sweep.experience.root import study_of
from sweep.system import files, plain_files
from sweep.system.files import move_to_quarantine, patiently, pauses, write_whole
from sweep.system.host import is_on_drive

Mount = namedtuple("Mount", "mountpoint fstype")


@pytest.fixture
def drive(monkeypatch, tmp_path):
    """Let /content/drive be a Google Drive as Colab mounts it."""
    mounts = [
        Mount("/", "overlay"),
        Mount("/content/drive", "fuse.drive"),
        Mount("/content/drive/local", "ext4"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **how: mounts)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Path("/content/drive")


@pytest.mark.parametrize(
    ("path", "is_there"),
    [
        ("/content/drive/MyDrive/4A4/experiences/laboratoire1", True),
        ("/content/drive", True),
        ("/content/drives/MyDrive", False),
        ("/content/drive/local/x", False),
        ("/content", False),
    ],
)
def test_a_google_drive_is_known_by_the_mount_that_a_path_lies_on(drive, path, is_there):
    assert is_on_drive(Path(path)) == is_there


def test_the_study_of_a_root_on_a_drive_lies_on_the_local_disk(drive, tmp_path):
    roots = [drive / "MyDrive" / where / "laboratoire1" for where in ("4A4", "4A5")]
    studies = [study_of(root, None) for root in roots]
    assert {study.parent for study in studies} == {tmp_path / "sweep"}
    assert studies[0].name.startswith("laboratoire1-")
    assert studies[0] != studies[1], "two roots of one name have two studies"
    assert study_of(Path("/content/here"), None) == Path("/content/here/study.journal")
    assert study_of(Path("/content/here"), Path("/fast")).parent == Path("/fast")


@pytest.mark.long
def test_a_study_that_lives_elsewhere_and_is_lost_with_its_machine_changes_nothing(tmp_path):
    words = ("--trials", 4, "--save-freq", 2)
    run(tmp_path / "twin", *words)
    root = tmp_path / "root"
    Running(root, *words, "--study-dir", tmp_path / "first machine", hold=4).held().kill_tree()
    assert State.CUT_OFF in {one.state() for one in experiences_in(root)}
    assert len(list((tmp_path / "first machine").glob("root-*.journal"))) == 1
    said = run(root, *words, "--study-dir", tmp_path / "second machine")
    assert "it is rebuilt from the folders" in said
    assert not (root / "study.journal").exists()
    assert trained(root) == trained(tmp_path / "twin")
    assert table(root) == table(tmp_path / "twin")
    done = sweep("verify", TOY, "--root", root, "--study-dir", tmp_path / "second machine")
    assert done.returncode == 0
    assert "4 trials, as in the folders" in done.stdout
    assert sweep("rebuild", TOY, "--root", root, "--study-dir", tmp_path / "third").returncode == 0
    assert len(list((tmp_path / "third").glob("root-*.journal"))) == 1


def failing(numbers):
    """Return work that fails with these errors, one after the other, and then succeeds."""
    left = list(numbers)

    def work():
        if left:
            raise OSError(left.pop(0), "it failed")
        return "done"

    return work


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(files, "FIRST_PAUSE_S", 0.01)


WAITED_FOR = [
    *(errno.EIO, errno.EOPNOTSUPP, errno.ENOTCONN, errno.ESTALE),
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS),
]


@pytest.mark.parametrize("number", WAITED_FOR)
def test_what_a_drive_answers_that_is_gone_is_waited_out_and_said_once(hurried, number):
    said = []
    assert patiently(failing([number] * 4), said.append, lambda: False) == "done"
    assert [error.errno for error in said] == [number]


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.EFBIG])
def test_what_no_waiting_mends_is_raised_at_once(hurried, number):
    with pytest.raises(OSError, match="it failed"):
        patiently(failing([number]), pytest.fail, lambda: False)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_sync_is_written_all_the_same(monkeypatch, tmp_path, number):
    def cannot(descriptor):
        raise OSError(number, "it knows no fsync")

    monkeypatch.setattr(os, "fsync", cannot)
    write_whole(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_cannot_be_synced_for_another_reason_is_not_put_in_place(monkeypatch, tmp_path):
    def fails(descriptor):
        raise OSError(errno.EIO, "it failed")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="it failed"):
        write_whole(tmp_path / "file", b"content")
    assert not (tmp_path / "file").exists()


def test_a_stop_ends_the_waiting(hurried):
    with pytest.raises(OSError, match="it failed"):
        patiently(failing([errno.EIO] * 9), lambda error: None, lambda: True)


def test_waiting_has_an_end(hurried):
    with pytest.raises(OSError, match="it failed"):
        patiently(failing([errno.EIO] * 99), lambda error: None, lambda: False, patience_s=0.05)


def test_each_pause_is_twice_the_one_before_up_to_a_minute():
    waits = pauses()
    assert [next(waits) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_quarantine_overwrites_nothing(tmp_path):
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    for number in range(3):
        path.write_text(str(number))
        move_to_quarantine(path, tmp_path)
    kept = sorted((tmp_path / ".quarantine" / "folder").iterdir())
    assert [(one.name, one.read_text()) for one in kept] == [
        ("file", "0"),
        ("file.1", "1"),
        ("file.2", "2"),
    ]


BEST_WHILE_GONE = """
import errno, json, os, pathlib
import keras
from sweep.experience import best_model
from sweep.space.objectives import Objective
from sweep.system import plain_files
from sweep.training.saving import best_model_callback
from sweep.training.saving.held_model import HeldModel

model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
path = pathlib.Path("PATH")
values = [variable.value for variable in model.variables]
best = best_model_callback.BestModel(path, Objective("val_acc", "max"), None, lambda: values)
best.set_model(model)
really = CALL

def gone(*args, **kwargs):
    raise OSError(errno.EIO, os.strerror(errno.EIO))

for epoch, value in enumerate([0.5, 0.9, 0.6]):
    model.variables[0].assign([[value]])
    CALL = gone if epoch == 1 else really
    best.on_epoch_end(epoch, {"val_acc": value})
    try:
        best.write_now()
    except OSError:
        assert epoch == 1
best.write_now()
weight = keras.models.load_model(path).variables[0].numpy().item()
print(json.dumps([*best_model.read_label(path), weight]))
"""


@pytest.mark.parametrize("call", ["plain_files.created", "HeldModel.write", "plain_files.replace"])
def test_a_best_model_that_a_drive_does_not_take_is_kept_and_written_later(tmp_path, call):
    code = BEST_WHILE_GONE.replace("PATH", str(tmp_path / "meilleur.model.keras"))
    value, epoch, weight = in_keras(code.replace("CALL", call))
    assert (value, epoch) == (0.9, 1)
    assert weight == pytest.approx(0.9), "it is the model of another epoch"


def test_what_is_removed_while_a_folder_is_listed_is_left_out(tmp_path, monkeypatch):
    """A drive lists names without kinds, which are asked for one by one.

    Any disk is asked so about a pipe.
    """
    write_whole(tmp_path / "log.csv", b"")
    os.mkfifo(tmp_path / "pulse.json")
    really = os.scandir

    def scandir(folder):
        with really(folder) as entries:
            listed = list(entries)
        (tmp_path / "pulse.json").unlink()
        return contextlib.nullcontext(listed)

    monkeypatch.setattr(os, "scandir", scandir)
    assert plain_files.contents(tmp_path) == {tmp_path / "log.csv": "a file"}
