"""``suggest`` may raise ``TrialPruned``: then that is a pruned trial, whichever proposal it is."""

import json
import shutil

import pytest

from support.stand_ins import (
    NoTraining,
    all_of,
    control,
    lose_the_study,
    proposals,
    run_as_program,
)
from support.tiers import sampled
from sweep.console.results import untrained_lines
from sweep.console.status import status_lines
from sweep.errors import SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.record import Outcome, State
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.running.rehearsal import draw_proposals
from sweep.space.search_space import load
from sweep.space.source import find
from sweep.system.host import now
from sweep.training.protocol import End, Ending

SPACE = '''
"""Impossible combinations are skipped."""
FIXED = {"epochs": 2, "batch_size": 1, "seed": 0}


def suggest(trial):
    import optuna

    a, b = trial.suggest_int("a", 1, 4), trial.suggest_int("b", 1, 4)
    if a >= b:
        raise optuna.TrialPruned("a must be less than b")
    return {"x": trial.suggest_float("x", 0, 1, step=0.5), "a": a, "b": b}


def load_data():
    raise AssertionError("nothing is trained")


build_model = load_data
'''


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(SPACE)
    return path


def states(root, space):
    return [state for _, _, state, _ in proposals(root, space)]


@pytest.mark.parametrize("seed", sampled(range(4), 1))
def test_it_is_pruned_whichever_proposal_it_is(space, tmp_path, seed):
    root = tmp_path / "root"
    control(root, space, trials=10, seed=seed)
    pruned = [params["a"] >= params["b"] for _, params, _, _ in proposals(root, space)]
    assert [state == "TrialState.PRUNED" for state in map(str, states(root, space))] == pruned
    assert True in pruned, "the seeds are such that each has one"


@pytest.mark.parametrize(
    "sampler", sampled(["random", "tpe", "nsgaii:population_size=3", "qmc", "grid"], "tpe", "grid")
)
def test_a_sweep_that_is_killed_and_loses_its_study_ends_as_an_uncut_one(space, tmp_path, sampler):
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    control(whole, space, trials=24, sampler=sampler)
    for rows in (3, 7):
        run_as_program(cut, space, "rows", rows, trials=24, sampler=sampler)
        lose_the_study(cut)
    control(cut, space, trials=16, sampler=sampler)
    control(cut, space, trials=24, sampler=sampler)
    assert all_of(cut) == all_of(whole)
    assert states(whole, space).count("TrialState.PRUNED") > 2


def test_a_kill_before_it_is_told_changes_nothing(space, tmp_path):
    cut, whole, order = tmp_path / "cut", tmp_path / "whole", tmp_path / "order"
    files = [str(order), str(cut / "study.journal")]  # not in the rehearsal, before any file
    kill = f"import os; all(map(os.path.exists, {files})) and os.kill(os.getpid(), 9)"
    space.write_text(SPACE.replace("        raise", f"        {kill}\n        raise"))
    control(whole, space, trials=8)
    order.touch()
    run_as_program(cut, space, "rows", 99, trials=8)
    order.unlink()
    assert states(cut, space)[-1] == "TrialState.RUNNING"
    control(cut, space, trials=8)
    assert all_of(cut) == all_of(whole)


def test_an_exhaustive_sampler_tries_each_impossible_combination_once(space, tmp_path):
    said, _ = control(tmp_path, space, trials=99, sampler="brute_force")
    told = states(tmp_path, space)
    assert (told.count("TrialState.PRUNED"), len(told)) == (10, 10 + 6 * 3)
    assert any("28" in line for line in said)


def test_it_counts_among_the_trials_and_never_as_failed(space, tmp_path):
    space.write_text(SPACE.replace("a >= b", "trial.number < 7"))
    said, study = control(tmp_path, space, trials=8)
    assert study.count_states() == {"finished": 1, "pruned": 7, "failed": 0}
    assert not any("failed," in line for line in said[1:]), said


class Failing(NoTraining):
    def train(self, job, stop, on_news):
        job.record.outcome = Outcome(State.FAILED, now(), "it cannot be trained")
        job.experience.write(job.record)
        return End(Ending.OUTCOME)


def test_it_does_not_hide_that_all_that_was_tried_has_failed(space, tmp_path):
    root = tmp_path / "root"
    with pytest.raises(SweepError, match=r"The first 5 trials all failed, .* they begin from the"):
        control(root, space, Failing(), trials=30)
    told = states(root, space)
    assert told.count("TrialState.FAIL") == 5
    assert "TrialState.PRUNED" in told


