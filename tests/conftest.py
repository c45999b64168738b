"""Fixtures that many test files share; their tools are in ``support/``."""

import os
import shutil

import pytest

from support import command
from support.bits import only
from support.trainer import SPACES, Trainer
from support.twins import Twins
from support.warm import Warm


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep the user's own cache out of the tests, and out of their subprocesses."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def warm_server():
    warm = Warm()
    yield warm
    warm.end()


@pytest.fixture(scope="session", autouse=True)
def warm(warm_server):
    """Start the programs of tests as forks of a warm server."""
    command.starter = warm_server


@pytest.fixture(autouse=True)
def programs(request, monkeypatch):
    """Start real programs in a test that is marked ``cold``; end what any test leaves running."""
    if request.node.get_closest_marker("cold"):
        monkeypatch.setattr(command, "starter", command.COLD)
    yield
    command.kill_what_runs()


@pytest.fixture(scope="session")
def trainer(tmp_path_factory):
    return Trainer(tmp_path_factory.mktemp("order"))


@pytest.fixture(scope="session")
def twins(tmp_path_factory):
    """Return the function that makes a folder once for all processes of ``pytest -n``."""
    base = tmp_path_factory.getbasetemp()
    return Twins((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "twins")


@pytest.fixture(scope="session")
def uncut(trainer, twins):
    """Return the experience of a test space, trained without a cut."""

    def train(space):
        def make(root):
            end = trainer(space, root)
            assert end.ending == "outcome", end
            outcome = only(root).read().outcome
            assert outcome.state == "finished", outcome

        return only(twins(f"uncut {space}", make))

    return train


@pytest.fixture(scope="session")
def whole(twins):
    """Return the root of an uncut sweep over toy.py, by its number of trials and options."""

    def sweep(trials, *options):
        words = ("--trials", trials, *options)
        return twins(f"whole {words}", lambda folder: command.run(folder / "root", *words)) / "root"

    return sweep


@pytest.fixture(scope="session")
def never_run(tmp_path_factory):
    """Return a search space of the name that the folders of ``support.folders`` have."""
    path = tmp_path_factory.mktemp("space") / "toy.py"
    path.write_text('"""Never run."""\n')
    return path


@pytest.fixture
def space(tmp_path):
    """Return a function that writes a test space, with texts replaced, and gives its path."""

    def write(*changes, of="toy"):
        text = (SPACES / f"{of}.py").read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        shutil.copy(SPACES / "cut.py", tmp_path)
        path = tmp_path / f"{of}.py"
        path.write_text(text)
        return path

    return write
