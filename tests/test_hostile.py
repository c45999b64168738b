"""What anybody wrote into a root ends in a sentence, or counts as torn: never in a traceback."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from support import monsters
from support.command import TOY, sweep
from support.folders import Search, write_backup
from support.tiers import sampled
from support.trainer import SPACES
from sweep.console import status
from sweep.console.headline import headline_of
from sweep.errors import SweepError
from sweep.experience.backup_files import newest_position
from sweep.experience.best_model import read_label
from sweep.experience.entries import SessionEnd
from sweep.experience.folder import experiences_in
from sweep.experience.heartbeat import read_heartbeat
from sweep.experience.log_csv import read_curve
from sweep.experience.position import Position
from sweep.experience.record import Record
from sweep.experience.root import read_asked
from sweep.experience.root_lock import read_holder
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.space.source import SpaceSource
from sweep.system.files import write_whole
from sweep.system.host import machine, now, this_process
from sweep.system.json_text import Unreadable
from sweep.web import matplotlib_figures, notebook, plotly_figures, tables
from sweep.web.dashboard_study import study_of_folders
from sweep.web.epoch_logs import epoch_logs_of
from sweep.web.sections import sections_of
from sweep.web.texts import ENGLISH

SOURCE = SpaceSource(SPACES / "toy.py", (SPACES / "toy.py").read_text())
DEEP = "[" * 200_000
LOGS = ["inf", "-inf", "1e308", "nan"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Return a root with one finished and one interrupted experience."""
    root = tmp_path_factory.mktemp("hostile") / "root"
    Search(root, "random", source=SOURCE).go_on(2)
    for one, is_finished in zip(experiences_in(root), (True, False), strict=True):
        record = one.read()
        end = SessionEnd(how="cut", epoch=1, batch=1, trained_s=1.0, prepared_s=1.0)
        record.search_space["modules"] = {"helpers": {"load": "a hash"}}
        record.sessions[0] = replace(
            record.sessions[0], process=this_process(), batches=3, ended=end, machine=machine()
        )
        record.outcome = record.outcome if is_finished else None
        file = {"path": "/data/train.csv", "bytes": 1, "modified": now()}
        record.data_identity = {"digest": "0" * 64, "files": [file], "count": 1}
        one.write(record)
    return root


