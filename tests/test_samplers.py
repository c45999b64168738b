"""Every sampler proposes after any cut what it would have proposed without it.

A mistake in its options is named.
"""

import importlib.util
import json
import sys
import time

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from support.command import sessions, sweep
from support.search import search
from support.stand_ins import (
    SPACE,
    all_of,
    control,
    cut_three_times,
    lose_the_study,
    proposals,
    run_whole,
)
from support.trainer import SPACES
from sweep.choice import Choice
from sweep.errors import Misuse, SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.record import Outcome, State
from sweep.names import SAMPLERS
from sweep.search.choice_tree import values_of
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions

TRIALS = 24
CASES = [
    pytest.param("choices", "tpe:n_startup_trials=4,n_ei_candidates=8", marks=pytest.mark.cold),
    ("amounts", "tpe:n_startup_trials=4,multivariate=false"),
    ("choices", "random"),
    ("amounts", "cmaes:popsize=4"),
    ("amounts", "cmaes:popsize=4,use_separable_cma=true"),
    ("amounts", "cmaes:popsize=4,with_margin=true"),
    ("choices", "grid"),
    ("amounts", "grid:points=3"),
    ("choices", "qmc"),
    ("amounts", "qmc:qmc_type=halton"),
    ("amounts", "nsgaii:population_size=4"),
    ("choices", "brute_force"),
    ("amounts", "gp:n_startup_trials=4"),
]


@pytest.fixture
def uncut(twins):
    """Return the root of an uncut sweep, and what it said."""

    def run(space, **options):
        def make(folder):
            (folder / "said").write_text(run_whole(space, folder / "root", **options))

        folder = twins(f"uncut {space} {options}", make)
        return folder / "root", (folder / "said").read_text()

    return run


def values(case):
    return getattr(case, "values", case)


def test_there_is_a_case_for_each_sampler():
    assert {sampler.partition(":")[0] for _, sampler in map(values, CASES)} == set(SAMPLERS)


@pytest.mark.parametrize(
    "between", [lambda root: None, lose_the_study], ids=["with its study", "without"]
)
@pytest.mark.parametrize(("space", "sampler"), CASES)
def test_a_sweep_that_is_killed_three_times_ends_like_an_uncut_one(
    uncut, tmp_path, space, sampler, between
):
    if sampler.startswith("gp") and not importlib.util.find_spec("torch"):
        pytest.skip("needs keras-sweep[gp]")
    whole, said = uncut(space, sampler=sampler)
    again = cut_three_times(space, tmp_path, between=between, sampler=sampler)
    assert all_of(tmp_path) == all_of(whole)
    assert said.splitlines()[-1] == again.splitlines()[-1]
    assert sum(sessions(tmp_path).values()) >= len(sessions(tmp_path)) + 2, (
        "too few trainings were hit"
    )
    proposals = [json.dumps(params) for _, params, *_ in all_of(whole)[0]]
    assert len(set(proposals)) > len(proposals) / 3, "the proposals repeat themselves"


@pytest.mark.parametrize("sampler", ["grid", "brute_force"])
def test_a_space_that_is_tried_whole_ends_the_sweep_with_a_sentence_each_time(uncut, sampler):
    root, said = uncut("choices", sampler=sampler)
    sentence = (
        "all 20 combinations have been tried: "
        f"the sweep ends with 20 trials, and {TRIALS} were asked for\n"
    )
    assert said.endswith(sentence)
    before = all_of(root)
    proposals = [params for _, params, *_ in before[0]]
    assert len({json.dumps(params) for params in proposals}) == len(proposals) == 20
    assert run_whole("choices", root, sampler=sampler).endswith(f"0 to do\n{sentence}")
    assert all_of(root) == before
    assert (
        proposals == sorted(proposals, key=lambda one: (one["x"], one["kind"], one.get("n")))
    ) == (sampler == "grid")


