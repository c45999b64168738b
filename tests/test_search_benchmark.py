"""What ``make bench-search`` plays is what a sweep does, and its figures are right."""

import itertools
import random

import pytest

from benchmarks.search import Played, epochs_to, ranks, steps, value_at
from benchmarks.search_contenders import Ours, Tape
from benchmarks.tables import Table
from support.decisions import decisions
from support.stand_ins import NoTraining, control

CHOICES = {"a": [1, 2, 3, 4], "b": [0.1, 0.2, 0.4], "c": ["x", "y", "z"]}
EPOCHS, TRIALS = 9, 16
SPACE = """
FIXED = {"epochs": 9, "batch_size": 1, "seed": 0}


def suggest(trial):
    return {
        "a": trial.suggest_int("a", 0, 3),
        "b": trial.suggest_int("b", 0, 2),
        "c": trial.suggest_categorical("c", [0, 1, 2]),
    }


def load_data():
    raise NotImplementedError


build_model = load_data
"""


def table():
    draw = random.Random(0)
    curves = {
        key: [round(draw.random() * (1 - 0.8**epoch), 4) for epoch in range(1, EPOCHS + 1)]
        for key in itertools.product(*CHOICES.values())
    }
    return Table("drawn", CHOICES, curves)


class Noting(Ours):
    """Notes the decisions."""

    def __init__(self, *how):
        super().__init__(*how)
        self.decided = []

    def _train(self, key, standing, until):
        self.decided.append((standing.number, until))
        super()._train(key, standing, until)


@pytest.mark.parametrize("scheduler", ["asha", "asha:brackets=2", "none"])
def test_the_replayed_search_is_that_of_a_sweep(tmp_path, scheduler):
    curves = table()
    tape = Tape(curves, budget=10**6)
    search = Noting(tape, 3, "tpe:n_startup_trials=4", scheduler)
    while search.study.count() <= TRIALS:
        search.step()

    def value_of(parameters, epoch):
        return curves.curve(tape.parameters({name: parameters[name] for name in CHOICES}))[epoch]

    space = tmp_path / "space.py"
    space.write_text(SPACE)
    control(
        tmp_path / "root",
        space,
        NoTraining(value_of),
        seed=3,
        sampler="tpe:n_startup_trials=4",
        scheduler=scheduler,
        trials=TRIALS + 1,
    )
    decided = decisions(tmp_path / "root")
    assert decided[: len(search.decided)] == search.decided
    assert len(search.decided) > TRIALS // 2


def test_the_figures_of_a_search():
    found = steps([0.1, 0.3, 0.3, 0.5])
    assert found == [(1, 0.1), (2, 0.3), (4, 0.5)]
    assert (value_at(found, 1), value_at(found, 3), value_at(found, 9)) == (0.1, 0.3, 0.5)
    assert (epochs_to(found, 0.3), epochs_to(found, 0.6)) == (2, float("inf"))
    assert ranks([0.5, 0.9, 0.5, 0.1]) == [2.5, 1, 2.5, 4]


def test_what_others_have_played_is_kept_and_ours_is_played_again(tmp_path):
    here, peers = tmp_path / "played.jsonl", tmp_path / "peers.jsonl.gz"
    played = Played(here, peers)
    played.add(("drawn", "Optuna TPE", 0), [(1, 0.5)])
    played.add(("drawn", "sweep TPE, asha", 0), [(1, 0.6)])
    played.keep_peers()
    again = Played(tmp_path / "elsewhere.jsonl", peers)
    assert again.found == {("drawn", "Optuna TPE", 0): [[1, 0.5]]}
    assert again.versions == played.versions
    assert len(Played(here, peers).found) == 2


def test_a_threshold_is_the_value_of_the_last_of_the_best():
    curves = {(number,): [number / 100] for number in range(100)}
    one = Table("of numbers", {"a": list(range(100))}, curves)
    assert (one.threshold(0), one.threshold(0.01), one.threshold(0.1)) == (0.99, 0.99, 0.9)
