"""Search spaces as people write them, cut at six places, end as if uncut or say why not."""

import re

import pytest

from support import zoo
from support.documents import HERE
from support.tiers import sampled

LEAST, LEAST_EQUAL = 64, 50
OF_TESTS = re.compile(r"^\s*(?:import|from) (?:sweep|cut|support)\b", re.MULTILINE)


@pytest.mark.parametrize("name", sampled(zoo.names(), *zoo.SAMPLE))
def test_killed_and_stopped_at_six_places_it_ends_as_if_uncut_or_says_why_not(
    trainer, tmp_path, name
):
    uncut = zoo.train_uncut(trainer, name, tmp_path / "uncut")
    found, why = zoo.verdict(zoo.train_cut(trainer, name, tmp_path), uncut)
    assert found == zoo.expected()[name], why


def test_every_space_of_the_zoo_has_an_expected_verdict():
    assert sorted(zoo.expected()) == zoo.names()
    assert set(zoo.SAMPLE) <= set(zoo.names())
    assert len(zoo.names()) >= LEAST
    assert list(zoo.expected().values()).count(zoo.EQUAL) >= LEAST_EQUAL


def test_no_space_of_the_zoo_knows_sweep_or_its_tests():
    texts = {name: (zoo.FOLDER / f"{name}.py").read_text() for name in zoo.names()}
    assert [name for name, text in texts.items() if OF_TESTS.search(text)] == []


def test_the_document_on_the_zoo_shows_its_lists():
    text = (HERE / "docs" / "zoo.md").read_text()
    assert text[text.index("\n## ") + 1 :] == zoo.markdown()
