"""The command line: one sentence for every mistake, and results that a script can read.

The sentence comes before any training.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from support.command import TOY, Running, command, python, shell, sweep
from support.folders import TOY_FIXED, toy_experience
from support.trainer import SPACES
from sweep.experience.folder import experiences_in
from sweep.experience.record import Outcome, State
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.space import search_space, source
from sweep.space.identity import id_experience
from sweep.system.host import now, this_process


@pytest.fixture
def root(tmp_path):
    """A root with an experience in every state."""
    root = tmp_path / "root"
    toy_experience(root, 0, 0.1, [0.2, 0.75, 0.7], Outcome(State.FINISHED, now()))
    toy_experience(root, 1, 0.2, [0.9], Outcome(State.FINISHED, now()))
    toy_experience(root, 2, 0.3, [0.5])
    toy_experience(root, 3, 0.4, [0.6, 0.4], process=this_process())
    toy_experience(root, 4, 0.5, [], Outcome(State.FAILED, now(), "it raised"))
    toy_experience(root, 5, 0.6, [0.1], Outcome(State.PRUNED, now(), "it was bad"))
    (root / "not-an-experience").mkdir()
    return root


def asked(*words):
    done = sweep(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.cold  # importing says nothing on stderr
def test_results_as_json_have_the_six_keys_and_the_best_first(root):
    rows = json.loads(asked("results", TOY, "--root", root, "--format", "json"))
    assert [list(row) for row in rows] == [
        ["trial", "id_experience", "state", "val_acc", "epoch", "parameters"]
    ] * 6
    assert [(row["trial"], row["state"], row["val_acc"], row["epoch"]) for row in rows] == [
        (1, "finished", 0.9, 0),
        (0, "finished", 0.75, 1),
        (3, "running", 0.6, 0),
        (2, "cut_off", 0.5, 0),
        (5, "pruned", 0.1, 0),
        (4, "failed", None, None),
    ]
    assert rows[0]["parameters"] == {"units": 4, "rate": 0.2, **TOY_FIXED}


def test_results_as_csv_are_what_pandas_reads(root):
    frame = pd.read_csv(io.StringIO(asked("results", TOY, "--root", root, "--format", "csv")))
    assert list(frame.columns) == [
        "trial",
        "id_experience",
        "state",
        "val_acc",
        "epoch",
        "parameters",
    ]
    assert frame["trial"].tolist() == [1, 0, 3, 2, 5, 4]
    assert frame["val_acc"].isna().tolist() == [False] * 5 + [True]
    assert json.loads(frame["parameters"][0])["rate"] == 0.2


def test_results_as_a_table_cut_nothing_off_in_a_pipe(root):
    table = asked("results", TOY, "--root", root)
    for experience in root.glob("????????????????"):
        assert experience.name in table
    for name in (
        "trial",
        "id_experience",
        "state",
        "val_acc",
        "epoch",
        "units",
        "rate",
        "batch_size",
    ):
        assert name in table


def test_best_is_a_path_alone_on_its_line(root):
    line = asked("best", TOY, "--root", root)
    assert line.count("\n") == 1
    assert line.strip() == str(
        root / id_experience("toy", {"units": 4, "rate": 0.2, **TOY_FIXED}) / "meilleur.model.keras"
    )


def test_status_says_how_far_it_is(root):
    said = asked("status", TOY, "--root", root)
    assert f"{root}: 1 running, 1 cut_off, 2 finished, 1 failed, 1 pruned" in said
    assert "cut_off, no backup yet" in said
    assert "failed, it raised" in said
    assert "best val_acc 0.9000: trial 1 " in said


@pytest.mark.parametrize("form", ["json", "table"])
def test_a_reader_of_a_pipe_that_has_enough_sees_no_traceback(root, form):
    words = shell("results", TOY, "--root", root, "--format", form)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words} | true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


LOUD = [
    ("def suggest(trial):", "def suggest(trial):\n    print('a proposal')"),
    (
        "    import keras\n\n    hidden",
        "    import keras, sys\n\n    print('x' * 10_000)\n"
        "    print('a model', file=sys.stderr, flush=True)\n    hidden",
    ),
]
IN_A_SCRIPT = "import sys, sweep; sweep.run(sys.argv[1], sys.argv[2], trials=2)"


def states(root):
    return sorted(one.state() for one in experiences_in(root))


@pytest.mark.parametrize("is_script", [False, True])
def test_a_run_whose_stderr_is_a_full_disk_trains_all_the_same(tmp_path, space, is_script):
    root, loud = tmp_path / "root", space(*LOUD)
    words = ["-c", IN_A_SCRIPT, loud, root]
    if not is_script:
        words = ["-m", "sweep", "run", loud, "--root", root, "--trials", 2]
    with Path("/dev/full").open("w") as full:
        done = python(*words, keras=True, stderr=full.fileno())
    assert done.returncode == 0
    assert states(root) == [State.FINISHED] * 2
    assert is_script or done.stdout.strip().endswith("meilleur.model.keras")


def test_a_run_whose_reader_of_stderr_goes_away_trains_all_the_same(tmp_path, space):
    reader, writer = os.pipe()
    running = Running(tmp_path / "root", "--trials", 2, space=space(*LOUD), hold=1, stderr=writer)
    os.close(writer)
    running.held()
    os.close(reader)
    assert running.go_on().end()[0] == 0
    assert states(tmp_path / "root") == [State.FINISHED] * 2


@pytest.mark.cold
def test_a_run_that_is_started_without_its_streams_writes_into_no_file(tmp_path):
    words = shell("run", TOY, "--root", tmp_path, "--trials", 1)
    done = subprocess.run(["bash", "-c", f"{words} <&- >&- 2>&-"], check=False)
    assert done.returncode == 0
    assert states(tmp_path) == [State.FINISHED]
    for line in (tmp_path / "study.journal").read_text().splitlines():
        json.loads(line)


def one_sentence(done, status):
    """Assert that a command ended with the status and one line on stderr, and return that."""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert done.returncode == status, done.stderr
    assert lines[-1].startswith("sweep: ")
    assert [
        line for line in lines[:-1] if not line.startswith(("toy in ", "importing Keras"))
    ] == []
    assert done.stdout == ""
    return lines[-1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["run", "digit_mlp"],
            "There is no search space search_spaces/digit_mlp.py: did you mean digits_mlp?",
        ),
        (
            ["run", "nowhere/space.py"],
            "There is no search space nowhere/space.py: nowhere has no Python files",
        ),
        (["run", TOY, "--trials", "0"], "'--trials': 0 is not in the range x>=1"),
        (["run", TOY, "--trials", "many"], "'--trials': 'many' is not a valid integer"),
        (["run", TOY, "--epochs", "0"], "'--epochs': 0 is not in the range x>=1"),
        (["run", TOY, "--workers", "0"], "'--workers': 0 is not in the range"),
        (["run", TOY, "--save-freq", "0"], "'--save-freq': 0 is not in the range"),
        (
            ["run", TOY, "--timeout", "0"],
            "'--timeout': '0' is no time: give seconds, or a time such as 90s, 45m, 11h30m",
        ),
        (["run", TOY, "--deadline", "11h 30"], "'--deadline': '11h 30' is no time: give seconds"),
        (["run", TOY, "--patience", "0"], "'--patience': 0 is not in the range x>=1"),
        (["run", TOY, "--target", "nan"], "target is nan: give a number"),
        (["run", TOY, "--sampler", "best"], "it is one of tpe, random, cmaes"),
        (["run", TOY, "--trails", "3"], "No such option '--trails'"),
        (["run", TOY, "--trails", "3"], "See sweep run --help."),
        (["run"], "Missing argument 'SPACE'"),
        (["rnu", TOY], "No such command 'rnu'"),
        (["results", TOY, "--format", "xml"], "'xml' is not one of 'table', 'csv', 'json'"),
    ],
)
def test_misuse_is_one_sentence_and_exit_2(words, says):
    assert says in one_sentence(sweep(*words), 2)


@pytest.mark.parametrize("name", ["results", "best", "status"])
def test_a_sweep_that_is_not_there_is_one_sentence(name, tmp_path):
    assert "There is no sweep in" in one_sentence(sweep(name, TOY, "--root", tmp_path / "none"), 1)


def test_no_best_yet_is_one_sentence(tmp_path):
    assert "has no finished experience yet" in one_sentence(
        sweep("best", TOY, "--root", tmp_path), 1
    )


def test_without_words_there_is_help():
    done = sweep()
    assert done.returncode == 2
    assert "Commands:" in done.stderr
    for name in ("run", "results", "best", "status"):
        assert f"  {name} " in done.stderr
        help_text = asked(name, "--help")
        assert "SPACE" in help_text


def test_help_is_in_groups_and_h_is_enough():
    shown = asked("run", "-h")
    groups = ["The search:", "The trainings:", "Its end:", "Its folders:", "Options:"]
    places = [shown.index(f"\n{group}\n") for group in groups]
    assert places == sorted(places)
    assert places[0] < shown.index("--sampler") < places[1] < shown.index("--workers") < places[2]
    assert asked("-h").startswith("Usage: sweep [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("run digits_m", ["digits_mlp"]),
        ("run digits_mlp --sampler c", ["cmaes"]),
        ("run digits_mlp --pruner hyper", ["hyperband"]),
        ("report digits_mlp --sing", ["--single-file"]),
        ("exp", ["export"]),
    ],
)
def test_a_shell_completes_spaces_samplers_pruners_and_options(words, completed):
    count = len(words.split())
    asked = {"COMP_WORDS": f"sweep {words}", "COMP_CWORD": str(count)}
    done = sweep(env=os.environ | asked | {"_SWEEP_COMPLETE": "bash_complete"})
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == completed


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'FIXED = {"epochs"',
            'import kears\nFIXED = {"epochs"',
            "toy.py, line 3: ModuleNotFoundError: No module named 'kears'",
        ),
        (
            "def load_data",
            "def load_daat",
            "has no function load_data: rename load_daat to load_data(…)",
        ),
        ('"epochs": 3', '"epochs": 0', "epochs is 0; give an integer from 1"),
        ('"batch_size": 50', '"batch_size": 0', "batch_size is 0; give an integer from 1"),
        ('"seed": 0', '"units": 7, "seed": 0', "suggest returns 'units', which is also in FIXED"),
        (
            '"seed": 0',
            '"seed": 0, "x": float("nan")',
            "parameter 'x' holds nan, which JSON cannot hold: suggest a finite number",
        ),
        (
            '"seed": 0',
            '"seed": 0, "x": [1, {"y": float("inf")}]',
            "parameter 'x' holds [1, {'y': inf}], which JSON cannot hold",
        ),
        (
            '"seed": 0',
            '"seed": 0, "x": 2**53 + 1',
            "parameter 'x' holds 9007199254740993, an integer beyond 2^53: give it as a string",
        ),
        (
            'trial.suggest_int("units"',
            'trial.sugest_int("units"',
            "toy.py, line 7: AttributeError: 'Trial' object has no",
        ),
        (
            'return {"units"',
            'raise ValueError("first\\nsecond")\n    return {"units"',
            "toy.py, line 7: ValueError: first second; mend",
        ),
        (
            'return {"units"',
            'open("none.csv")\n    return {"units"',
            "toy.py, line 7: FileNotFoundError: [Errno 2]",
        ),
        (
            "def callbacks",
            "def callback",
            "has callback and no callbacks: rename callback to callbacks",
        ),
        ('"seed": 0', '"seed": 0, "x": object()', "parameter 'x' is <object object at"),
    ],
)
def test_a_search_space_that_is_wrong_is_one_sentence_and_exit_1(tmp_path, space, old, new, says):
    wrong, root = space((old, new)), tmp_path / "root"
    said = one_sentence(sweep("run", wrong, "--root", root), 1)
    assert says in said
    assert str(wrong) in said
    assert not root.exists(), "nothing was begun"


def test_a_root_that_cannot_be_one_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is, or lies under, a file" in one_sentence(
        sweep("run", TOY, "--root", tmp_path / "file"), 1
    )
    on_drive = tmp_path / "drive" / "MyDrive" / "toy"
    assert "mount it first" in one_sentence(sweep("run", TOY, "--root", on_drive), 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_foreign_log_is_one_sentence_and_stays_as_it_is(root):
    foreign = next(path for path in root.glob("*/log.csv"))
    foreign.write_text("step,accuracy\n0,0.5\n")
    said = one_sentence(sweep("run", TOY, "--root", root), 1)
    assert f"{foreign}, line 1: the columns are step, accuracy" in said
    assert foreign.read_text() == "step,accuracy\n0,0.5\n"


def test_an_edited_experience_is_one_sentence(root):
    path = next(root.glob("*/experience.json"))
    path.write_text(path.read_text().replace('"units": 4', '"units": 5'))
    said = one_sentence(sweep("run", TOY, "--root", root), 1)
    assert f"{path}: its search space and parameters do not give the name of its folder" in said


@pytest.mark.parametrize(
    "content", ['{"id_experience": "x"}', "[]", '"text"', '{"trials": null}', '{"id_experi', ""]
)
def test_a_record_of_another_shape_is_no_record(root, content):
    path = next(root.glob("*/experience.json"))
    path.write_text(content)
    for name in ("results", "status"):
        done = sweep(name, TOY, "--root", root)
        assert done.returncode == 0
        assert (
            done.stderr == f"sweep: warning: {path} is missing or torn, so its trial is not shown\n"
        )


def test_a_parameter_with_other_choices_is_one_sentence_even_when_the_change_is_accepted(tmp_path):
    space, root = tmp_path / "toy.py", tmp_path / "root"
    space.write_text((SPACES / "toy.py").read_text())
    begun = toy_experience(root, 0, 0.3, space=space)
    study = Study("toy", root / "study.journal", StudyOptions("tpe"))
    trial = study.ask()
    study.suggest(trial, search_space.load(source.find(str(space))).suggest)
    begun.write(replace(begun.read(), trials=[study.entry(trial)]))
    space.write_text(space.read_text().replace("[0.3, 0.1, 0.03]", "[0.3, 0.1]"))
    said = one_sentence(sweep("run", space, "--root", root, "--accept-change"), 1)
    assert (
        "suggest gives 'rate' other choices, or another kind, than the trials of this sweep have"
        in said
    )


def test_what_a_space_prints_does_not_disturb_the_results(tmp_path, space):
    loud = space(
        ("def suggest(trial):", "print('hello')\n\n\ndef suggest(trial):\n    print('hello')")
    )
    done = sweep("run", loud, "--root", tmp_path / "root", "--trials", 1, "--epochs", 1)
    assert "hello" in done.stderr
    assert "hello" not in done.stdout


def test_a_sweep_that_is_stopped_before_it_began_says_so(tmp_path):
    space = tmp_path / "toy.py"
    (tmp_path / "here").write_text("")
    text = (
        f"import pathlib, time\npathlib.Path({str(tmp_path / 'here')!r}).unlink()\ntime.sleep(60)\n"
    )
    space.write_text(text + (SPACES / "toy.py").read_text())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        (tmp_path / "here").write_text("")
        running = Running(tmp_path / "root", space=space)
        running.wait_for(lambda root: not (tmp_path / "here").exists())
        assert running.interrupt(number).end(10) == (
            130,
            "\nsweep: stopped: run the same command to resume\n",
        )


def test_changed_code_is_refused_with_what_changed_unless_it_is_accepted(root, space):
    space = space(("Dropout(0.1)", "Dropout(0.2)"))
    said = one_sentence(sweep("run", space, "--root", root, "--trials", 1), 1)
    assert f"{space} was changed in build_model since the experiences in {root} were begun" in said
    assert "--accept-change" in said
    space.write_text(
        (SPACES / "toy.py").read_text().replace("import keras\n", "import keras  # a comment\n")
    )
    (running,) = (one for one in experiences_in(root) if one.state() is State.RUNNING)
    shutil.rmtree(running.path)
    done = sweep("run", space, "--root", root, "--trials", 6, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert "trial 3 " in done.stderr, (
        "the trial whose folder is gone is trained, so nothing was refused"
    )


@pytest.mark.long
@pytest.mark.cold
def test_a_user_without_a_name_or_a_home_can_run_a_sweep(tmp_path):
    bare = ["unshare", "--map-user=54321", "--map-group=54321", "env", "-i"]
    paths = os.pathsep.join(sys.path)
    words = command(["run", TOY, "--root", tmp_path, "--trials", 1, "--epochs", 1])
    here = tmp_path / "here"
    here.mkdir(mode=0o777)
    whole = [*bare, f"PYTHONPATH={paths}", *words]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, cwd=here)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == [State.FINISHED]
    assert not list(here.iterdir()), "TensorFlow and Keras would make a folder ~ here"