def test_a_sequence_is_that_of_its_seed_and_fills_the_space(uncut):
    (root, _), (other, _) = uncut("amounts", sampler="qmc"), uncut("amounts", sampler="qmc", seed=1)
    points, others = (
        [params["x"] for _, params, *_ in all_of(one)[0]][1:17] for one in (root, other)
    )
    assert points != others
    # Of any 16 that follow each other in a Sobol sequence, two lie in each eighth.
    eighths = [params["x"] * 8 // 1 for _, params, *_ in all_of(root)[0]][8:24]
    assert sorted(eighths) == sorted([*range(8), *range(8)])


WRONG = {
    "tpe:startup_trials=3": (
        "there is no option startup_trials: did you mean n_startup_trials? "
        "tpe takes n_startup_trials, "
    ),
    "random:seed=3": "there is no option seed: random takes none.",
    "tpe:n_startup_trials=many": "n_startup_trials is 'many': give it as int.",
    "tpe:n_startup_trials=true": "n_startup_trials is True: give it as int.",
    "tpe:n_startup_trials=-1": "n_startup_trials is negative.",
    "tpe:n_startup_trials": "give its options as tpe:option=value,option=value, each once.",
    "tpe:n_startup_trials=1,n_startup_trials=2": (
        "give its options as tpe:option=value,option=value, each once."
    ),
    "tpe:": "give its options as tpe:option=value,option=value, each once.",
    "nsgaii:population_size=1": "`population_size` must be greater than or equal to 2.",
    "qmc:qmc_type=lattice": "Choose either `halton` or `sobol`.",
    "grid:points=1": "points is 1: give at least 2.",
    "brute_forse": (
        "did you mean brute_force? "
        "it is one of tpe, random, cmaes, grid, qmc, nsgaii, brute_force, gp."
    ),
    "xyz:a=1": "is 'xyz:a=1': it is one of tpe, ",
}


@pytest.mark.parametrize("sampler", WRONG)
def test_what_is_wrong_with_a_sampler_is_one_sentence_before_any_training(tmp_path, sampler):
    done = sweep("run", SPACES / "choices.py", "--root", tmp_path / "root", "--sampler", sampler)
    (said,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert said.startswith(f"sweep: sampler is {sampler!r}: ")
    assert WRONG[sampler] in said
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("sampler", "package", "wanted"),
    [
        ("cmaes", "cmaes", "cmaes"),
        ("gp", "torch", r"'keras-sweep\[gp\]'"),
        ("qmc", "scipy", "scipy"),
    ],
)
def test_a_sampler_whose_package_is_missing_says_what_to_install(
    sampler, package, wanted, monkeypatch
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Misuse, match=f"--sampler {sampler} needs {package}: pip install {wanted}"):
        Study("toy", None, StudyOptions(sampler))


def test_brute_force_refuses_what_is_continuous(tmp_path):
    done = sweep(
        "run", SPACES / "amounts.py", "--root", tmp_path / "root", "--sampler", "brute_force"
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (
        "brute_force tries each value, and 'x' is continuous: "
        "give it a step, or take --sampler grid" in done.stderr
    )


@pytest.mark.parametrize(
    ("distribution", "points", "values"),
    [
        (CategoricalDistribution([None, "a", 3]), 5, [None, "a", 3]),
        (IntDistribution(1, 7, step=3), 2, [1, 4, 7]),
        (IntDistribution(1, 3, log=True), 5, [1, 2, 3]),
        (IntDistribution(1, 256, log=True), 5, [1, 4, 16, 64, 256]),
        (FloatDistribution(0, 0.3, step=0.1), 2, [0.0, 0.1, 0.2, 0.3]),
        (FloatDistribution(0, 1), 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (FloatDistribution(1e-4, 1, log=True), 5, [1e-4, 1e-3, 1e-2, 1e-1, 1.0]),
        (FloatDistribution(2, 2), None, [2]),
        (FloatDistribution(0, 1), None, None),
    ],
)
def test_the_values_of_a_parameter(distribution, points, values):
    found = values_of(distribution, points)
    assert (found if found is None else list(found)) == (
        values if points is None else pytest.approx(values)
    )


def go_through(study, suggest, most=100):
    """Return what is suggested, until all is tried."""
    seen = []
    while not study.count_if_exhausted() and len(seen) < most:
        trial = study.ask()
        seen.append(study.suggest(trial, suggest))
        study.tell(trial, Outcome(State.FINISHED, "", values={"val_acc": 0.5}, epoch=0), [0.5])
    return seen


SLOW_TO_SUGGEST = """
import time

FIXED = {"epochs": 1, "batch_size": 1, "seed": 0}


def suggest(trial):
    time.sleep(0.05)
    return {"x": trial.suggest_int("x", 0, 7)}


def load_data():
    raise AssertionError("nothing is trained")


build_model = load_data
"""


@pytest.mark.parametrize("sampler", ["grid", "brute_force"])
def test_several_workers_are_given_no_combination_twice(tmp_path, sampler):
    path = tmp_path / "slow.py"
    path.write_text(SLOW_TO_SUGGEST)
    control(tmp_path / "root", path, workers=4, trials=8, sampler=sampler)
    assert len(list(experiences_in(tmp_path / "root"))) == 8


@pytest.mark.parametrize("sampler", ["grid", "brute_force"])
def test_what_is_off_the_grid_or_failed_is_no_combination_twice(sampler):
    study = Study("toy", None, StudyOptions(sampler))

    def suggest(trial):
        return trial.suggest_int("n", 1, 3), trial.suggest_categorical("kind", ["a", "b"])

    for params in (
        {"n": 7},
        {"n": 2},
    ):  # of a space that was larger, and one that raised after its first parameter
        distributions = {"n": IntDistribution(1, 9)}
        study.optuna_study.add_trial(
            create_trial(state=TrialState.FAIL, params=params, distributions=distributions)
        )
    seen = go_through(study, suggest)
    assert sorted(seen, key=str) == [(n, kind) for n in (1, 3) for kind in "ab"]
    assert study.count_if_exhausted() == 5, "what raised is tried, too"


def test_a_space_with_nothing_to_suggest_is_tried_by_one_trial():
    study = Study("toy", None, StudyOptions("grid"))
    assert go_through(study, lambda trial: {}) == [{}]
    assert study.count_if_exhausted() == 1


def test_several_trials_at_once_have_no_combination_in_common():
    study, seen = Study("toy", None, StudyOptions("brute_force")), []
    while not study.count_if_exhausted():
        trials = [study.ask() for _ in range(3)]
        seen += [
            study.suggest(trial, lambda trial: trial.suggest_int("n", 1, 9))
            for trial in reversed(trials)
        ]
    assert len(set(seen)) >= 7, (
        "only trials that were asked for before those below them may repeat one"
    )


@pytest.mark.parametrize("sampler", ["grid", "brute_force"])
def test_a_proposal_after_five_thousand_trials_takes_few_milliseconds(sampler):
    study = Study("toy", None, StudyOptions(sampler))
    names, values = ("a", "b", "c", "d"), IntDistribution(0, 9)
    for number in range(5000):
        params = {name: number // 10**place % 10 for place, name in enumerate(reversed(names))}
        params = dict(reversed(params.items()))
        study.optuna_study.add_trial(
            create_trial(value=0.5, params=params, distributions=dict.fromkeys(names, values))
        )

    def suggest(trial):
        return [trial.suggest_int(name, 0, 9) for name in names]

    go_through(study, suggest, 1)  # reads them all
    begun = time.monotonic()
    seen = go_through(study, suggest, 20)
    assert (time.monotonic() - begun) / 20 < 0.05
    assert sampler == "brute_force" or seen[0] == [5, 0, 0, 1]


def test_a_search_in_mid_proposal_goes_on_with_it(tmp_path):
    """The other kills come in mid-training; these come between two parameters of one trial."""
    for sampler in ("tpe", "nsgaii:population_size=3", "qmc"):
        cut, whole = tmp_path / f"{sampler} cut", tmp_path / f"{sampler} whole"
        assert search(cut, sampler, (0, "asked"), (3, "suggested"), (9, "asked")) == search(
            whole, sampler
        )


def test_a_choice_reads_numbers_truths_and_words():
    choice = Choice.read("sampler", "a:b=1,c=0.5,d=true,e=None,f=word,g=-1e-3", ["a"])
    assert choice.options == {"b": 1, "c": 0.5, "d": True, "e": None, "f": "word", "g": -1e-3}
    with pytest.raises(SweepError, match="sampler is 3: it is one of a"):
        Choice.read("sampler", 3, ["a"])


@pytest.mark.parametrize("sampler", ["tpe", "nsgaii", "brute_force"])
def test_choices_may_be_tuples_and_lists_in_each_session(tmp_path, sampler):
    """Storages give them back as lists."""
    kinds = "[(16,), (32, 16), [64, 32, 16], None, True]"
    space = tmp_path / "space.py"
    space.write_text(
        SPACE.replace('["a", None, True, 3]', kinds)
        .replace('parameters["kind"] == "a"', 'parameters["kind"] == (16,)')
        .replace('trial.suggest_float("x", 0, 1)', 'trial.suggest_float("x", 0, 1, step=0.5)')
        .replace('trial.suggest_float("lr", 1e-4, 1, log=True)', "0.5")
    )
    root, whole = tmp_path / "root", tmp_path / "whole"
    control(whole, space, trials=24, sampler=sampler)
    for trials in (6, 16, 24):
        control(root, space, trials=trials, sampler=sampler)
        if trials == 16:
            lose_the_study(root)
    assert proposals(root, space) == proposals(whole, space)
    chosen = {repr(params["kind"]) for _, params, _, _ in proposals(root, space)}
    assert {"[16]", "[64, 32, 16]"} <= chosen
