"""``import sweep``, as a script and a notebook have it."""

import csv
import inspect
import subprocess
import sys
from dataclasses import MISSING, fields

import pytest
from mypy import api

import sweep
from support.command import TOY, Tree, python, sessions, table
from support.folders import SCRIPT as HOSTILE
from support.folders import sweep_of_all_kinds
from sweep.cli import app
from sweep.errors import Misuse, StoppedByUser
from sweep.experience.folder import experiences_in
from sweep.settings import ExtendOptions, Options, RetryOptions, Settings

SCRIPT = """
import sweep

swept = sweep.run({space!r}, trials=2, root={root!r})
print("began", len(swept.results()))
"""


@pytest.fixture
def root(whole):
    return whole(3)


def script(tmp_path, root):
    """Write a script and return what Python is given to run it."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(space=TOY, root=str(root)))
    return [path]


@pytest.mark.cold
def test_a_script_without_a_guard_begins_one_sweep(tmp_path):
    done = python(*script(tmp_path, tmp_path / "root"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "began 2\n"
    assert set(sessions(tmp_path / "root").values()) == {1}
    assert [row[0] for row in table(tmp_path / "root")] == [0, 1]


def test_a_script_is_stopped_by_ctrl_c_once_all_is_saved_and_goes_on(tmp_path):
    root = tmp_path / "root"
    running = Tree(root, script(tmp_path, root), keras=True, hold=2).held().stop()
    code, said = running.end()
    assert "stopped, and all is saved: run the same command to resume" in said
    assert code == 1
    done = python(*script(tmp_path, root), keras=True)
    assert done.returncode == 0, done.stderr
    assert "1 interrupted (trial " in done.stderr
    assert "resumes at epoch" in done.stderr


def test_the_results_are_those_of_the_command_line(root):
    swept = sweep.Sweep(TOY, root)
    frame = swept.results()
    assert list(frame.columns) == [
        "trial",
        "id_experience",
        "state",
        "val_acc",
        "epoch",
        "units",
        "rate",
        "epochs",
        "batch_size",
        "seed",
    ]
    rows = frame[["trial", "id_experience", "val_acc", "state"]].itertuples(index=False, name=None)
    assert sorted(rows) == table(root)
    best = swept.best()
    assert best.path == root / best.id_experience / "meilleur.model.keras"
    assert (best.val_acc, best.epoch) == (frame["val_acc"][0], frame["epoch"][0])
    assert best.parameters["units"] == frame["units"][0]


def test_the_epochs_and_the_curves_are_those_of_the_logs(root):
    swept = sweep.Sweep(TOY, root)
    values = []
    for one in experiences_in(root):
        with one.log.open(newline="") as log:  # not by pandas 2, which reads a last bit wrong
            values += [float(row["val_acc"]) for row in csv.DictReader(log)]
    epochs = swept.epochs()
    assert sorted(epochs["val_acc"]) == sorted(values)
    drawn = {value for trace in swept.curves().data for value in trace.y if value is not None}
    assert set(values) <= drawn


def test_the_best_model_predicts(root):
    code = f"""
