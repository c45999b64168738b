"""A training that is killed, anywhere and any number of times, ends bit for bit as if it had never been killed."""

import pytest
from conftest import best_weights, last_weights

INSIDE = [{"epoch": epoch, "batch": batch} for epoch, batch in [(0, 0), (0, 3), (0, 9), (1, 0), (1, 5), (2, 8), (2, 9)]]
BETWEEN = [{"epoch": epoch, "end": True} for epoch in (0, 1, 2)]


def assert_equal(experience, twin):
    assert experience.log.read_bytes() == twin.log.read_bytes()
    assert best_weights(experience) == best_weights(twin)
    assert last_weights(experience) == last_weights(twin)
    assert experience.read().outcome.val_acc == twin.read().outcome.val_acc
    assert experience.read().approximate_because is None


@pytest.mark.parametrize("cut", INSIDE + BETWEEN, ids=str)
@pytest.mark.parametrize("space", ["mlp", "lstm"])
def test_an_experience_cut_at_any_batch_ends_as_if_uncut(trainer, uncut, tmp_path, space, cut):
    assert "SIGKILL" in trainer(space, tmp_path, cut).why
    assert trainer(space, tmp_path).ending == "outcome"
    assert_equal(trainer.experience(space, tmp_path), uncut(space))
