"""Where a search space and its sweep are, wherever one stands."""

import shutil
import sys
from pathlib import Path

import pytest

from support.command import TOY, sweep
from sweep import Sweep
from sweep.errors import Misuse, SweepError
from sweep.experience.root import existing_root, prepare, root_of
from sweep.maintenance.findings import verify_root
from sweep.space.scaffold import write
from sweep.space.source import find

SPACE = '"""Never run."""\n'


@pytest.fixture
def project(tmp_path):
    """Return a function that writes a search space of a project, and gives its path."""

    def make(path="search_spaces/toy.py", *marks):
        space = tmp_path / "project" / path
        space.parent.mkdir(parents=True, exist_ok=True)
        space.write_text(SPACE)
        for mark in marks:
            (tmp_path / "project" / mark).mkdir(parents=True, exist_ok=True)
        return space

    return make


@pytest.fixture
def swept(project, whole, monkeypatch):
    """Return a project with a sweep of its search space; the test stands in a subfolder of it."""
    folder = project().parent.parent
    shutil.copytree(whole(3), folder / "experiences" / "toy")
    below = folder / "notebooks" / "old"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return folder


@pytest.mark.parametrize(
    ("path", "marks", "of"),
    [
        ("search_spaces/toy.py", (), "."),
        ("search_spaces/vision/toy.py", (), "."),
        ("search_spaces/toy.py", ("search_spaces/.git",), "."),
        ("lab/search_spaces/toy.py", (".git",), "lab"),
        ("lab/toy.py", (".git",), "."),
        ("lab/toy.py", ("pyproject.toml",), "."),
        ("lab/toy.py", ("lab/pyproject.toml", ".git"), "lab"),
        ("lab/toy.py", (), "lab"),
    ],
)
def test_a_relative_root_is_told_from_the_project(project, tmp_path, monkeypatch, path, marks, of):
    space = project(path, *marks)
    folder = (tmp_path / "project" / of).resolve()
    for stands in (tmp_path, tmp_path / "project", space.parent):
        monkeypatch.chdir(stands)
        assert root_of(str(space)) == folder / "experiences" / "toy"
        assert root_of(str(space), Path("runs/one")) == folder / "runs" / "one"
        assert root_of(str(space), tmp_path / "runs") == tmp_path / "runs"
    monkeypatch.chdir(space.parent)
    assert root_of("./toy.py") == folder / "experiences" / "toy"


def test_a_file_that_is_reached_by_a_link_has_the_root_of_the_file(project, tmp_path, monkeypatch):
    space = project()
    link = tmp_path / "search_spaces" / "other.py"
    link.parent.mkdir()
    link.symlink_to(space)
    (tmp_path / "linked").symlink_to(space.parent)
    monkeypatch.chdir(tmp_path)
    ours = tmp_path / "project" / "experiences" / "toy"
    assert {root_of(name) for name in ("other", "linked/toy.py", str(space))} == {ours}


def test_an_installed_search_space_has_the_root_of_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    installed = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    of_package = installed / "lab" / "search_spaces" / "toy.py"
    assert root_of(str(of_package)) == tmp_path / "experiences" / "toy"


def test_a_name_is_found_from_below_and_a_new_one_goes_there_too(project, tmp_path, monkeypatch):
    space = project()
    below = tmp_path / "project" / "notebooks" / "old"
    below.mkdir(parents=True)
    for stands in (below, space.parent, tmp_path / "project"):
        monkeypatch.chdir(stands)
        assert find("toy").path == find("toy.py").path == space
        assert root_of("toy") == tmp_path / "project" / "experiences" / "toy"
    monkeypatch.chdir(below)
    assert write("mine") == space.with_name("mine.py")
    with pytest.raises(Misuse, match=r"project/search_spaces/mime.py: did you mean mine\?"):
        find("mime")
    (below / "search_spaces").mkdir()
    with pytest.raises(Misuse, match=r"There is no search space search_spaces/toy\.py"):
        find("toy")


