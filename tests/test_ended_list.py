"""The list of what has ended spares a run its reading, and is never trusted over the folders."""

import json
import os
import shutil

import pytest

from support.stand_ins import SPACE, control
from sweep.experience import ended_list
from sweep.experience.ended_list import EndedList
from sweep.experience.folder import experiences_in
from sweep.experience.inventory import Inventory
from sweep.experience.snapshot_reader import SnapshotReader


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ended")
    space = folder / "space.py"
    space.write_text(SPACE)
    control(folder / "root", space, trials=6)
    return folder / "root"


@pytest.fixture(autouse=True)
def _lists_every_root(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(ended_list, "LEAST", 1)
    monkeypatch.setattr(ended_list, "SETTLED_NS", 0)


@pytest.fixture
def root(drawn, tmp_path):
    """Return a root of its own whose list is written."""
    root = shutil.copytree(drawn, tmp_path / "root")
    settle(root)
    return root


def settle(root):
    """Read, check and repair the folders as a run does; return them, and what is said."""
    said, folders = [], Inventory(root, "space", ended=EndedList(root, "space"))
    folders.check()
    folders.settle(said.append)
    return folders, said


def listed(root, space="space"):
    ended = EndedList(root, space)
    return {one.id: record for one in experiences_in(root) if (record := ended.record(one))}


def replace(path):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def change_in_place(path):
    """Change one byte, and give the file back its time."""
    before = path.stat()
    content = path.read_bytes()
    path.write_bytes(content[:-2] + b" " + content[-1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "the record is edited": lambda one: change_in_place(one.record),
    "the record is replaced by its equal": lambda one: replace(one.record),
    "a drive doubles the record": lambda one: shutil.copy(
        one.record, one.path / "experience (1).json"
    ),
    "the log is edited": lambda one: change_in_place(one.log),
    "the log is gone": lambda one: one.log.unlink(),
    "the model is torn": lambda one: os.truncate(one.meilleur, 10),
    "the model is a link": lambda one: (
        one.meilleur.rename(one.path / "moved"),
        one.meilleur.symlink_to("moved"),
    ),
    "there is a backup": lambda one: (
        one.sauvegarde.mkdir(exist_ok=True) or (one.sauvegarde / "x").touch()
    ),
    "the folder is copied back": lambda one: (
        shutil.copytree(one.path, f"{one.path}.copy")
        and (shutil.rmtree(one.path), one.path.with_name(f"{one.id}.copy").rename(one.path))
    ),
}


def test_what_has_ended_is_read_from_the_list_and_is_the_same(root):
    records = {one.id: one.read() for one in experiences_in(root)}
    assert listed(root) == records
    assert len(records) > 3
    rows = SnapshotReader(root, print).look().rows()
    shutil.rmtree(os.environ["XDG_CACHE_HOME"])
    assert SnapshotReader(root, print).look().rows() == rows


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_in_a_folder_is_seen(root, change):
    one = next(experiences_in(root))
    assert one.id in listed(root)
    CHANGES[change](one)
    assert one.id not in listed(root)
    with_list = settle(shutil.copytree(root, root.with_name("other"), symlinks=True))[1]
    assert [text.replace("/root", "/other") for text in settle(root)[1]] == with_list


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"search_space": "space", "ended": 3}', "[" * 100_000],
)
def test_a_list_that_is_none_is_made_again(root, content):
    (path,) = ended_list.cache_folder().rglob("*.json")
    path.write_text(content)
    assert listed(root) == {}
    settle(root)
    assert listed(root)


@pytest.mark.parametrize("entry", [7, None, [1, 2, 3], {}, [[], {}], "STAMP RECORD"])
def test_an_entry_that_is_none_is_not_listed(root, entry):
    (path,) = ended_list.cache_folder().rglob("*.json")
    content = json.loads(path.read_text())
    (name, (stamp, record)), *_ = content["ended"].items()
    broken = [stamp, {**record, "outcome": 3}] if entry == "STAMP RECORD" else entry
    path.write_text(json.dumps({**content, "ended": {**content["ended"], name: broken}}))
    assert set(listed(root)) == set(content["ended"]) - {name}


def test_a_list_that_others_may_write_is_not_read(root):
    (path,) = ended_list.cache_folder().rglob("*.json")
    path.parent.chmod(0o777)
    assert listed(root) == {}


def test_a_folder_whose_record_is_doubled_is_not_listed(drawn, tmp_path):
    root = shutil.copytree(drawn, tmp_path / "doubled")
    one = next(experiences_in(root))
    shutil.copy(one.record, one.path / "experience (1).json")
    settle(root)
    assert set(listed(root)) == {other.id for other in experiences_in(root)} - {one.id}


def test_a_list_holds_for_its_search_space_and_its_root_only(root):
    assert listed(root, "other") == {}
    assert listed(shutil.copytree(root, root.with_name("copy"))) == {}


def test_a_file_that_was_just_written_is_not_listed(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(ended_list, "SETTLED_NS", 60 * 10**9)
    root = shutil.copytree(drawn, tmp_path / "new")
    settle(root)
    assert listed(root) == {}


def test_a_cache_that_cannot_be_written_stops_nothing(drawn, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    root = shutil.copytree(drawn, tmp_path / "root")
    assert settle(root)[1] == []
    assert listed(root) == {}


def test_an_unfinished_experience_is_never_listed(root):
    one = next(experiences_in(root))
    content = json.loads(one.record.read_text())
    one.record.write_text(json.dumps({**content, "outcome": None}))
    settle(root)
    assert one.id not in listed(root)
