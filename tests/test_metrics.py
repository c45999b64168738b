"""The metrics that a training logs, and the best model that belongs to them.

They are those of the model and those that callbacks of the search space put into the logs.
"""

import math
import re
from types import SimpleNamespace

import pytest

from support import zoo
from support.bits import only
from support.command import Running, in_keras, results, run, sweep
from support.folders import text_of_log
from support.tiers import sampled
from sweep import Sweep
from sweep.errors import SweepError
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.inventory import Inventory
from sweep.experience.log_csv import curve_of, read_curve
from sweep.experience.record import Outcome, Record, State
from sweep.running.same_objectives import SameObjectives
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.space import search_space, source
from sweep.space.directions import direction_of
from sweep.space.identity import id_experience
from sweep.space.objectives import Objective, possible_objectives
from sweep.system.host import now
from sweep.web.dashboard_study import study_of_folders

TOY = {"units": 4, "rate": 0.1}
CALLBACKS = "    return [cut.Cut()]"
ACCURACY = ('metrics=["acc"]', 'metrics=["accuracy"]')
ACC, NAMED = ((Objective(name, "max"),) for name in ("val_acc", "val_accuracy"))


@pytest.mark.parametrize(
    ("direction", "names"),
    [
        (
            "max",
            "acc val_accuracy binary_accuracy sparse_top_k_categorical_accuracy top_5_accuracy auc "
            "auc_1 roc_auc f1_score f1_macro mean_io_u precision_at_recall recall r2_score",
        ),
        (
            "min",
            "loss val_digit_loss mae mse root_mean_squared_error word_error_rate perplexity "
            "kl_divergence val_kl categorical_crossentropy val_cross_entropy log_cosh",
        ),
        (
            None,
            "accuracy_loss precision_loss 1-accuracy one_minus_auc neg_mean_squared_error "
            "mse_score accuracy_drop loss_scale learning_rate false_positives entropy audio_u",
        ),
    ],
)
def test_a_direction_is_told_from_a_name_where_it_is_sure(direction, names):
    assert {name: direction_of(name) for name in names.split()} == dict.fromkeys(
        names.split(), direction
    )


def test_without_monitor_the_objective_is_either_name_of_the_accuracy():
    assert possible_objectives(None, None) == (ACC, NAMED)
    assert possible_objectives("val_loss", None) == ((Objective("val_loss", "min"),),)


def test_a_model_says_what_its_accuracy_is_called(space, tmp_path):
    path, root = space(ACCURACY), tmp_path / "root"
    Running(root, "--trials", 3, "--workers", 2, space=path, hold=2).held().kill_tree()
    run(root, "--trials", 3, "--workers", 2, space=path)
    found = results(root, path)
    assert [list(row)[3] for row in found] == ["val_accuracy"] * 3
    for experience in experiences_in(root):
        assert experience.read().objectives == list(NAMED)
        assert b",val_accuracy," in experience.read_log()
    best = found[0]["val_accuracy"]
    assert f"best val_accuracy {best:.4f}" in sweep("status", path, "--root", root).stdout
    assert "the target" in run(root, "--trials", 9, "--target", best, space=path)
    study = study_of_folders("toy", Sweep(path, root).look())
    assert study.metric_names == ["val_accuracy"]
    assert study.best_value == best
    verified = sweep("verify", path, "--root", root, "--models")
    assert verified.returncode == 0, verified.stdout
    again = sweep("run", space(), "--root", root, "--trials", 4, "--accept-change")
    assert again.returncode == 1
    assert f'no metric named "accuracy" (only acc), where the experiences in {root} have' in (
        again.stderr
    )


def experience_of(root, units, objectives, log="", outcome=None):
    parameters = {"units": units, "epochs": 1, "batch_size": 1, "seed": 0}
    experience = Experience(root / id_experience("toy", parameters))
    record = Record(experience.id, {"name": "toy", "fingerprint": {}}, parameters, 0, 1, [])
    record.objectives, record.outcome = list(objectives), outcome
    root.mkdir(exist_ok=True)
    experience.write(record)
    experience.log.write_text(log)
    assert experience.read()
    return record


