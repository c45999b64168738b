"""``sweep new`` writes a search space that runs as it is, and never over another file."""

import json

import pytest

from support.command import sweep
from support.documents import HERE


def test_what_is_written_runs_as_it_is(tmp_path):
    made = sweep("new", "mine", cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, "search_spaces/mine.py\n")
    assert "sweep check mine" in made.stderr
    ran = sweep("run", "mine", "--trials", 1, "--epochs", 2, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    (row,) = json.loads(sweep("results", "mine", "--format", "json", cwd=tmp_path).stdout)
    assert row["state"] == "finished"
    assert row["val_acc"] > 0.1


def test_a_path_is_taken_and_its_folder_made(tmp_path):
    made = sweep("new", "of/mine/one.py", cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, "of/mine/one.py\n")
    assert "def suggest" in (tmp_path / "of/mine/one.py").read_text()


@pytest.mark.parametrize("dangling", [True, False], ids=["a dangling link", "a file"])
def test_what_is_there_stays_as_it_is(tmp_path, dangling):
    there, elsewhere = tmp_path / "mine.py", tmp_path / "elsewhere"
    there.symlink_to(elsewhere) if dangling else there.write_text("mine")
    refused = sweep("new", "./mine.py", cwd=tmp_path)
    assert refused.returncode == 1
    assert (
        refused.stderr
        == "sweep: mine.py is there already, and stays as it is: give another name.\n"
    )
    assert not elsewhere.exists()
    assert dangling or there.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["../mine", "a/b", "", ".", "..", ".py", "a b.py", "a.b", "-a.py", "a\nb"]
)
def test_a_name_that_is_none_is_refused(tmp_path, name):
    refused = sweep("new", "--", name, cwd=tmp_path)
    assert refused.returncode == 2
    assert "is no name for a search space: give letters" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_one_that_comes_with_sweep_is_copied(tmp_path):
    made = sweep("new", "mine", "--like", "digits_cnn", cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, "search_spaces/mine.py\n")
    copied = (tmp_path / "search_spaces" / "mine.py").read_text()
    assert copied == (HERE / "search_spaces" / "digits_cnn.py").read_text()
    refused = sweep("new", "other", "--like", "digits_cn", cwd=tmp_path)
    assert refused.returncode == 2
    assert "No search space 'digits_cn' comes with sweep: did you mean digits_cnn? there are" in (
        refused.stderr
    )
    assert "digits_lstm, digits_mlp, docstrings" in refused.stderr
    assert not (tmp_path / "search_spaces" / "other.py").exists()