import sweep
best = sweep.Sweep({TOY!r}, {str(root)!r}).best()
model = best.load()
import runpy
_, (x, y) = runpy.run_path({TOY!r})["load_data"]()
print(abs((model.predict(x, verbose=0).argmax(1) == y).mean() - best.val_acc) < 1e-6)
"""
    done = python("-c", code, keras=True)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_a_notebook_shows_how_far_it_is_and_escapes_what_stands_in_folders(root, tmp_path):
    html = sweep.Sweep(TOY, root)._repr_html_()
    assert "3/3 trials" in html
    assert table(root, "id_experience")[0][0] in html
    sweep_of_all_kinds(tmp_path / "root")
    hostile = sweep.Sweep(TOY, tmp_path / "root")._repr_html_()
    assert HOSTILE not in hostile
    assert "&lt;script&gt;" in hostile


def test_a_mistake_is_one_sentence_in_a_notebook_too(tmp_path):
    with pytest.raises(Misuse) as error:
        sweep.run(TOY, tmp_path, trials=-1)
    assert error.value._render_traceback_() == ["sweep: trials is -1: give an integer from 0 on."]
    for options, said in (
        ({"trials": "3"}, "trials is '3': give an integer from 0 on"),
        ({"epochs": 0}, "epochs is 0: give an integer from 1 on"),
        ({"sampler": "magic"}, "sampler is 'magic': it is one of tpe, "),
        ({"target": "high"}, "target is 'high': give a number"),
        ({"timeout_s": 0}, "timeout_s is 0: give seconds, more than 0"),
        ({"patience": 0}, "patience is 0: give an integer from 1 on"),
    ):
        with pytest.raises(Misuse, match=said):
            sweep.run(TOY, tmp_path, **options)
    with pytest.raises(
        sweep.SweepError, match=r"There is no sweep in .*: start one with .*sweep run"
    ):
        sweep.Sweep(TOY, tmp_path / "none").results()
    assert StoppedByUser()._render_traceback_() == [
        "sweep: stopped, and all is saved: run the same command to resume"
    ]


def test_an_argument_that_does_not_fit_is_pythons_type_error(tmp_path):
    swept = sweep.Sweep(TOY, tmp_path)
    for call, said in (
        (lambda: sweep.run(TOY, tmp_path, trial=3), "run() got an unexpected keyword argument "),
        (lambda: swept.run(trial=3), "'trial': did you mean trials?"),
        (lambda: swept.run(root=tmp_path), "run() got an unexpected keyword argument 'root'"),
        (lambda: swept.run(3), "run() too many positional arguments"),
        (lambda: swept.extend(best=2), "extend() missing a required argument: 'epochs'"),
        (lambda: swept.extend(5, trials=2), "unexpected keyword argument 'trials'"),
        (lambda: swept.retry(sampler="tpe"), "unexpected keyword argument 'sampler'"),
        (lambda: swept.rebuild(trials=2), "unexpected keyword argument 'trials'"),
        (sweep.run, "run() missing a required argument: 'space'"),
    ):
        with pytest.raises(TypeError) as error:
            call()
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (sweep.run, Settings),
        (sweep.Sweep.run, Options),
        (sweep.Sweep.extend, ExtendOptions),
        (sweep.Sweep.retry, RetryOptions),
    ],
)
def test_the_arguments_of_a_function_are_those_of_its_options(function, options):
    """So an editor completes them, with their types, defaults and texts."""
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop("self", None)
    assert len(parameters) == len(fields(options))
    for option in fields(options):
        parameter = parameters[option.name]
        assert parameter.annotation == option.type
        is_needed = option.default is MISSING
        assert parameter.default == (parameter.empty if is_needed else option.default)
        assert f"    {option.name}: {option.metadata['in_script']}\n" in function.__doc__


@pytest.mark.parametrize(
    ("command", "function", "words"),
    [
        ("run", sweep.Sweep.run, []),
        ("extend", sweep.Sweep.extend, ["--epochs", "5"]),
        ("retry", sweep.Sweep.retry, ["--failed"]),
        ("verify", sweep.Sweep.verify, []),
        ("rebuild", sweep.Sweep.rebuild, []),
        ("dashboard", sweep.Sweep.dashboard, []),
    ],
)
def test_the_command_line_asks_with_the_defaults_of_the_function(command, function, words):
    parameters = inspect.signature(function).parameters
    asked = app.commands[command].make_context(command, ["toy", *words]).params
    asked = {name: value for name, value in asked.items() if name not in ("space", "root")}
    if command == "retry":
        assert not asked.pop("ids")
        assert asked.pop("failed")
    given = {"epochs": 5} if command == "extend" else {}
    assert asked.keys() <= parameters.keys()
    assert {**asked, **given} == {name: given.get(name, parameters[name].default) for name in asked}
    if command == "run":
        assert asked.keys() == parameters.keys() - {"self"}


@pytest.mark.long
def test_a_type_checker_knows_the_arguments(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sweep\n"
        "sweep.run('toy', 'here', trials=3, enqueue='first.json').extend(5, workers=2)\n"
        "sweep.run('toy', trials='3')\n"
        "sweep.Sweep('toy').run(trial=3)\n"
    )
    told, _, status = api.run([str(script), "--cache-dir", str(tmp_path / "cache")])
    lines = [line for line in told.splitlines() if ": error: " in line]
    assert len(lines) == 2, told
    assert 'script.py:3: error: Argument "trials" to "run" has incompatible type' in lines[0]
    assert "script.py:4: error: Unexpected keyword argument" in lines[1]
    assert status == 1


def test_a_sweep_runs_in_a_thread_where_python_lets_nobody_listen_to_signals(tmp_path):
    code = f"""
import threading, sweep
swept = []
call = lambda: swept.append(sweep.run({TOY!r}, {str(tmp_path)!r}, trials=1, epochs=1))
thread = threading.Thread(target=call)
thread.start()
thread.join()
print(len(swept[0].results()))
"""
    done = python("-c", code, keras=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_importing_it_costs_nothing():
    code = (
        "import sys, sweep; "
        "print({'keras', 'tensorflow', 'optuna', 'pandas', 'rich', 'click'} & set(sys.modules))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "set()\n"
    )