def test_only_an_experience_with_an_epoch_says_what_a_sweep_is_trained_for(space, tmp_path):
    loaded = search_space.load(source.find(str(space())))
    root = tmp_path / "root"
    experience_of(root, 1, ACC)  # its preparation was killed
    experience_of(root, 2, ACC, outcome=Outcome(State.FAILED, now(), "it raises"))
    experience_of(root, 3, [Objective("val_f2", "max")])
    assert Inventory(root, "toy").check_objectives(loaded) == loaded
    log = text_of_log([0.5]).replace("val_acc", "val_accuracy")
    experience_of(root, 4, NAMED, log)
    narrowed = Inventory(root, "toy").check_objectives(loaded)
    assert narrowed.possible_objectives == (NAMED,)
    experience_of(root, 5, ACC, text_of_log([0.5]))
    with pytest.raises(SweepError, match="was trained for val_acc"):
        Inventory(root, "toy").check_objectives(narrowed)


def test_two_trainings_that_begin_at_once_must_call_it_alike(space, tmp_path):
    loaded = search_space.load(source.find(str(space())))
    same = SameObjectives(SimpleNamespace(space=loaded, root=tmp_path))
    first, other = (experience_of(tmp_path, n, o) for n, o in enumerate((NAMED, ACC)))
    same.compare(other)
    assert same.expected() is None, "it has not begun"
    first.sessions = other.sessions = ["one"]
    same.compare(first)
    assert same.expected() == NAMED
    with pytest.raises(SweepError, match="val_accuracy or val_acc, by their parameters"):
        same.compare(other)


TWO_OUTPUTS = """
FIXED = {"epochs": 2, "batch_size": 50, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 6)}


def load_data():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    parts = slice(250), slice(250, 400)
    return tuple((x[part] / 16, {"digit": y[part], "odd": y[part] % 2}) for part in parts)


def build_model(parameters):
    import keras

    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(parameters["units"], "relu")(inputs)
    outputs = {
        "digit": keras.layers.Dense(10, "softmax", name="digit")(hidden),
        "odd": keras.layers.Dense(1, "sigmoid", name="odd")(hidden),
    }
    model = keras.Model(inputs, outputs)
    losses = {"digit": "sparse_categorical_crossentropy", "odd": "binary_crossentropy"}
    metrics = {"digit": ["acc"], "odd": [keras.metrics.BinaryAccuracy(name="acc")]}
    model.compile("adam", losses, metrics=metrics)
    return model
"""


def test_with_several_outputs_the_sentence_names_monitor_and_it_works(tmp_path):
    path, root = tmp_path / "two.py", tmp_path / "root"
    path.write_text(TWO_OUTPUTS)
    words = "run", path, "--root", root, "--trials", 1
    refused = sweep(*words)
    assert refused.returncode == 1
    (only,) = re.findall(r"\(only (.*)\)", refused.stderr)
    # The order is that of Keras, and not the same in all its versions.
    assert sorted(only.split(", ")) == ["digit_acc", "digit_loss", "odd_acc", "odd_loss"]
    advice = refused.stderr.splitlines()[-1].rpartition("; write ")[2].rstrip(".")
    assert advice == 'MONITOR = "val_digit_acc"'
    path.write_text(f"{advice}\n{TWO_OUTPUTS}")
    done = sweep(*words)
    assert done.returncode == 0, done.stderr
    assert results(root, path)[0]["val_digit_acc"] > 0


LOGS_F1 = """    import keras

    def log(epoch, logs):
        logs["val_f1"] = 1 / (epoch + 1)

    return [keras.callbacks.LambdaCallback(on_epoch_end=log)]"""


def test_a_metric_that_nothing_logs_is_refused_after_an_epoch_and_nothing_is_stuck(
    trainer, space, tmp_path
):
    monitored = ("FIXED =", 'MONITOR = "val_f2"\nMODE = "max"\nFIXED =')
    path, root = space(monitored, (CALLBACKS, LOGS_F1)), tmp_path / "root"
    end = trainer(path, root, None, 2, TOY)
    assert end.ending == "refused"
    assert f'{path}: MONITOR has "val_f2", and the first epoch has logged no such' in end.why
    assert "only acc, loss, val_acc, val_f1, val_loss" in end.why
    assert list(experiences_in(root)) == [], "it is in the quarantine"
    path.write_text(path.read_text().replace("val_f2", "val_f1"))
    assert trainer(path, root, None, 2, TOY).ending == "outcome"
    outcome = only(root).read().outcome
    assert (outcome.values, outcome.epoch) == ({"val_f1": 1.0}, 0)


