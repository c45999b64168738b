"""What another version of sweep wrote into ``experience.json`` is written back byte for byte."""

import zipfile
from pathlib import Path

import pytest

from sweep.experience.entries import Comparison, FolderHolder, Session, SessionEnd, TrialEntry
from sweep.experience.record import Record
from sweep.experience.root_lock import RootHolder
from sweep.system.host import ProcessId

SUPPORT = Path(__file__).parent / "support"
RECORDS = SUPPORT / "records"  # written by the code of commit a66e6ab
PROCESS = {"host": "a", "boot": "b", "pid": 7, "started": 0.5}


def written_by_older_code():
    with zipfile.ZipFile(SUPPORT / "older_root.zip") as archive:
        for name in archive.namelist():
            if name.endswith("/experience.json"):
                yield pytest.param(archive.read(name), id=name)
    for path in sorted(RECORDS.glob("*.json")):
        yield pytest.param(path.read_bytes(), id=path.stem)


@pytest.mark.parametrize("text", [*written_by_older_code()])
def test_a_record_of_older_code_is_written_back_byte_for_byte(text):
    assert Record.from_json(text).as_json() == text


def test_a_key_that_was_not_read_is_written_once_its_field_is_set():
    entry = TrialEntry.from_content({"later": 1, "ended": None, "number": 3})
    assert entry.as_content() == {"later": 1, "ended": None, "number": 3}
    entry.number, entry.ended, entry.came_from = 4, "today", "/there"
    written = {"later": 1, "ended": "today", "number": 4, "came_from": "/there"}
    assert list(entry.as_content().items()) == list(written.items())
    entry.ended = None
    assert entry.as_content()["ended"] is None, "it is written as null, and never left out"


def test_a_key_that_names_no_field_but_something_of_the_class_is_kept():
    content = {"number": 3, "PARTS": 1, "WRITTEN_AS_NULL": [], "read_from": {}}
    assert TrialEntry.from_content(content).as_content() == content


def test_a_key_whose_field_is_taken_away_is_left_out():
    session = Session.from_content(
        {"begun": "", "epoch": 0, "batch": 0, "process": PROCESS, "evidence": {}, "cluster": None}
    )
    session.evidence, session.proof = None, Comparison(compared=1)
    assert [*session.as_content()] == ["begun", "epoch", "batch", "process", "cluster", "proof"]
    assert session.as_content()["proof"] == {"compared": 1, "differs": []}


def test_a_copy_adds_new_keys_at_the_end():
    entry = TrialEntry.from_content({"number": 3, "ended": "", "repeat": 0, "repeats": 2})
    copy = entry.changed(number=5, ended=None, attributes={}, came_from=None)
    assert [*copy.as_content()] == [
        *("number", "ended", "repeat", "repeats", "attributes", "came_from")
    ]
    assert (copy.number, copy.ended, copy.came_from, entry.number) == (5, None, None, 3)


def test_new_entries_are_written_as_ever():
    process = ProcessId(**PROCESS)
    assert [*TrialEntry(number=0).as_content()] == [
        *("number", "params", "distributions", "attributes", "begun", "ended", "came_from")
    ]
    assert [*Session(begun="", epoch=0, batch=0, process=process).as_content()] == [
        *("begun", "epoch", "batch", "process")
    ]
    assert [*SessionEnd(how="cut", epoch=0, batch=0, trained_s=0.0).as_content()] == [
        *("how", "epoch", "batch", "trained_s")
    ]
    holder = FolderHolder(number=1, **vars(process)).as_content()
    assert [*holder.items()] == [("number", 1), *PROCESS.items()]
    holder = RootHolder(since="today", **vars(process)).as_content()
    assert [*holder.items()] == [*PROCESS.items(), ("since", "today"), ("renewed", 0)]
