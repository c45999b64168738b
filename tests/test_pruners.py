"""Every pruner ends after any cut what it would have ended without it, and says why.

Its word can be taken back.
"""

import itertools
import re

import pytest

from support.bits import best_weights, last_weights, trained
from support.command import Running, rows_logged, run, sessions, sweep, table
from support.stand_ins import all_of, cut_three_times, lose_the_study, run_whole
from support.trainer import SPACES
from sweep.experience.folder import experiences_in
from sweep.experience.record import State
from sweep.names import PRUNERS

UNEVEN = str(SPACES / "uneven.py")
WORDS = ("--sampler", "random", "--trials", 9)
# What each pruner says: the ends of its sentences.
CASES = {
    "none": None,
    "median:n_startup_trials=2": (
        r"its best value, 0\.\d+, was worse than the median of the finished trials at this epoch"
    ),
    "percentile:percentile=40,n_startup_trials=2": (
        r"was not as good as the best 40 % of the finished trials at this epoch"
    ),
    "successive_halving:reduction_factor=2": (
        r"its value, 0\.\d+, was not in the best 1/2 of those that came so far"
    ),
    "hyperband": (
        r"its value, 0\.\d+, was not in the best 1/3 of those of its bracket that came so far"
    ),
    "patient:patience=1": r"its last 2 values were all worse than 0\.\d+ before them",
    "threshold:lower=0.2,n_warmup_steps=1": r"its value, 0\.\d+, was below 0\.2",
}
# By real trainings; the same holds for all of them without training, below.
TRAINED = ("none", "hyperband", "threshold:lower=0.2,n_warmup_steps=1")


def test_there_is_a_case_for_each_pruner():
    assert {pruner.partition(":")[0] for pruner in CASES} == set(PRUNERS)


def assert_says_why(pruner, one):
    """Assert that a pruned experience has the reason of its pruner, for its last epoch."""
    name, epochs = pruner.partition(":")[0], one.log.read_bytes().count(b"\n") - 1
    said = rf"{name} ended it after epoch {epochs - 1}: .*{(CASES | OPTIONS)[pruner]}"
    assert re.fullmatch(said, one.read().outcome.reason), one.read().outcome.reason


def reasons(root):
    return {one.id: one.read().outcome.reason for one in experiences_in(root)}


@pytest.fixture
def uncut(twins):
    """Return the root of an uncut sweep of real trainings, by its pruner."""

    def train(pruner):
        def make(folder):
            run(folder / "root", *WORDS, "--pruner", pruner, space=UNEVEN)

        return twins(f"uneven {pruner}", make) / "root"

    return train


@pytest.mark.long
@pytest.mark.parametrize("pruner", TRAINED)
def test_a_sweep_that_is_killed_three_times_prunes_like_an_uncut_one(uncut, tmp_path, pruner):
    whole, words = uncut(pruner), (*WORDS, "--pruner", pruner, "--save-freq", 3)
    for rows in (4, 11, 17):
        Running(tmp_path, *words, space=UNEVEN, hold=rows).held().kill_tree()
    run(tmp_path, *words, space=UNEVEN)
    assert table(tmp_path, space=UNEVEN) == table(whole, space=UNEVEN)
    assert trained(tmp_path) == trained(whole)
    assert reasons(tmp_path) == reasons(whole)
    assert sum(sessions(tmp_path).values()) >= len(sessions(tmp_path)) + 2, (
        "too few trainings were hit"
    )
    pruned = [one for one in experiences_in(whole) if one.state() is State.PRUNED]
    assert bool(pruned) == (pruner != "none")
    for one in pruned:
        assert_says_why(pruner, one)
        assert best_weights(one), "its best model is kept"


OPTIONS = {
    "median:n_startup_trials=2": CASES["median:n_startup_trials=2"],
    "percentile:n_startup_trials=3": (
        r"was not as good as the best 25 % of the finished trials at this epoch"
    ),
    "successive_halving": r"its value, 0\.\d+, was not in the best 1/4 of those that came so far",
    "hyperband:reduction_factor=2": (
        r"its value, 0\.\d+, was not in the best 1/2 of those of its bracket that came so far"
    ),
    "patient:patience=0,wrapped_pruner=median": (
        r"its last 1 values were all worse than 0\.\d+ before them, and median ended it"
    ),
    "threshold:lower=0.4": r"its value, 0\.\d+, was below 0\.4",
}
NOT_TRAINED = [pruner for pruner in CASES if pruner not in (*TRAINED, *OPTIONS)]