@pytest.mark.parametrize("of_user", ["[]", "[keras.callbacks.EarlyStopping()]"])
def test_a_metric_that_nothing_can_log_is_refused_before_an_epoch(
    trainer, space, tmp_path, of_user
):
    monitored = ("FIXED =", 'MONITOR = "val_auc"\nFIXED =')
    path = space(monitored, (CALLBACKS, f"    import keras\n\n    return {of_user}"))
    end = trainer(path, tmp_path / "root", None, 2, TOY)
    assert end.ending == "refused"
    assert 'no metric named "auc" (only acc); write MONITOR = "val_acc".' in end.why
    assert not list((tmp_path / "root").iterdir())


RAISES = """    import keras

    def fail(epoch, logs):
        assert epoch < 1, "of the user"

    return [keras.callbacks.LambdaCallback(on_epoch_end=fail)]"""


def test_an_epoch_whose_end_a_callback_breaks_off_is_logged_and_may_be_the_best(
    trainer, space, tmp_path
):
    trainer(space((CALLBACKS, RAISES)), tmp_path, None, 2, TOY)
    experience = only(tmp_path)
    outcome = experience.read().outcome
    assert outcome.state is State.FAILED
    assert "of the user" in outcome.reason
    curve = read_curve(experience.log, "val_acc")
    assert len(curve) == 2
    assert outcome.values == {"val_acc": max(curve)}
    assert outcome.model, "it is that of an epoch in the log"


LOG = """
import json
from pathlib import Path

import keras
import numpy as np

from sweep.errors import SweepError
from sweep.training.saving.log_callback import Log


class Model:
    stop_training = False


def log_of(header="", **how):
    path = Path(PATH)
    path.write_bytes(header.encode())
    log = Log(path, **how)
    log.set_model(Model())
    log.on_train_begin()
    return log


def written(log, *epochs, of_model=("loss",)):
    try:
        for epoch, logs in enumerate(epochs):
            log.note_metrics({name: logs[name] for name in of_model})
            log.on_epoch_end(epoch, logs)
    except SweepError as error:
        return str(error).partition(": ")[2]
    return log.file.text()


tenth = np.float32(0.1)
odd = {
    "array": np.array([[tenth]]), "half": np.float16(0.1), "integer": 3, "large": np.int64(2**60),
    "loss": 0.1, "none": None, "several": np.array([1.5, 2]), "tensor": keras.ops.array(tenth),
    "text": "a, b\\nc", "yes": np.bool_(True), "epoch": 7, "two\\nlines": 1, 5: 5,
}
loss, rate = {"loss": 0.5}, {"loss": 0.5, "learning_rate": 0.25}
first, second = {**loss, "b": 1}, {**loss, "c": 2}
both = {**loss, "mae": 2}
lost = "epoch,loss,mae,val_loss,val_mae\\r\\n"
print(json.dumps({
    "odd": written(log_of(), odd),
    "first decides": written(log_of(is_of_model_alone=False), first, second),
    "older": written(log_of("epoch,loss\\r\\n"), rate),
    "no rate any more": written(log_of("epoch,learning_rate,loss\\r\\n"), loss),
    "new metric": written(log_of("epoch,loss\\r\\n"), both, of_model=("loss", "mae")),
    "lost metric": written(log_of(lost), {**loss, "val_loss": 2}),
}))
"""


def test_a_row_of_the_log_holds_what_callbacks_log_and_the_first_row_decides_the_columns(tmp_path):
    found = in_keras(LOG.replace("PATH", repr(str(tmp_path / "log.csv"))))
    tenth = 0.10000000149011612  # of a float32, to the last bit
    header, row = found.pop("odd").splitlines()
    assert header == "epoch,array,half,integer,large,loss,none,several,tensor,text,yes"
    assert row == (
        f'0,{tenth},0.0999755859375,3,{2**60},0.1,None,"""[1.5, 2.0]""",{tenth},"a, b c",True'
    )
    assert found == {
        "first decides": "epoch,b,loss\r\n0,1,0.5\r\n1,NA,0.5\r\n",
        "older": "epoch,loss\r\n0,0.5\r\n",
        "no rate any more": "epoch,learning_rate,loss\r\n0,NA,0.5\r\n",
        "new metric": "the columns are epoch, loss, where this training writes epoch, loss, mae; "
        "move this foreign file away.",
        "lost metric": "the columns are epoch, loss, mae, val_loss, val_mae, where this training "
        "writes epoch, loss, val_loss; move this foreign file away.",
    }


