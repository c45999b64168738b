"""Comparison of experiences, bit for bit."""

import io
import zipfile

import h5py

from sweep.experience.backup_files import newest_position
from sweep.experience.folder import experiences_in


def datasets(file):
    """Return every dataset of an HDF5 file as bytes, by its path, without those of sweep."""
    found = {}
    with h5py.File(file, "r") as h5:
        h5.visititems(
            lambda name, item: found.update(
                {name: item[()].tobytes()} if hasattr(item, "dtype") else {}
            )
        )
    return {name: content for name, content in found.items() if not name.startswith("sweep/")}


def best_weights(experience):
    """Return the weights of ``meilleur.model.keras``, the optimizer's too."""
    with zipfile.ZipFile(experience.meilleur) as archive:
        return datasets(io.BytesIO(archive.read("model.weights.h5")))


def last_weights(experience):
    """Return the weights of the newest backup."""
    return datasets(experience.sauvegarde / "latest.weights.h5")


def state(experience):
    """Return the state of the newest backup, without files whose names have the time in them."""
    state = newest_position(experience.sauvegarde).state
    return {name: part for name, part in state.items() if name != "event_files"}


def assert_equal(experience, twin):
    """Assert that two experiences are one, bit for bit."""
    assert experience.log.read_bytes() == twin.log.read_bytes()
    assert best_weights(experience) == best_weights(twin)
    assert last_weights(experience) == last_weights(twin)
    assert state(experience) == state(twin)
    assert experience.read().outcome.values == twin.read().outcome.values
    assert experience.read().approximate_because is None


def trained(root):
    """Return the logs and best weights under a root, by id; a cut must not change them."""
    return {one.id: (one.log.read_bytes(), best_weights(one)) for one in experiences_in(root)}


def only(root):
    """Return the one experience that there is under a root."""
    (experience,) = experiences_in(root)
    return experience
