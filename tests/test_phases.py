"""A training in phases: the model is prepared between them, and a cut anywhere changes nothing."""

from pathlib import Path

import pytest

from support.bits import assert_equal, last_weights, only, trained
from support.command import rows_logged, sweep
from support.tiers import sampled
from support.trainer import FIXED, PARAMETERS
from sweep.space.phases import Phase, are_extended, reading_phases
from sweep.training.training_phases import TrainingPhases
from sweep.training.training_progress import TrainingProgress

IN_EACH_PHASE = [{"epoch": epoch, "batch": 5} for epoch in (1, 3, 5, 7)]
AT_EACH_END = [{"epoch": epoch, "end": True} for epoch in (1, 4, 5, 7)]
WHILE_PREPARED = [{"phase": 2}, {"phase": 4}]


def test_killed_ten_times_in_each_phase_and_between_it_ends_as_if_uncut(trainer, uncut, tmp_path):
    cuts = sorted(IN_EACH_PHASE + AT_EACH_END, key=lambda cut: (cut["epoch"], "end" in cut))
    cuts[2:2], cuts[7:7] = WHILE_PREPARED[:1], WHILE_PREPARED[1:]
    experience = trainer.cut_and_resume("phased", tmp_path, *cuts)
    assert_equal(experience, uncut("phased"))
    record = experience.read()
    assert len(record.sessions) == 11
    assert not record.approximate_because


STOPS = (
    'keras.callbacks.EarlyStopping("val_acc", mode="max", patience=7)',
    'Stops("val_acc", mode="max", patience=1, min_delta=1, restore_best_weights=True)',
)
# EarlyStopping of Keras 3.13 keeps its best value from one ``fit`` to the next.
BEGINS_ANEW = (
    "class Noisy(",
    """class Stops(keras.callbacks.EarlyStopping):
    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.best = None


class Noisy(""",
)
ENDS_PHASE = ('MONITOR = "val_acc"', 'MONITOR = "val_acc"\nEARLY_STOPPING_ENDS = "phase"')
# Phases of 2, 3, 1 and 2 epochs, each of which is stopped after two.
STOPPED = [{"epoch": 1, "end": True}, {"epoch": 2, "batch": 5}, {"epoch": 5, "batch": 3}]


def epochs_logged(experience):
    return [int(row.split(",")[0]) for row in experience.log.read_text().splitlines()[1:]]


def test_a_callback_that_stops_the_training_ends_all_of_it(trainer, space, tmp_path):
    whole = {**PARAMETERS["phased"], **FIXED["phased"]}
    assert (
        trainer(space(STOPS, BEGINS_ANEW, of="phased"), tmp_path, parameters=whole).ending
        == "outcome"
    )
    assert epochs_logged(only(tmp_path)) == [0, 1]
    assert only(tmp_path).state() == "finished"


def test_it_ends_its_phase_where_the_search_space_says_so(trainer, space, tmp_path):
    whole = {**PARAMETERS["phased"], **FIXED["phased"]}
    path = space(STOPS, BEGINS_ANEW, ENDS_PHASE, of="phased")
    experience = trainer.cut_and_resume(path, tmp_path / "cut", *STOPPED, parameters=whole)
    trainer(path, tmp_path / "uncut", parameters=whole)
    assert_equal(experience, only(tmp_path / "uncut"))
    # The second phase is stopped after two of its three epochs.
    assert epochs_logged(experience) == [0, 1, 2, 3, 4, 5, 6]


# Keras puts averages into the weights at the end of each ``fit``, and asks at its beginning how
# many batches a call has. Each epoch ends with a backup, as where a stop is asked for there.
AVERAGED = [
    ("Adam(0.02)", "Adam(0.02, use_ema=True, ema_momentum=0.9)"),
    ('metrics=["acc"])', 'metrics=["acc"], steps_per_execution=1 + model.base.trainable)'),
    ("import keras\n", "import keras\nfrom sweep.training.saving import save_schedule\n"),
    (
        "0.1 * (epoch + 1)\n",
        """0.1 * (epoch + 1)
        save_schedule.SaveSchedule.is_due_by_batches = lambda self: True

    def on_epoch_begin(self, epoch, logs=None):
        save_schedule.SaveSchedule.is_due_by_batches = lambda self: False
""",
    ),
]


@pytest.mark.long
def test_resumed_between_two_phases_it_does_what_keras_does_around_a_fit(trainer, space, tmp_path):
    whole = {**PARAMETERS["phased"], **FIXED["phased"]}
    path = space(*AVERAGED, of="phased")
    cuts = {"phase": 2}, {"epoch": 2, "batch": 1}, {"epoch": 4, "batch": 5}
    experience = trainer.cut_and_resume(path, tmp_path / "cut", *cuts, parameters=whole)
    sessions = experience.read().sessions
    assert [(one.epoch, one.batch) for one in sessions[1:3]] == [(2, 0), (2, 0)]
    trainer(path, tmp_path / "uncut", parameters=whole)
    assert_equal(experience, only(tmp_path / "uncut"))