@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [
        *itertools.product(["random", "tpe:n_startup_trials=4"], OPTIONS),
        *itertools.product(["random"], NOT_TRAINED),
    ],
)
def test_a_sweep_that_loses_its_study_between_the_cuts_prunes_like_an_uncut_one(
    tmp_path, sampler, pruner
):
    how = {"sampler": sampler, "pruner": pruner}
    run_whole("amounts", tmp_path / "whole", **how)
    cut_three_times("amounts", tmp_path / "cut", between=lose_the_study, **how)
    assert all_of(tmp_path / "cut") == all_of(tmp_path / "whole")
    pruned = [one for one in experiences_in(tmp_path / "whole") if one.state() is State.PRUNED]
    assert pruned
    for one in pruned:
        assert_says_why(pruner, one)


@pytest.mark.long
def test_what_was_pruned_is_taken_up_again_and_ends_as_if_it_never_had_been(uncut, tmp_path):
    words = (*WORDS, "--pruner", "threshold:lower=0.2,n_warmup_steps=1")
    run(tmp_path, *words, space=UNEVEN)
    first, second, *_ = [one for one in experiences_in(tmp_path) if one.state() is State.PRUNED]
    epochs = len(first.log.read_bytes().splitlines()) - 1
    unprune = (*words, "--save-freq", 2, "--unprune", first.id[:9])
    Running(tmp_path, *unprune, space=UNEVEN, hold=rows_logged(tmp_path) + 1).held().kill_tree()
    assert f"{first.id}: resumes at epoch " in run(tmp_path, *words, space=UNEVEN), (
        "without --unprune, after a cut"
    )
    twin = next(one for one in experiences_in(uncut("none")) if one.id == first.id)
    assert first.state() is State.FINISHED
    assert first.log.read_bytes() == twin.log.read_bytes()
    assert best_weights(first) == best_weights(twin)
    assert last_weights(first) == last_weights(twin)
    assert first.read().sessions[1].epoch == epochs, "no epoch was trained twice"
    assert second.state() is State.PRUNED
    again = run(tmp_path, *unprune, space=UNEVEN)
    assert "0 to do" in again
    assert "resumes at" not in again
    assert second.state() is State.PRUNED


def test_an_id_that_is_none_of_a_pruned_experience_is_one_sentence(tmp_path):
    root = tmp_path / "root"
    run_whole("amounts", root, pruner="threshold:lower=0.4", trials=9)
    pruned, finished = (
        [one.id for one in experiences_in(root) if one.state() == state]
        for state in ("pruned", "finished")
    )
    there = f"pruned are {', '.join(pruned)}."
    mistyped = f"{pruned[0][:-1]}x"
    for name, why in {
        "xyz": f"There is no experience whose id begins with 'xyz': {there}",
        mistyped: f"whose id begins with {mistyped!r}: did you mean {pruned[0]}? {there}",
        finished[0]: f"{finished[0]} is finished, not pruned: {there}",
        "": f"{len(pruned) + len(finished)} ids begin with '', ",
    }.items():
        done = sweep("run", SPACES / "amounts.py", "--root", root, "--unprune", name)
        assert done.returncode == 2
        assert why in done.stderr.splitlines()[-1]
        assert {one.id for one in experiences_in(root) if one.state() is State.PRUNED} == set(
            pruned
        )


WRONG = {
    "threshold": (
        "give it the least value that is well, as threshold:lower=0.2, "
        "or the most, as threshold:upper=2."
    ),
    "threshold:lower=2,upper=1": "lower should be smaller than upper.",
    "median:n_startup_trial=3": (
        "there is no option n_startup_trial: did you mean n_startup_trials? median takes "
    ),
    "percentile:percentile=120": "Percentile must be between 0 and 100 inclusive",
    "successive_halving:reduction_factor=1": "reduction_factor",
    "hyperband:reduction_factor=1": "reduction_factor",
    "hyperband:min_resource=9": "min_resource is 9, and a training has 4 epochs: give fewer.",
    "hyperband:max_resource=auto": "max_resource is 'auto': give it as int.",
    "patient:patience=-1": "patience",
    "halving": "is 'halving': did you mean successive_halving? it is one of none, median, ",
}


@pytest.mark.parametrize("pruner", WRONG)
def test_what_is_wrong_with_a_pruner_is_one_sentence_before_any_training(tmp_path, pruner):
    done = sweep("run", SPACES / "amounts.py", "--root", tmp_path / "root", "--pruner", pruner)
    (said,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert said.startswith(f"sweep: pruner is {pruner!r}: ")
    assert WRONG[pruner] in said
    assert not (tmp_path / "root").exists()