@pytest.fixture
def whole(root):
    """Return the finished experience."""
    return next(experiences_in(root))


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Return a folder with a good root, one that is to be spoilt, and their search space."""
    folder = tmp_path_factory.mktemp("roots")
    space = monsters.write_space(folder)
    monsters.make(folder / "good", space, seed=0)
    monsters.make(folder / "hostile", space, seed=1)
    return folder


@pytest.fixture
def wrong_after(roots, tmp_path, monkeypatch):
    """Return a function that spoils a copy of the root, and tells what went wrong as it was used.

    Where it was nothing but slow, it is used once more, in a fresh copy: what an enemy can cause is
    slow each time, and a machine that stood still is not. Who waits for another host waits 1 s.
    """
    monkeypatch.setattr("sweep.experience.root_lock.LEASE_S", 1.0)

    def attempt(spoil, number):
        copied = shutil.copytree(roots, tmp_path / str(number))
        said = spoil(copied / "hostile")
        return said, monsters.use_all(copied / "hostile", copied / "good", copied / "space.py")

    def attempts(spoil):
        said, wrong = attempt(spoil, 1)
        if wrong and all(isinstance(one, monsters.Slow) for one in wrong):
            said, wrong = attempt(spoil, 2)
        return wrong and (said, wrong)

    return attempts


@pytest.mark.parametrize("seed", sampled(range(60), *range(2)))
def test_a_drawn_root_with_anything_anywhere_ends_in_sentences_and_harms_no_other(
    wrong_after, seed
):
    """It is merged, looked at, drawn, verified and run, each in 2 s and 500 MB."""
    assert not wrong_after(lambda root: monsters.spoil(root, random.Random(seed)))


@pytest.mark.parametrize("name", monsters.RECORDS)
def test_a_record_by_an_enemy_who_knows_us_harms_no_other(wrong_after, name):
    def spoil(root):
        for one in sorted(experiences_in(root), key=lambda one: one.id)[:2]:
            monsters.edit(one, monsters.RECORDS[name])

    assert not wrong_after(spoil)


@pytest.mark.parametrize("name", monsters.ARCHIVES)
def test_an_archive_that_is_none_of_keras_is_torn_and_is_not_unpacked(tmp_path, name):
    path = tmp_path / "meilleur.model.keras"
    monsters.ARCHIVES[name](path)
    measured = monsters.Measured()
    assert measured(name, lambda: read_label(path)) is None
    assert not measured.wrong


@pytest.mark.parametrize("log", monsters.LOGS, ids=lambda log: ascii(log[:20]))
def test_a_log_is_read_in_2_s_or_is_one_sentence(tmp_path, log):
    (tmp_path / "log.csv").write_text(log)
    measured = monsters.Measured()
    measured("log", lambda: read_curve(tmp_path / "log.csv", "val_acc"))
    assert not measured.wrong


def test_ten_thousand_trials_and_thirty_thousand_epochs_are_still_read(whole):
    record = whole.read()
    record.trials = [replace(record.trials[0], number=number) for number in range(10_000)]
    assert Record.from_json(record.as_json()) == record
    row = ",".join(["0.12345678901234567"] * 20)
    log = "".join(f"{epoch},{row}\n" for epoch in range(30_000))
    header = f"epoch,val_acc{''.join(f',m{one}' for one in range(19))}\n"
    position = Position(30_000, 0, False, header + log, {}, {}, now(), whole.read().as_content())
    write_backup(whole.sauvegarde, position)
    assert newest_position(whole.sauvegarde) == position


def test_whoever_looks_on_passes_over_a_record_that_the_reader_refuses(root, tmp_path):
    shutil.copytree(root, tmp_path / "root")
    next(experiences_in(tmp_path / "root")).record.write_text("{}")
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
    sight = SnapshotReader(root, lambda text: None).look()
    list(status.status_lines(sight))
    headline_of(sight)
    notebook.as_html(sight)
    for table in (tables.trial_table, tables.epoch_table):
        tables.harmless(table(sight), ENGLISH.decimal).to_csv()
    is_trained = any(one.curve for one in sight.trainings)
    for section in sections_of(sight, epoch_logs_of(sight), ENGLISH) if is_trained else ():
        for module in (plotly_figures, matplotlib_figures) if section.has_data else ():
            section.draw(module)
    try:
        study_of_folders("toy", sight)
    except SweepError:  # the sentence that refuses one must not hide what another does
        for one in experiences_in(root):
            alone = root.with_name(f"{root.name} {one.id}") / one.id
            shutil.copytree(one.path, alone)
            with contextlib.suppress(SweepError):
                study_of_folders("toy", SnapshotReader(alone.parent, lambda text: None).look())


def test_a_header_of_a_table_runs_nothing_in_a_spreadsheet():
    frame = pd.DataFrame([[1, "=1"], [2, None]], columns=["=cmd", "self"])
    frame = tables.harmless(frame, ENGLISH.decimal)
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
    write_whole(tmp_path / "file", b"content")
    assert victim.read_text() == "whole"
    assert (tmp_path / "file").read_text() == "content"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.parametrize(
    "text", [DEEP, "{", "[]", "null", "3", '"x"', "{}", b"\xff\xfe".decode("latin-1")]
)
def test_any_text_in_any_file_of_ours_is_taken_for_none(tmp_path, text):
    for name, read in (("pulse.json", read_heartbeat), ("meilleur.model.keras", read_label)):
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


FIRST_USES = """
import sys, threading, types
from sweep.system.json_text import check

SHAPE = (
    "from typing import *\\nclass In(TypedDict):\\n    a: int\\n"
    "class Out(TypedDict):\\n    x: list[In]"
)
sys.setswitchinterval(1e-6)
for number in range(300):
    module = sys.modules["shapes"] = types.ModuleType("shapes")
    exec(SHAPE, vars(module))
    begin = threading.Barrier(4)

    def use():
        begin.wait()
        check({"x": [{"a": 1}]}, module.Out)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_two_threads_may_read_a_kind_of_file_for_the_first_time_at_once():
    """msgspec alone crashes: it uses what another thread has noted of a type by half."""
    done = subprocess.run([sys.executable, "-c", FIRST_USES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
