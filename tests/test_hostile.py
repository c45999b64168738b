"""What anybody may have written into a root ends in a sentence, or counts as torn: never in a traceback."""

import json
import os
import shutil

import pytest
from command import TOY, sweep
from conftest import SPACES
from untrained import Search

from sweep.experience import experiences_in
from sweep.host import this_process
from sweep.meilleur import read_label
from sweep.pulse import read_pulse
from sweep.record import NO_RECORD, Record
from sweep.root import read_asked, read_holder
from sweep.search_space import Source

DEEP = "[" * 200_000
VALUES = [None, "x", [], {}, 1.5, -1, 2**70, True, "\x1b[31m", [[]]]
PLACES = [
    ("trials", 0, "number"),
    ("trials", 0, "ended"),
    ("trials", 0),
    ("sessions", 0, "epoch"),
    ("sessions", 0, "batch"),
    ("sessions", 0, "batches"),
    ("sessions", 0, "ended"),
    ("sessions", 0, "begun"),
    ("sessions", 0, "process", "pid"),
    ("sessions", 0, "process", "host"),
    ("sessions", 0, "process", "started"),
    ("sessions", 0),
    ("outcome", "val_acc"),
    ("outcome", "state"),
    ("outcome", "log"),
    ("outcome", "model"),
    ("outcome",),
    ("parent",),
    ("seed",),
    ("search_space",),
    ("parameters",),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    fingerprint = Source(SPACES / "toy.py", (SPACES / "toy.py").read_text()).fingerprint()
    root = tmp_path_factory.mktemp("hostile") / "root"
    search = Search(root, "random", fingerprint=fingerprint).go_on(1)
    (one,) = experiences_in(search.root)
    record = one.read()
    record.sessions[0].update(process=this_process(), batches=3)
    one.write(record)
    return one


def put(content, place, value):
    for name in place[:-1]:
        content = content[name]
    content[place[-1]] = value


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_record_with_anything_anywhere_is_read_or_refused(whole, place, value):
    content = json.loads(whole.record.read_bytes())
    put(content, place, value)
    try:
        record = Record.from_json(json.dumps(content).encode())
    except NO_RECORD:
        return
    assert isinstance(record.trials[0]["number"], int)
    assert all(isinstance(record.sessions[0][name], int) for name in ("epoch", "batch", "batches"))
    assert record.parent is None or len(record.parent) == 16


@pytest.mark.parametrize("text", [DEEP, "{", "[]", "null", "3", '"x"', "{}", b"\xff\xfe".decode("latin-1")])
def test_any_text_in_any_file_of_ours_is_taken_for_none(tmp_path, text):
    for name, read in (("pulse.json", read_pulse), ("meilleur.model.keras", read_label)):
        (tmp_path / name).write_text(text)
        assert read(tmp_path / name) is None
    for name in ("sweep.json", "sweep.lock.json"):
        (tmp_path / name).write_text(text)
    assert read_asked(tmp_path) == {}
    assert read_holder(tmp_path) is None
    with pytest.raises(NO_RECORD):
        Record.from_json(text.encode())


def test_what_a_newer_version_wrote_besides_is_left_out(whole):
    content = json.loads(whole.record.read_bytes())
    content["outcome"]["newer"] = content["newer"] = 1
    assert Record.from_json(json.dumps(content).encode()) == whole.read()


def test_a_flipped_byte_anywhere_in_a_model_makes_it_torn_or_changes_nothing(whole, tmp_path):
    content, label = whole.meilleur.read_bytes(), read_label(whole.meilleur)
    path = tmp_path / "meilleur.model.keras"
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x5A]) + content[place + 1 :])
        assert read_label(path) in (None, label)


@pytest.mark.parametrize("command", ["results", "status", "verify", "best"])
def test_a_fifo_an_escape_and_a_deep_file_disturb_no_command(whole, tmp_path, command):
    root = tmp_path / "root"
    shutil.copytree(whole.path.parent, root)
    for number, text in enumerate((DEEP, json.dumps({"parameters": {"\x1b[31m": 1}}))):
        other = root / f"{number:016x}"
        other.mkdir()
        (other / "experience.json").write_text(text)
    fifo = root / f"{7:016x}"
    fifo.mkdir()
    os.mkfifo(fifo / "experience.json")
    (root / "\x1b[31mred").mkdir()
    done = sweep(command, TOY, "--root", root, timeout=60)
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