def test_with_several_objectives_it_is_pruned_too(space, tmp_path):
    space.write_text(SPACE + 'MONITOR = ["val_acc", "count_params"]\n')
    _, study = control(tmp_path / "root", space, trials=6)
    assert study.count_states()["pruned"]


def test_where_it_prunes_all_it_says_so_before_anything_is_begun(space, tmp_path):
    space.write_text(SPACE.replace("a >= b", "True"))
    with pytest.raises(SweepError, match=r"space.py: suggest raises TrialPruned for each of 1000"):
        control(tmp_path / "root", space)
    assert not (tmp_path / "root").exists()
    with pytest.raises(SweepError, match="suggest raises TrialPruned for each of 1000"):
        draw_proposals(load(find(str(space))), 3)


def test_what_is_checked_before_a_sweep_is_what_would_be_trained(space):
    drawn = draw_proposals(load(find(str(space))), 6)
    assert len(drawn) == 6
    assert all(parameters["a"] < parameters["b"] for parameters in drawn.values())


@pytest.mark.parametrize(
    ("asked_before", "enqueued"),
    [
        ('a, b = trial.suggest_int("a", 1, 4), trial.suggest_int("b", 1, 4)', {"a": 4, "b": 1}),
        (
            'a = trial.suggest_int("a", 1, 4); b = 0 if a > 3 else trial.suggest_int("b", 1, 4)',
            {"a": 4},
        ),
    ],
)
def test_what_is_enqueued_may_be_pruned(space, tmp_path, asked_before, enqueued):
    """A value that it does not come to ask for needs no distribution."""
    text = 'a, b = trial.suggest_int("a", 1, 4), trial.suggest_int("b", 1, 4)'
    space.write_text(SPACE.replace(text, asked_before))
    first = tmp_path / "first.json"
    first.write_text(json.dumps({"a": 4, "b": 1}))
    root, place = tmp_path / "root", NoTraining()
    control(root, space, place, trials=4, enqueue=first)
    number, params, state, _ = proposals(root, space)[0]
    assert (number, params, state) == (0, enqueued, "TrialState.PRUNED")
    assert 0 not in place.trained


def look(root):
    return SnapshotReader(root, pytest.fail).look()


def test_what_has_no_folder_is_counted_and_said(space, tmp_path):
    """Else a status would wait for it for ever."""
    root = tmp_path / "root"
    space.write_text(
        SPACE.replace(
            "    return {", "    if trial.number == 5:\n        1 / 0\n    return {"
        ).replace("a >= b", "trial.number in (2, 3)")
    )
    control(root, space, trials=7)
    seen = look(root)
    assert (seen.to_do(), seen.is_over()) == (0, True)
    assert {state: count for state, count in seen.counts().items() if count} == {
        State.FINISHED: 4,
        State.PRUNED: 2,
        State.FAILED: 1,
    }
    assert list(untrained_lines(seen)) == [
        "2 trials (2, 3), pruned in suggest, without an experience",
        "trial 5, failed in suggest, without an experience",
    ]
    said = [line for line in status_lines(seen) if "failed, " in line]
    assert said[1] == "trial 5: failed, space.py, line 13: ZeroDivisionError: division by zero"
    lose_the_study(root)
    control(root, space, trials=7)
    assert look(root) == seen


def test_a_trial_that_was_mended_is_counted_once_and_a_new_beginning_forgets_all(space, tmp_path):
    root = tmp_path / "root"
    space.write_text(SPACE.replace("a >= b", "trial.number == 1"))
    control(root, space, trials=3)
    (root / "untrained.json").write_text(
        json.dumps([{"number": number, "state": "pruned", "reason": ""} for number in (0, 1)])
    )
    assert [trial.number for trial in look(root).untrained] == [1]
    for experience in experiences_in(root):
        shutil.rmtree(experience.path)
    control(root, space, trials=1)
    assert look(root).untrained == ()


@pytest.mark.parametrize("text", ["", "{}", '[{"number": -1, "state": "pruned", "reason": ""}]'])
def test_a_file_of_somebody_else_tells_of_no_trial(tmp_path, text):
    (tmp_path / "untrained.json").write_text(text)
    assert look(tmp_path).untrained == ()