def test_another_root_is_told_from_the_project_or_else_from_here(project, tmp_path, monkeypatch):
    space, here = str(project()), tmp_path / "here"
    (here / "theirs").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert existing_root(space, Path("theirs")) == here / "theirs"
    (tmp_path / "project" / "theirs").mkdir()
    assert existing_root(space, Path("theirs")) == tmp_path / "project" / "theirs"


@pytest.mark.parametrize("space", ["toy", "../../search_spaces/toy.py"])
def test_all_commands_find_the_sweep_from_a_subfolder(swept, space):
    best = sweep("best", space)
    assert best.returncode == 0, best.stderr
    assert best.stdout.startswith(f"{swept / 'experiences' / 'toy'}/")
    for words in (["results"], ["status"], ["verify"], ["report"], ["results", "--root"]):
        relative = [*words, "experiences/toy"] if words[-1] == "--root" else words
        done = sweep(relative[0], space, *relative[1:])
        assert done.returncode == 0, done.stderr
    assert Sweep(space).root == Sweep(space, "experiences/toy").root == swept / "experiences/toy"


def test_a_sweep_in_the_place_of_before_is_not_begun_anew(swept):
    """Older versions told a relative root from the working directory."""
    here = Path.cwd() / "experiences" / "toy"
    here.parent.mkdir()
    ours = (swept / "experiences" / "toy").rename(here)
    for words in (["run", "--trials", 1], ["results"], ["verify"], ["merge", "theirs"], ["retry"]):
        (swept / "theirs").mkdir(exist_ok=True)
        given = ["--failed"] if words == ["retry"] else words[1:]
        done = sweep(words[0], "toy", *given)
        assert done.returncode == 1
        assert done.stderr == (
            f"sweep: There is a sweep of toy in {ours}, and none in {swept / 'experiences/toy'}, "
            f"where its search space keeps it: name the former with --root {ours}, or move that "
            f"folder to {swept / 'experiences/toy'}.\n"
        )
    with pytest.raises(SweepError, match="There is a sweep of toy in"):
        Sweep("toy").enqueue({"units": 3})
    assert not (swept / "experiences" / "toy").exists()
    assert len(Sweep("toy", here).results()) == 3
    with pytest.raises(SweepError, match="There is a sweep of toy in"):
        Sweep("toy", "experiences/toy").results()


def test_a_sweep_of_another_space_of_that_name_is_in_nobodys_way(swept, tmp_path):
    other = tmp_path / "other" / "toy.py"
    other.parent.mkdir()
    other.write_text(SPACE)
    shutil.copytree(swept / "search_spaces", "search_spaces")
    shutil.copytree(swept / "experiences", "experiences")
    with pytest.raises(SweepError, match=f"There is no sweep in {tmp_path}/other/experiences/toy"):
        Sweep(other).results()


def test_experiences_are_kept_out_of_git_once(tmp_path):
    root = tmp_path / "experiences" / "toy"
    prepare(root)
    ignored = tmp_path / "experiences" / ".gitignore"
    assert ignored.read_text() == "*\n"
    ignored.write_text("mine")
    prepare(tmp_path / "experiences" / "other")
    assert ignored.read_text() == "mine"
    ignored.unlink()
    prepare(tmp_path / "experiences" / "third")
    prepare(tmp_path / "elsewhere" / "toy")
    assert not list(tmp_path.rglob(".gitignore"))
    assert not list(verify_root(root, "toy"))


def test_a_sweep_may_be_run_in_its_place(tmp_path):
    """It makes the folder of all experiences, from a subfolder."""
    space = tmp_path / "search_spaces" / "toy.py"
    below = tmp_path / "below"
    for folder in (space.parent, below):
        folder.mkdir()
    for name in ("toy.py", "cut.py"):
        shutil.copy(Path(TOY).with_name(name), space.parent)
    done = sweep("run", "toy", "--trials", 1, "--epochs", 1, cwd=below)
    assert done.returncode == 0, done.stderr
    assert f"toy in {tmp_path / 'experiences' / 'toy'}: 0 finished" in done.stderr
    assert (tmp_path / "experiences" / ".gitignore").read_text() == "*\n"
    assert not list(below.iterdir())
    again = sweep("verify", "toy", cwd=below)
    assert again.returncode == 0, again.stdout
