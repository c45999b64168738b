"""Other objectives than val_acc: any metric, several at once, and constraints.

Also trials that are repeated with other seeds.
"""

import shutil
import statistics

import pytest

from support.bits import trained
from support.command import TOY, Running, results, run, sweep, table
from support.trainer import SPACES
from sweep import Sweep
from sweep.errors import SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.log_csv import read_row
from sweep.space import search_space, source
from sweep.space.objectives import Objective, objectives_of, pareto_front
from sweep.web.dashboard_study import study_of_folders

FIXED = 'FIXED = {"epochs": 3, "batch_size": 50, "seed": 0}'
LOSS = (FIXED, f'{FIXED}\nMONITOR, MODE = "val_loss", "min"')
TWO = (FIXED, f'{FIXED}\nMONITOR = ["val_acc", "val_loss", "count_params"]')
SMALL = (
    "def load_data():",
    'def constraints(parameters, logs):\n    return [parameters["units"] - 5]\n\n\n'
    "def load_data():",
)


@pytest.mark.parametrize(
    ("monitor", "mode", "objectives"),
    [
        ("val_loss", None, [("val_loss", "min")]),
        ("val_auc", "max", [("val_auc", "max")]),
        (
            ["val_acc", "seconds_per_epoch"],
            None,
            [("val_acc", "max"), ("seconds_per_epoch", "min")],
        ),
        (("val_f1", "val_loss"), ("max", "min"), [("val_f1", "max"), ("val_loss", "min")]),
    ],
)
def test_monitor_and_mode_name_the_objectives(monitor, mode, objectives):
    assert objectives_of(monitor, mode) == tuple(Objective(*objective) for objective in objectives)


@pytest.mark.parametrize(
    ("monitor", "mode", "said"),
    [
        ("val_odd", None, 'MODE = "max"'),
        ("val_auc", "maximise", "write 'max'"),
        (["val_acc", "val_loss"], "max", "each a mode"),
        (["val_acc", "val_acc"], None, "each name once"),
        ([], None, "each name once"),
        ("count_params", None, "put a metric there"),
        (3, None, "write a name"),
    ],
)
def test_what_no_objective_is_is_refused_with_the_mend(monitor, mode, said):
    with pytest.raises(ValueError, match=said):
        objectives_of(monitor, mode)


def test_the_front_is_what_no_other_point_dominates():
    points = [(0.0, 3.0), (1.0, 1.0), (1.0, 2.0), (3.0, 0.0), (3.0, 0.0), (4.0, 4.0)]
    assert pareto_front(points) == [True, True, False, True, True, False]


@pytest.mark.long
def test_a_loss_is_minimised_and_the_best_model_is_that_of_its_least(space, tmp_path):
    path, root = space(LOSS), tmp_path / "root"
    run(root, "--trials", 4, space=path)
    found = results(root, path)
    losses = [row["val_loss"] for row in found]
    assert losses == sorted(losses)
    assert list(found[0]) == ["trial", "id_experience", "state", "val_loss", "epoch", "parameters"]
    for row in found:
        log = [
            read_row(root / row["id_experience"] / "log.csv", epoch)["val_loss"]
            for epoch in range(3)
        ]
        assert (row["val_loss"], row["epoch"]) == (min(log), log.index(min(log)))
    assert f"best val_loss {losses[0]:.4f}" in sweep("status", path, "--root", root).stdout
    assert "the target" in run(root, "--trials", 9, "--target", losses[0], space=path)
    assert sweep("verify", path, "--root", root, "--models").returncode == 0
    refused = sweep("run", TOY, "--root", root, "--accept-change")
    assert refused.returncode == 1
    assert "MONITOR is val_acc (max)" in refused.stderr


@pytest.fixture
def several(twins):
    """Return the search space and root of an uncut sweep with three objectives."""

    def make(folder):
        text = (SPACES / "toy.py").read_text()
        for old, new in (TWO, SMALL):
            assert old in text
            text = text.replace(old, new)
        (folder / "toy.py").write_text(text)
        shutil.copy(SPACES / "cut.py", folder)
        run(folder / "root", "--trials", 6, space=folder / "toy.py")

    folder = twins("several objectives", make)
    return folder / "toy.py", folder / "root"


