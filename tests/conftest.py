"""Tools of the tests: trainings in real processes, and what they leave on disk."""

import io
import json
import os
import threading
import zipfile
from pathlib import Path

import h5py
import pytest

from sweep import search_space
from sweep.experience import Experience
from sweep.identity import id_experience, plain
from sweep.job import Job
from sweep.places import LocalProcesses
from sweep.record import Record
from sweep.resume import newest_position

SPACES = Path(__file__).parent / "spaces"
PARAMETERS = {
    "mlp": {"units": 8, "rate": 0.02},
    "cnn": {"filters": 4},
    "lstm": {"units": 6},
}


def datasets(file):
    """Return every dataset of an HDF5 file as bytes, by its path, without the state that sweep adds."""
    found = {}
    with h5py.File(file, "r") as h5:
        h5.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "dtype") else {}))
    return {name: content for name, content in found.items() if not name.startswith("sweep/")}


def best_weights(experience):
    """Return the weights of ``meilleur.model.keras``, the optimizer's too."""
    with zipfile.ZipFile(experience.meilleur) as archive:
        return datasets(io.BytesIO(archive.read("model.weights.h5")))


def last_weights(experience):
    """Return the weights of the newest backup."""
    return datasets(experience.sauvegarde / "latest.weights.h5")


def assert_equal(experience, twin):
    """Assert that two experiences are one, bit for bit."""
    assert experience.log.read_bytes() == twin.log.read_bytes()
    assert best_weights(experience) == best_weights(twin)
    assert last_weights(experience) == last_weights(twin)
    assert newest_position(experience.sauvegarde).state == newest_position(twin.sauvegarde).state
    assert experience.read().outcome.values == twin.read().outcome.values
    assert experience.read().approximate_because is None


class Trainer:
    """Trains one experience of a test space as the controller would, and cuts it where it is told."""

    def __init__(self, folder):
        self.order = folder / "cut.json"
        os.environ["SWEEP_TEST_CUT"] = str(self.order)
        self.place = LocalProcesses(["sklearn.datasets"])
        self.place.start()
        self.news = []
        self.stop = threading.Event()

    def __call__(self, space, root, cut=None, save_freq=4, parameters=None, on_news=lambda news: False):
        self.order.unlink(missing_ok=True)
        if cut:
            self.order.write_text(json.dumps(cut))
        job = self.job(space, root, save_freq, parameters)
        self.news = []
        self.stop = threading.Event()
        end = self.place.train(job, self.stop, lambda news: self.news.append(news) or on_news(news))
        assert not (cut and self.order.exists()), "the cut did not come"
        return end

    def job(self, space, root, save_freq=4, parameters=None):
        path = space if isinstance(space, Path) else SPACES / f"{space}.py"
        source = search_space.find(str(path))
        fixed = FIXED.get(space) or ({} if "epochs" in parameters else search_space.load(source).fixed)
        values = plain({**(parameters or PARAMETERS[space]), **fixed})
        experience = Experience(root / id_experience(source.name, values))
        identity = {"name": source.name, "fingerprint": source.fingerprint()}
        record = experience.read() or Record(experience.id, identity, values, values["seed"], 2, [])
        return Job(source, experience, record, save_freq, prunes=True)

    def experience(self, space, root):
        return self.job(space, root).experience


# The spaces of these tests import Keras at their top; the process of the tests stays without it.
FIXED = {
    "mlp": {"epochs": 6, "batch_size": 32, "seed": 3},
    "cnn": {"epochs": 4, "batch_size": 32, "seed": 1},
    "lstm": {"epochs": 3, "batch_size": 32, "seed": 2},
}


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep the user's own cache out of the tests, and out of their subprocesses."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def trainer(tmp_path_factory):
    return Trainer(tmp_path_factory.mktemp("cut"))


@pytest.fixture(scope="session")
def uncut(trainer, tmp_path_factory):
    """Return the experience of a space, trained without a cut, each once."""
    root, trained = tmp_path_factory.mktemp("uncut"), {}

    def train(space):
        if space not in trained:
            end = trainer(space, root)
            assert end.ending == "outcome", end
            trained[space] = trainer.experience(space, root)
            assert trained[space].read().outcome.state == "finished", trained[space].read().outcome
        return trained[space]

    return train


@pytest.fixture
def space(tmp_path):
    """Return a function that writes a test space, with texts replaced by others, and gives its path."""

    def write(*changes, of="toy"):
        text = (SPACES / f"{of}.py").read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        (tmp_path / "cut.py").write_text((SPACES / "cut.py").read_text())
        path = tmp_path / f"{of}.py"
        path.write_text(text)
        return path

    return write
