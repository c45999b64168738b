"""The values of the parameters reach a training as they are written, also after a cut."""

import json

import numpy as np
import optuna
import pytest

from support.stand_ins import NoTraining, control, lose_the_study, run_as_program
from sweep.experience.folder import experiences_in
from sweep.experience.record import Record
from sweep.experience.tuples import places_of_tuples, with_tuples
from sweep.search.any_choices import allow_any_choices

SPACE = '''
"""Values of each kind."""
import enum

import numpy as np

Optimizer = enum.Enum("Optimizer", {"ADAM": "adam"}, type=str)
FIXED = {"epochs": np.int64(2), "batch_size": 1, "seed": 0, "momentum": 0.0, "zero": -0.0,
         "optimizer": Optimizer.ADAM, "deep": {"sizes": [(1, 2.0), np.float64(3)]}}


def suggest(trial):
    return {
        "x": trial.suggest_float("x", 0, 1, step=0.25),
        "rate": trial.suggest_categorical("rate", [0.1, 1.0]),
        "kernel": trial.suggest_categorical("kernel", [(3, 3), (5, 5)]),
        "decay": trial.suggest_categorical("decay", np.array([0.5, 2.0])),
        "width": trial.suggest_categorical("width", [np.int64(8), np.int64(16)]),
    }


def load_data():
    raise AssertionError("nothing is trained")


build_model = load_data
'''
EXPECTED = {
    "momentum": "0.0",
    "zero": "-0.0",
    "optimizer": "'adam'",
    "deep": "{'sizes': [(1, 2.0), 3.0]}",
    "epochs": "2",
}


class Noting(NoTraining):
    """A place that notes which parameters each training gets, as they are written."""

    def __init__(self):
        super().__init__(lambda parameters, epoch: parameters["x"] / (epoch + 1))
        self.given = {}

    def train(self, job, stop, on_news):
        parameters = job.record.parameters
        self.given[job.experience.id] = {name: repr(value) for name, value in parameters.items()}
        return super().train(job, stop, on_news)


@pytest.fixture
def values(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(SPACE)
    return path


def test_a_training_gets_the_values_as_written_before_and_after_each_cut(values, tmp_path):
    whole, first = tmp_path / "whole", Noting()
    control(whole, values, first, trials=8)
    for given in first.given.values():
        assert EXPECTED.items() <= given.items()
        assert given["kernel"] in ("(3, 3)", "(5, 5)")
        assert given["rate"] in ("0.1", "1.0")
        assert given["decay"] in ("0.5", "2.0")
        assert given["width"] in ("8", "16")
    assert {"1.0", "0.1"} == {given["rate"] for given in first.given.values()}

    cut, second = tmp_path / "cut", Noting()
    for rows in (3, 7):
        run_as_program(cut, values, "rows", rows, trials=8)
        lose_the_study(cut)
    control(cut, values, second, trials=8)
    assert second.given.items() <= first.given.items()
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}
    texts = [
        {path.parent.name: json.loads(path.read_text()) for path in root.glob("*/experience.json")}
        for root in (whole, cut)
    ]
    written = [{name: repr(text["parameters"]) for name, text in root.items()} for root in texts]
    assert written[0] == written[1]


def test_equal_numbers_are_one_experience_and_one_value(tmp_path):
    """The first of two equal choices is what each trial gets, however Optuna drew it."""
    path = tmp_path / "space.py"
    path.write_text(SPACE.replace("[0.1, 1.0]", "[1, 1.0]"))
    place = Noting()
    control(tmp_path / "root", path, place, trials=12, sampler="random")
    assert {given["rate"] for given in place.given.values()} == {"1"}


def test_a_choice_is_given_back_as_it_was_written():
    trial = optuna.create_study().ask()
    allow_any_choices(trial)
    assert type(trial.suggest_categorical("x", (np.int64(3), np.int64(4)))) is np.int64
    assert repr(trial.distributions["x"].choices) == "(3, 4)"


def test_a_true_beside_a_one_stays_a_true():
    trial = optuna.create_study().ask({"x": optuna.distributions.CategoricalDistribution([1])})
    trial.suggest_categorical = lambda name, choices: True
    allow_any_choices(trial)
    assert trial.suggest_categorical("x", [1, True]) is True


def test_tuples_come_back_from_json_at_their_places_and_nowhere_else():
    value = {"a": (1, [(2,), {"b": ()}]), "c": [3]}
    places = [list(place) for place in places_of_tuples(value)]
    content = json.loads(json.dumps([value, places]))
    assert with_tuples(content[0], {tuple(place) for place in content[1]}) == value
    assert with_tuples([1, {"a": 2}], {("z",), (1,), (1, "a", 7)}) == [1, {"a": 2}]


def test_a_record_without_tuples_says_nothing_of_them(values, tmp_path):
    control(tmp_path, values, trials=1)
    (experience,) = experiences_in(tmp_path)
    record = experience.read()
    assert record.as_content()["tuples"] == [["kernel"], ["deep", "sizes", 0]]
    record.parameters["kernel"], record.parameters["deep"] = [3, 3], 1
    assert "tuples" not in record.as_content()
    assert Record.from_json(record.as_json()).parameters == record.parameters


def as_older_code_wrote_it(experience):
    """Write the record as the code did that made 1 of 1.0 and a list of a tuple."""
    content = json.loads(experience.record.read_text())
    content.pop("tuples")
    content["parameters"] |= {"momentum": 0, "rate": round(content["parameters"]["rate"], 1)}
    if content["parameters"]["rate"] == 1:
        content["parameters"]["rate"] = 1
    experience.record.write_text(json.dumps(content))
    return content["parameters"]


def test_a_training_of_older_code_resumes_with_the_values_that_it_had(values, tmp_path):
    run_as_program(tmp_path, values, "rows", 4, trials=3)
    (experience,) = [each for each in experiences_in(tmp_path) if not each.read().outcome]
    assert list(experience.sauvegarde.iterdir()), "it has a backup"
    parameters = as_older_code_wrote_it(experience)
    place = Noting()
    control(tmp_path, values, place, trials=3)
    assert place.given[experience.id] == {key: repr(value) for key, value in parameters.items()}


def test_a_training_of_older_code_with_nothing_to_resume_gets_the_values_as_written(
    values, tmp_path
):
    """Its 1 for a 1.0 may be why it has failed."""
    root = tmp_path / "root"
    run_as_program(root, values, 0, "begun", trials=1)  # killed before its first epoch
    (experience,) = experiences_in(root)
    as_older_code_wrote_it(experience)
    place = Noting()
    control(root, values, place, trials=1)
    assert EXPECTED.items() <= place.given[experience.id].items()
    assert experience.read().as_content()["tuples"] == [["kernel"], ["deep", "sizes", 0]]


def test_keras_takes_a_rate_of_one_and_a_momentum_of_none(trainer, space, tmp_path):
    path = space(('SGD(parameters["rate"])', 'SGD(parameters["rate"], parameters["momentum"])'))
    parameters = {"units": 4, "rate": 1.0, "momentum": 0.0}
    assert trainer(path, tmp_path / "root", parameters=parameters).ending == "outcome"
    (experience,) = experiences_in(tmp_path / "root")
    assert experience.state() == "finished", experience.read().outcome