def test_an_epoch_that_lacks_the_monitored_metric_is_read_as_nan(tmp_path):
    log = b"epoch,loss,val_f1\r\n0,1,0.5\r\n1,1,NA\r\n2,1,0.75\r\n"
    assert str(curve_of(log, tmp_path, "val_f1")) == "[0.5, nan, 0.75]"


def test_an_epoch_that_lacks_the_monitored_metric_is_not_judged_by_a_pruner():
    study = Study("toy", None, StudyOptions("random", 0, "threshold:lower=0.25", 2))
    trial = study.ask()
    assert study.report(trial, 0, math.nan) is None
    outcome = Outcome(State.FINISHED, now(), values={"val_f1": 0.5})
    study.tell(trial, outcome, [math.nan, 0.5])
    (told,) = study.trials()
    assert (told.intermediate_values, told.value) == ({1: 0.5}, 0.5)


LOGS_F1_ONCE = LOGS_F1.replace("        logs[", "        if not epoch:\n            logs[")


def test_with_several_objectives_each_epoch_needs_all(trainer, space, tmp_path):
    monitored = ("FIXED =", 'MONITOR = ["val_acc", "val_f1"]\nFIXED =')
    trainer(space(monitored, (CALLBACKS, LOGS_F1_ONCE)), tmp_path, None, 2, TOY)
    outcome = only(tmp_path).read().outcome
    assert (outcome.state, outcome.reason) == (
        State.FAILED,
        "val_f1 is not logged at the end of epoch 1",
    )


ZEROES = """    import keras

    class Zeroes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.kept = self.model.get_weights()
            self.model.set_weights([weight * 0 for weight in self.kept])

        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                self.model.set_weights(self.kept)

    return [Zeroes()]"""
COMPILES = """    import keras

    class Compiles(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights = self.model.get_weights()
            self.model.set_weights([weight * 0 for weight in weights])
            loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=epoch)
            self.model.compile(keras.optimizers.SGD(0.1), loss, metrics=["acc"])
            self.model.make_train_function(force=True)
            self.model.set_weights(weights)

    return [Compiles()]"""
SWAPS = """    import keras

    class Averaged(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.mean = self.model.get_weights()

        def on_train_batch_end(self, batch, logs=None):
            now = self.model.get_weights()
            self.mean = [0.9 * m + 0.1 * w for m, w in zip(self.mean, now)]

        def on_test_begin(self, logs=None):
            self.raw = self.model.get_weights()
            self.model.set_weights(self.mean)

        def on_test_end(self, logs=None):
            self.model.set_weights(self.raw)

        def on_epoch_end(self, epoch, logs=None):
            x, y = load_data()[0]
            self.model.evaluate(x, y, verbose=0)  # of the raw weights, for the user's own eyes

    return [Averaged()]"""


@pytest.mark.parametrize(
    "of_user", sampled([ZEROES, COMPILES, SWAPS, "swap_ema_weights"], SWAPS, "swap_ema_weights")
)
def test_the_best_model_is_the_one_that_was_validated(space, tmp_path, of_user):
    is_of_zoo = "\n" not in of_user
    path = zoo.FOLDER / f"{of_user}.py" if is_of_zoo else space((CALLBACKS, of_user))
    run(tmp_path / "root", "--trials", 1, space=path)
    verified = sweep("verify", path, "--root", tmp_path / "root", "--models")
    assert verified.returncode == 0, verified.stdout
    assert "1 loaded and evaluated" in verified.stdout


KEPT_IN_MEMORY = """
import json, math, pathlib
import keras
from sweep.space.objectives import Objective
from sweep.training.saving.best_model_callback import BestModel

model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
path = pathlib.Path("PATH")
values = [variable.value for variable in model.variables]
best = BestModel(path, Objective("val_acc", "max"), None, lambda: values)
best.set_model(model)
found = []
for epoch, value in enumerate([0.5, 0.9, 0.6]):
    model.variables[0].assign([[value]])
    best.note_validated()
    model.variables[0].assign([[7.0]])
    best.on_epoch_end(epoch, {"val_acc": value})
    found.append(model.variables[0].numpy().item())
best.write_now()
print(json.dumps([*found, keras.models.load_model(path).variables[0].numpy().item()]))
"""


def test_a_best_model_that_is_kept_in_memory_is_the_one_that_was_validated(tmp_path):
    code = KEPT_IN_MEMORY.replace("PATH", str(tmp_path / "meilleur.model.keras"))
    assert in_keras(code) == pytest.approx([7.0, 7.0, 7.0, 0.9])