def test_several_objectives_give_a_front(several):
    path, root = several
    found = results(root, path)
    assert [list(row)[3:6] for row in found] == [["val_acc", "val_loss", "count_params"]] * len(
        found
    )
    feasible = [row for row in found if row["feasible"]]
    assert all(row["feasible"] == (row["parameters"]["units"] <= 5) for row in found)
    ranks = [(-row["val_acc"], row["val_loss"], row["count_params"]) for row in feasible]
    assert [row["front"] for row in feasible] == pareto_front(ranks)
    assert not any(row["front"] for row in found if not row["feasible"])
    for row in found:
        logged_row = read_row(root / row["id_experience"] / "log.csv", row["epoch"])
        assert (row["val_acc"], row["val_loss"]) == (logged_row["val_acc"], logged_row["val_loss"])
        assert (
            row["count_params"]
            == 64 * row["parameters"]["units"] + 11 * row["parameters"]["units"] + 10
        )
    best = max(
        (row for row in feasible),
        key=lambda row: (row["val_acc"], -row["val_loss"], -row["count_params"]),
    )
    assert (
        sweep("best", path, "--root", root).stdout.strip().split("/")[-2] == best["id_experience"]
    )


@pytest.mark.long
def test_several_objectives_end_as_if_uncut_and_come_back_from_the_folders(several, tmp_path):
    path, twin = several
    for rows in (2, 7, 11):
        words = ("--trials", 6, "--save-freq", 2)
        Running(tmp_path, *words, space=path, hold=rows).held().kill_tree()
    (tmp_path / "study.journal").unlink()
    run(tmp_path, "--trials", 6, space=path)
    assert trained(tmp_path) == trained(twin)
    assert results(tmp_path, path) == results(twin, path)
    assert "as in the folders" in sweep("verify", path, "--root", tmp_path).stdout


def test_the_report_of_several_objectives_draws_the_front(several, tmp_path):
    path, root = several[0], shutil.copytree(several[1], tmp_path / "root")
    done = sweep("report", path, "--root", root)
    assert done.returncode == 0, done.stderr
    assert (root / "rapport" / "front.png").stat().st_size > 10_000
    assert "Pareto" in (root / "rapport" / "index.html").read_text()


@pytest.mark.parametrize("words", [["--pruner", "median"], ["--sampler", "cmaes"]])
def test_what_is_for_one_objective_is_refused_where_there_are_several(several, tmp_path, words):
    refused = sweep("run", several[0], "--root", tmp_path, *words)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "MONITOR has several names" in refused.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(FIXED, f'{FIXED}\nMONITOR = "val_f1"')], 'MONITOR has "val_f1", and the first epoch'),
        ([(FIXED, f'{FIXED}\nMONITOR = "val_odd"')], "there is no MODE"),
        ([(FIXED, f'{FIXED}\nMONITORS = "val_loss"')], "rename MONITORS to MONITOR"),
        ([SMALL, ("return [parameters", "return [[parameters"), ("- 5]", "- 5]]")], "constraints"),
        ([SMALL, ('parameters["units"] - 5', 'logs["nothing"]')], "KeyError"),
    ],
)
def test_wrong_objectives_and_constraints_are_one_sentence(space, tmp_path, changes, said):
    refused = sweep("run", space(*changes), "--root", tmp_path / "root", "--trials", 1)
    assert refused.returncode == 1
    assert said in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


@pytest.fixture
def repeated(whole):
    """Return the root of an uncut sweep with three seeds a trial."""
    return whole(3, "--repeats", 3)