UNFROZEN = [
    ("    model.base.trainable = True\n    model.norm.trainable = False\n", ""),
    (
        "self.model.penalty = 0.1 * (epoch + 1)\n",
        """if epoch == 0:
            self.model.base.trainable = True
            compile_with(self.model, keras.optimizers.SGD(0.05, momentum=0.9))
            self.model.make_train_function(force=True)
""",
    ),
    (
        "    compile_with(model, keras.optimizers.Adam(float(model.optimizer.learning_rate) / 2))",
        "    model.penalty = 0.2",
    ),
]


@pytest.mark.long
def test_what_a_callback_has_compiled_stays_where_the_next_phase_compiles_nothing(
    trainer, space, tmp_path
):
    whole = {**PARAMETERS["phased"], **FIXED["phased"]}
    path = space(*UNFROZEN, of="phased")
    cuts = {"phase": 2}, {"epoch": 3, "batch": 5}, {"epoch": 5, "batch": 5}
    experience = trainer.cut_and_resume(path, tmp_path / "cut", *cuts, parameters=whole)
    trainer(path, tmp_path / "uncut", parameters=whole)
    assert trained(tmp_path / "cut") == trained(tmp_path / "uncut")
    assert last_weights(experience) == last_weights(only(tmp_path / "uncut"))
    assert experience.read().approximate_because is None


class Heard:
    """A callback that notes what it is told."""

    params, model = None, None

    def __init__(self):
        self.names = []

    def __getattr__(self, name):
        return lambda *_: self.names.append(name)


def test_where_a_phase_is_a_training_it_begins_with_the_model_that_is_prepared_for_it():
    heard = Heard()
    phases = TrainingPhases(
        [Phase(1), Phase(1, heard.prepare)],
        TrainingProgress(),
        lambda number: heard.names.append(f"entered {number}"),
        heard.noted,
        [heard],
    )
    phases.begin_next(1)
    order = ["on_train_end", "entered 1", "set_params", "set_model", "on_train_begin", "noted"]
    assert heard.names == order


def test_the_epochs_of_a_phase_may_be_of_numpy():
    numpy = pytest.importorskip("numpy")
    read = reading_phases(lambda: [(numpy.int64(2), None)], Path("space.py"))
    ((epochs, _, _),) = read({})
    assert (epochs, type(epochs)) == (2, int)


@pytest.mark.parametrize(
    ("shorter", "longer", "are"),
    [
        ([2, 2], [2, 6], True),
        ([4], [4, 4], True),
        ([4], [8], True),
        ([2, 2], [4, 4], False),
        ([2, 2], [6, 2], False),
        ([2, 2], [8], False),
        ([4], [2, 6], False),
    ],
)
def test_only_a_training_that_begins_with_the_same_phases_extends_another(shorter, longer, are):
    assert are_extended(*(tuple(map(Phase, epochs)) for epochs in (shorter, longer))) is are


COMPILE = "compile_with(model, keras.optimizers.Adam(float(model.optimizer.learning_rate) / 2))"
METRICS = "it compiles the metrics accuracy, loss, and the phase before has acc, loss"
REFUSED = {
    "changes what is trainable, which has no effect before the model is compiled": (
        COMPILE,
        "pass",
    ),
    METRICS: (
        COMPILE,
        'model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])',
    ),
    "it returns another model; change the one that it is given": (
        "    cut.at_phase(2)\n",
        "    return keras.Sequential()\n",
    ),
}


@pytest.mark.parametrize("sentence", sampled(REFUSED, METRICS))
def test_a_phase_that_cannot_be_trained_is_refused_and_loses_nothing(
    trainer, space, tmp_path, sentence
):
    whole = {**PARAMETERS["phased"], **FIXED["phased"]}
    path = space(REFUSED[sentence], of="phased")
    end = trainer(path, tmp_path, parameters=whole)
    assert end.ending == "refused"
    assert f"{path}, fine_tune: " in end.why
    assert sentence in end.why
    assert only(tmp_path).state() == "cut_off"
    assert epochs_logged(only(tmp_path)) == [0, 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((COMPILE, "compile_it(model)"), "NameError: name 'compile_it' is not defined"),
        ((COMPILE, "pass"), "fine_tune: it changes what is trainable, which has no effect"),
    ],
    ids=["an error", "a refusal"],
)
def test_a_mistake_in_a_later_phase_is_told_before_anything_is_trained(
    space, tmp_path, change, sentence
):
    path = space(change, of="phased")
    done = sweep("run", path, "--root", tmp_path / "root", "--trials", 1)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert sentence in done.stderr
    assert not rows_logged(tmp_path / "root")
