"""What anybody may have written into a root ends in a sentence, or counts as torn: never in a traceback."""

import contextlib
import json
import os
import shutil

import pandas as pd
import pytest

from support.command import TOY, sweep
from support.folders import Search
from support.trainer import SPACES
from sweep import display, figures, pictures, status, tidy
from sweep.errors import SweepError
from sweep.experience import experiences_in
from sweep.files import write_whole
from sweep.host import machine, now, this_process
from sweep.language import ENGLISH
from sweep.live import headline
from sweep.meilleur import read_label
from sweep.pulse import read_pulse
from sweep.record import Record
from sweep.report import sections_of
from sweep.root import read_asked, read_holder
from sweep.schemas import Unreadable
from sweep.search_space import Source
from sweep.session import differences
from sweep.shown import study_of_folders
from sweep.watch import Watch

SOURCE = Source(SPACES / "toy.py", (SPACES / "toy.py").read_text())
DEEP = "[" * 200_000
VALUES = [
    None,
    "x",
    [],
    {},
    1.5,
    -1,
    2**70,
    True,
    "\x1b[31m",
    [[]],
    float("nan"),
    1e300,
    "9999-12-31T00:00:00+00:00",
]
PLACES = [
    ("trials", 0, "number"),
    ("trials", 0, "ended"),
    ("trials", 0),
    ("sessions", 0, "epoch"),
    ("sessions", 0, "batch"),
    ("sessions", 0, "batches"),
    ("sessions", 0, "ended"),
    ("sessions", 0, "ended", "how"),
    ("sessions", 0, "ended", "epoch"),
    ("sessions", 0, "ended", "trained_s"),
    ("sessions", 0, "ended", "prepared_s"),
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
    ("data_identity",),
    ("data_identity", "digest"),
    ("data_identity", "count"),
    ("data_identity", "files"),
    ("data_identity", "files", 0),
    ("data_identity", "files", 0, "path"),
    ("data_identity", "files", 0, "bytes"),
    ("data_identity", "files", 0, "modified"),
    ("seed",),
    ("search_space",),
    ("search_space", "modules"),
    ("search_space", "modules", "helpers"),
    ("search_space", "accepted"),
    ("sessions", 0, "machine"),
    ("sessions", 0, "machine", "flags"),
    ("sessions", 0, "machine", "environment"),
    ("parameters",),
    ("parameters", "epochs"),
    ("parameters", "x"),
    ("trials", 0, "params"),
    ("trials", 0, "params", "x"),
    ("trials", 0, "distributions"),
    ("trials", 0, "begun"),
]
LOGS = ["inf", "-inf", "1e308", "nan"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Return a root with one finished and one interrupted experience."""
    root = tmp_path_factory.mktemp("hostile") / "root"
    Search(root, "random", source=SOURCE).go_on(2)
    for one, is_finished in zip(experiences_in(root), (True, False), strict=True):
        record = one.read()
        end = {"how": "cut", "epoch": 1, "batch": 1, "trained_s": 1.0, "prepared_s": 1.0}
        record.search_space["modules"] = {"helpers": {"load": "a hash"}}
        record.sessions[0].update(process=this_process(), batches=3, ended=end, machine=machine())
        record.outcome = record.outcome if is_finished else None
        file = {"path": "/data/train.csv", "bytes": 1, "modified": now()}
        record.data_identity = {"digest": "0" * 64, "files": [file], "count": 1}
        one.write(record)
    return root


@pytest.fixture
def whole(root):
    """Return the finished experience."""
    return next(experiences_in(root))


def put(one, place, value):
    """Return the record with a value in a place, or None if it has no such place."""
    content = json.loads(one.record.read_bytes())
    inner = content
    for name in place[:-1]:
        inner = inner[name]
        if inner is None:  # of what was cut off, there is no outcome
            return None
    inner[place[-1]] = value
    return json.dumps(content)


def is_read(text):
    """Tell whether the reader takes the text for a record, which then has the right types."""
    try:
        record = Record.from_json(text.encode())
    except Unreadable:
        return False
    assert isinstance(record.trials[0]["number"], int)
    assert all(isinstance(record.sessions[0][name], int) for name in ("epoch", "batch", "batches"))
    assert record.parent is None or len(record.parent) == 16
    SOURCE.with_accepted(record.search_space["accepted"]).counts(record.search_space)
    list(differences(record.sessions[0].get("machine") or machine(), machine()))
    return True


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_whoever_looks_on_sees_a_record_with_anything_anywhere_or_none(root, tmp_path, place):
    """Whatever the reader lets pass is shown, drawn and served; one sentence may refuse it."""
    for number, value in enumerate(VALUES):
        texts = {one: put(one, place, value) for one in experiences_in(root)}
        read = {one.id: text for one, text in texts.items() if text and is_read(text)}
        if read:
            copied = tmp_path / str(number)
            shutil.copytree(root, copied)
            for name, text in read.items():
                (copied / name / "experience.json").write_text(text)
            look_at_all(copied)


def test_whoever_looks_on_passes_over_a_record_that_the_reader_refuses(root, tmp_path):
    shutil.copytree(root, tmp_path / "root")
    next(experiences_in(tmp_path / "root")).record.write_text("{}")
    assert not is_read("{}")
    look_at_all(tmp_path / "root")


@pytest.mark.parametrize("value", LOGS)
def test_whoever_looks_on_sees_a_log_with_any_number(whole, tmp_path, value):
    shutil.copytree(whole.path, tmp_path / whole.id)
    log = tmp_path / whole.id / "log.csv"
    lines = log.read_text().splitlines()
    log.write_text(
        "\n".join([*lines[:2], lines[2].replace(lines[2].split(",")[3], value), *lines[3:]]) + "\n"
    )
    look_at_all(tmp_path)


def look_at_all(root):
    sight = Watch(root, lambda text: None).look()
    list(status.lines(sight))
    headline(sight)
    display.html(sight)
    tidy.harmless(tidy.essais(sight)).to_csv()
    tidy.harmless(tidy.epochs(sight)).to_csv()
    for section in sections_of(sight, ENGLISH) if any(one.curve for one in sight.trainings) else ():
        for module in (figures, pictures) if section.there_is else ():
            section.draw(module)
    try:
        study_of_folders("toy", sight)
    except SweepError:  # the sentence that refuses one must not hide what another does
        for one in experiences_in(root):
            alone = root.with_name(f"{root.name} {one.id}") / one.id
            shutil.copytree(one.path, alone)
            with contextlib.suppress(SweepError):
                study_of_folders("toy", Watch(alone.parent, lambda text: None).look())


def test_a_header_of_a_table_runs_nothing_in_a_spreadsheet():
    frame = tidy.harmless(pd.DataFrame([[1, "=1"], [2, None]], columns=["=cmd", "self"]))
    assert list(frame.columns) == ["'=cmd", "self"]
    assert frame["self"][0] == "'=1"


def test_half_a_letter_is_in_no_record(whole):
    content = json.loads(whole.record.read_bytes())
    content["parameters"]["x"] = "\ud800"
    with pytest.raises(Unreadable):
        Record.from_json(json.dumps(content).encode())
    content["parameters"]["x"] = "é\U0001f600"
    assert Record.from_json(json.dumps(content).encode()).parameters["x"] == "é\U0001f600"


def test_a_link_beside_a_file_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("whole")
    (tmp_path / "file.part").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        write_whole(tmp_path / "file", b"content")
    assert victim.read_text() == "whole"


@pytest.mark.parametrize(
    "text", [DEEP, "{", "[]", "null", "3", '"x"', "{}", b"\xff\xfe".decode("latin-1")]
)
def test_any_text_in_any_file_of_ours_is_taken_for_none(tmp_path, text):
    for name, read in (("pulse.json", read_pulse), ("meilleur.model.keras", read_label)):
        (tmp_path / name).write_text(text)
        assert read(tmp_path / name) is None
    for name in ("sweep.json", "sweep.lock.json"):
        (tmp_path / name).write_text(text)
    assert read_asked(tmp_path) == {}
    assert read_holder(tmp_path) is None
    with pytest.raises(Unreadable):
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
