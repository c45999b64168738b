"""Roots that older code wrote are read and resumed.

What is written today is what was written then.
``support/older_root.zip`` was written by the code before the packages (commit a66e6ab):
``older.py``, a search space whose numbers every processor computes alike; ``uncut/``, a whole sweep
of it; and ``root/``, the same sweep, killed in the third epoch of trial 3.
"""

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from support.bits import datasets
from support.command import sweep

ARCHIVE = Path(__file__).parent / "support" / "older_root.zip"
RUN = ("--trials", 6, "--pruner", "threshold:upper=3", "--save-freq", 1, "--enqueue", "first.json")
# What differs from one machine, and from one minute, to the next.
OF_THE_DAY = {
    *("process", "processor", "versions", "machine", "holder", "traceback"),
    *("trained_s", "prepared_s", "unsaved_s", "sample", "model", "checksum"),
    "weights",  # a digest of the weights, and of what HDF5 writes around them
}
OF_THE_MACHINE = {"environment", "flags"}  # what these have in them, and how much
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    folder = tmp_path_factory.mktemp("older")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def resumed(older):
    """Return the root that was killed, after it was run again."""
    root = older / "resumed"
    shutil.copytree(older / "root", root)
    return root, run(older, root)


def run(folder, root):
    done = sweep("run", "older.py", "--root", root, *RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stderr


def files(root):
    paths = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in paths} - {"sweep.lock", "study.journal"}


def without(content, differing):
    """Return the JSON without the values of some keys; the order of the others stays."""
    if isinstance(content, dict):
        kept = [(key, value) for key, value in content.items() if key not in differing]
        kept += [(key, None) for key in content if key in differing]  # it must be there
        return [(key, without(value, differing)) for key, value in kept]
    if isinstance(content, list):
        return [without(item, differing) for item in content]
    return TIME.sub("a time", content) if isinstance(content, str) else content


def shape(text):
    """Return how a JSON text is written: its lines, and every key in its place."""
    return [re.sub(r":.*", "", line) for line in text.splitlines()], keys(json.loads(text))


def keys(content):
    if isinstance(content, dict):
        return [(key, keys(value)) for key, value in content.items() if key not in OF_THE_MACHINE]
    return [keys(item) for item in content] if isinstance(content, list) else None


def records(root, name="experience.json"):
    return {path.parent.name: path.read_text() for path in root.glob(f"*/{name}")}


def versions(root):
    return {
        json.dumps(session["versions"])
        for text in records(root).values()
        for session in json.loads(text)["sessions"]
    }


def assert_equal(root, other):
    """Assert that two roots hold the same files with the same content but for the day."""
    assert files(root) == files(other)
    for name in sorted(files(root)):
        one, two = (folder / name for folder in (root, other))
        if name.endswith((".json", ".json.bkp")):
            texts = one.read_text(), two.read_text()
            same = [without(json.loads(text), OF_THE_DAY) for text in texts]
            assert same[0] == same[1], name
            assert shape(texts[0]) == shape(texts[1]), name
        elif name.endswith("log.csv"):
            assert one.read_bytes() == two.read_bytes(), name
        elif name.endswith(".weights.h5") and versions(root) == versions(other):
            assert datasets(one) == datasets(two), name


def test_a_root_of_before_resumes_where_it_was_killed(older, resumed):
    root, _ = resumed
    interrupted = records(older / "root")
    (name,) = [name for name, text in interrupted.items() if json.loads(text)["outcome"] is None]
    record = json.loads((root / name / "experience.json").read_text())
    session = record["sessions"][1]
    assert (session["epoch"], session["batch"]) > (0, 0)
    assert record["sessions"][0]["ended"]["how"] == "cut"
    assert not session.get("proof", {}).get("differs")
    assert (root / name / "log.csv").read_bytes() == (
        older / "uncut" / name / "log.csv"
    ).read_bytes()
    assert (
        record["outcome"]["values"]
        == json.loads(records(older / "uncut")[name])["outcome"]["values"]
    )


def test_what_had_ended_before_stays_as_it_is(older, resumed):
    root, _ = resumed
    before = {
        name: text for name, text in records(older / "root").items() if '"outcome": {' in text
    }
    assert len(before) == 3
    for name, text in before.items():
        now, then = json.loads((root / name / "experience.json").read_text()), json.loads(text)
        assert now["outcome"] == then["outcome"]
        assert now["sessions"] == then["sessions"]


def test_a_new_root_is_what_older_code_wrote_but_for_times_and_machine(older, tmp_path):
    root = tmp_path / "new"
    run(older, root)
    assert_equal(root, older / "uncut")


def test_results_of_an_older_root_are_those_of_then(older):
    shown = sweep("results", "older.py", "--root", older / "uncut", "--format", "csv", cwd=older)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("finished") == 4