def test_a_repeated_trial_is_told_the_median_of_its_seeds(repeated):
    found = results(repeated)
    assert len(found) == 3
    for row in found:
        values = [one["val_acc"] for one in row["repeats"]]
        assert [one["seed"] for one in row["repeats"]] == [0, 1, 2]
        assert row["val_acc"] == statistics.median(values)
        assert row["spread"] == max(values) - min(values)
        assert row["id_experience"] == row["repeats"][values.index(max(values))]["id_experience"]
    assert "spread" in sweep("results", TOY, "--root", repeated).stdout
    assert len(list(experiences_in(repeated))) == 3 * len({row["id_experience"] for row in found})


@pytest.mark.long
def test_repeats_end_as_if_uncut_and_come_back_from_the_folders(repeated, tmp_path):
    words = ("--trials", 3, "--repeats", 3, "--save-freq", 2)
    for rows in (2, 8, 17):
        Running(tmp_path, *words, hold=rows).held().kill_tree()
    (tmp_path / "study.journal").unlink()
    run(tmp_path, *words)
    assert trained(tmp_path) == trained(repeated)
    assert table(tmp_path) == table(repeated)
    assert "study             well" in sweep("verify", TOY, "--root", tmp_path).stdout


@pytest.mark.long
def test_what_was_trained_without_repeats_answers_for_its_seed(tmp_path):
    run(tmp_path, "--trials", 1)
    (first,) = experiences_in(tmp_path)
    before = first.meilleur.stat().st_mtime_ns
    run(tmp_path, "--trials", 2, "--repeats", 2, "--sampler", "random", "--seed", 1)
    run(tmp_path, "--trials", 3, "--repeats", 2)
    assert first.meilleur.stat().st_mtime_ns == before
    assert all(len(row["repeats"]) in (1, 2) for row in results(tmp_path))


@pytest.mark.long
def test_a_seed_that_fails_counts_as_the_worst(space, tmp_path):
    path = space(
        (
            "def build_model(parameters):",
            'def build_model(parameters):\n    assert parameters["seed"] != 1',
        )
    )
    run(tmp_path / "root", "--trials", 2, "--repeats", 3, space=path)
    for row in results(tmp_path / "root", path):
        values = [one["val_acc"] for one in row["repeats"]]
        assert values[1] is None
        assert row["state"] == "finished"
        assert row["val_acc"] == min(values[0], values[2])


def test_a_constraint_that_is_no_function_is_refused(space):
    with pytest.raises(SweepError, match=r"write def constraints\(parameters, logs\)"):
        search_space.load(source.find(str(space((FIXED, f"{FIXED}\nconstraints = 3")))))


def test_the_dashboard_of_several_objectives_has_the_same_front(several):
    path, root = several
    study = study_of_folders("toy", Sweep(path, root).look())
    found = results(root, path)
    assert {trial.number for trial in study.best_trials} == {
        row["trial"] for row in found if row["front"]
    }
    assert study.metric_names == ["val_acc", "val_loss", "count_params"]


@pytest.mark.long
def test_repeats_are_extended_and_merged_together(repeated, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    shutil.copytree(repeated, theirs)
    done = sweep("extend", TOY, "--root", theirs, "--epochs", 4, "--best", 1)
    assert done.returncode == 0, done.stderr
    longer = next(row for row in results(theirs) if row["parameters"]["epochs"] == 4)
    assert [one["seed"] for one in longer["repeats"]] == [0, 1, 2]
    assert done.stderr.count("resumes at epoch 3, batch 0") == 3
    ours.mkdir()
    merged = sweep("merge", TOY, theirs, "--root", ours)
    assert merged.returncode == 0, merged.stderr
    assert "0 interrupted, 0 failed, 0 to do" in run(ours, "--trials", 1)
    here, there = (
        {row["id_experience"]: row["val_acc"] for row in results(one)} for one in (ours, theirs)
    )
    assert here == there, "equal proposals come in as one"


def test_what_was_trained_for_other_objectives_is_not_taken_in(several, space, tmp_path):
    path = space(LOSS)
    run(tmp_path / "root", "--trials", 1, space=path)
    merged = sweep("merge", path, several[1], "--root", tmp_path / "root", "--accept-change")
    assert merged.returncode == 0, merged.stderr
    assert "new here" not in merged.stdout
    assert "ours for another MONITOR" in merged.stdout
