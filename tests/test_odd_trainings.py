"""Trainings that few write and that must not be lost either."""

import math
import os
import threading
from dataclasses import replace

import psutil
import pytest

from support.bits import assert_equal, only
from support.command import Running, in_keras, python, sweep
from support.tiers import sampled
from sweep.experience import backup_files
from sweep.experience.entries import FolderHolder
from sweep.experience.folder import experiences_in
from sweep.experience.record import State
from sweep.running import local_processes
from sweep.system import gpu
from sweep.system.host import ProcessId, machine
from sweep.training.protocol import EpochDone

TOY = {"units": 4, "rate": 0.1}
CALLBACKS = "    return [cut.Cut()]"
DRAWS = """

class Model(keras.Sequential):
    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        return super().train_step((x + tf.random.normal(tf.shape(x)), y))


def build_model("""
UNSAVEABLE = """
    class Own(keras.layers.Dense):
        def get_config(self):
            raise NotImplementedError("no config")

    hidden = Own("""
ENDS_ITSELF = """    import keras

    def end_after_8(batch, logs):
        limit.model.stop_training = limit.model.optimizer.iterations == 8

    limit = keras.callbacks.LambdaCallback(on_train_batch_end=end_after_8)
    return [limit, cut.Cut()]"""


@pytest.mark.parametrize(
    ("because", "changes"),
    [
        (
            "Counts.numbers, a generator",
            [
                (
                    "self.batches, self.epochs,",
                    "self.numbers = (n for n in [1]); next(self.numbers); "
                    "self.batches, self.epochs,",
                )
            ],
        ),
        (
            "the state of RandomStandardNormal, by which train_step draws",
            [
                ("\n\ndef build_model(", DRAWS),
                ("model = keras.Sequential(", "model = Model("),
            ],
        ),
    ],
)
def test_a_state_that_no_backup_holds_is_called_approximate_and_why(
    trainer, space, tmp_path, because, changes
):
    path = space(*changes, of="mlp")
    parameters = {"units": 8, "rate": 0.02, "epochs": 2, "batch_size": 32, "seed": 0}
    assert "SIGKILL" in trainer(path, tmp_path, {"epoch": 1, "batch": 2}, parameters=parameters).why
    assert trainer(path, tmp_path, parameters=parameters).ending == "outcome"
    assert because in only(tmp_path).read().approximate_because


ELSEWHERE = {
    "on another processor: Z80, then ": ("processor", "Z80"),
    "with other versions: {'python': '2.7'}, then ": ("versions", {"python": "2.7"}),
    "with ONEDNN_MAX_CPU_ISA=nothing in place of SSE41": (
        "machine",
        replace(machine(), hash_seed="0", environment={"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    ),
}


@pytest.mark.parametrize("says", ELSEWHERE)
def test_a_training_that_goes_on_elsewhere_is_called_approximate(trainer, space, tmp_path, says):
    path = space()
    what, value = ELSEWHERE[says]
    assert "SIGKILL" in trainer(path, tmp_path, {"epoch": 1, "batch": 2}, 2, TOY).why
    record = only(tmp_path).read()
    setattr(record.sessions[-1], what, value)
    only(tmp_path).write(record)
    assert trainer(path, tmp_path, None, 2, TOY).ending == "outcome"
    assert f"it went on {says}" in only(tmp_path).read().approximate_because


def test_a_session_of_an_older_version_knows_no_machine_and_none_is_compared(
    trainer, space, tmp_path
):
    path = space()
    assert "SIGKILL" in trainer(path, tmp_path, {"epoch": 1, "batch": 2}, 2, TOY).why
    record = only(tmp_path).read()
    assert record.sessions[-1].machine == replace(machine(), hash_seed="0")
    record.sessions[-1].machine = None
    only(tmp_path).write(record)
    assert trainer(path, tmp_path, None, 2, TOY).ending == "outcome"
    assert only(tmp_path).read().approximate_because is None


HIDDEN = '    hidden = keras.layers.Dense(parameters["units"], activation="relu")\n'
SET = """    units = {"layer of 4": 4, "layer of 5": 5, "layer of 6": 6, "layer of 7": 7}
    hidden = keras.Sequential([keras.layers.Dense(units[name]) for name in set(units)])
"""


@pytest.mark.long
@pytest.mark.cold
def test_a_set_has_the_same_order_in_every_session(space, tmp_path):
    path = space((HIDDEN, SET))
    orders, logs = set(), set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        order = "print(list({'layer of 4', 'layer of 5', 'layer of 6', 'layer of 7'}))"
        orders.add(python("-c", order, env=environment).stdout)
        words = ("run", path, "--root", tmp_path / seed, "--trials", 1, "--epochs", 1)
        assert sweep(*words, env=environment).returncode == 0
        logs.add(only(tmp_path / seed).log.read_bytes())
    assert len(orders) == 2, "these seeds do show it"
    assert len(logs) == 1


@pytest.mark.long
def test_a_training_that_is_spawned_for_a_gpu_s_sake_equals_a_forked_one(
    trainer, space, tmp_path, monkeypatch
):
    path = space()
    assert trainer(path, tmp_path / "twin", parameters=TOY).ending == "outcome"
    monkeypatch.setattr(gpu, "is_visible", lambda: True)
    place = local_processes.LocalProcesses([])
    place.start()
    job = trainer.job(path, tmp_path, parameters=TOY)
    assert place.train(job, threading.Event(), lambda news: False).ending == "outcome"
    assert_equal(only(tmp_path), only(tmp_path / "twin"))


def test_a_training_that_ends_itself_inside_an_epoch_is_validated_after_a_cut_too(
    trainer, space, tmp_path
):
    path = space((CALLBACKS, ENDS_ITSELF))
    assert trainer(path, tmp_path / "twin", parameters=TOY).ending == "outcome"
    assert "SIGKILL" in trainer(path, tmp_path, {"epoch": 1, "validation": True}, 4, TOY).why
    position = backup_files.newest_position(only(tmp_path).sauvegarde)
    assert (position.epoch, position.batch, position.stop_training) == (1, 3, True)
    assert trainer(path, tmp_path, parameters=TOY).ending == "outcome"
    assert_equal(only(tmp_path), only(tmp_path / "twin"))
    assert only(tmp_path).log.read_text().count("\n") == 3, "a header and two epochs"


def test_a_metric_that_is_a_vector_is_logged_and_kept_over_a_cut(trainer, space, tmp_path):
    path = space(
        (
            "    return (x[:250]",
            "    import numpy as np\n\n    y = np.eye(10)[y]\n    return (x[:250]",
        ),
        (
            '"sparse_categorical_crossentropy", metrics=["acc"',
            '"categorical_crossentropy", metrics=["acc", keras.metrics.F1Score()',
        ),
    )
    assert trainer(path, tmp_path / "twin", parameters=TOY).ending == "outcome"
    assert "SIGKILL" in trainer(path, tmp_path, {"epoch": 1, "batch": 3}, 2, TOY).why
    assert trainer(path, tmp_path, None, 2, TOY).ending == "outcome"
    assert_equal(only(tmp_path), only(tmp_path / "twin"))
    assert "f1_score" in only(tmp_path).log.read_text()


def test_a_training_with_a_metric_that_is_nan_goes_on_after_a_stop(trainer, space, tmp_path):
    """Its session leaves the metric as evidence, and a record with NaN is unequal to itself."""

    def stop(news):
        if isinstance(news, EpochDone):
            trainer.stop.set()
        return False

    odd = "lambda y, guess: keras.ops.mean(guess) * float('nan')"
    path = space(('metrics=["acc"]', f'metrics=["acc", {odd}]'))
    assert trainer(path, tmp_path, parameters=TOY, on_news=stop).ending == "stopped"
    sample = only(tmp_path).read().sessions[-1].ended.sample
    assert any(math.isnan(value) for value in sample[2].values() if isinstance(value, float))
    assert trainer(path, tmp_path, parameters=TOY).ending == "outcome"
    record = only(tmp_path).read()
    assert record.sessions[-1].proof.differs == []
    assert record.approximate_because is None


def test_an_error_that_names_a_descriptor_and_no_file_is_the_search_space_s(
    trainer, space, tmp_path
):
    path = space((CALLBACKS, f"    import os\n\n    os.stat(10**6)\n{CALLBACKS}"))
    end = trainer(path, tmp_path, parameters=TOY)
    assert end.ending == "unprepared"
    assert "OSError: [Errno 9] Bad file descriptor" in end.why


def test_a_model_that_cannot_be_saved_fails_and_says_so(trainer, space, tmp_path):
    path = space(("\n    hidden = keras.layers.Dense(", UNSAVEABLE))
    assert trainer(path, tmp_path, parameters=TOY).ending == "outcome"
    assert only(tmp_path).state() is State.FAILED
    assert "NotImplementedError: no config" in only(tmp_path).read().outcome.reason


def test_a_training_that_another_machine_has_taken_over_writes_no_more_backups(
    trainer, space, tmp_path
):
    path = space()
    another = ProcessId(host="another", pid=7, started=0.0)

    def take_over(news):
        if isinstance(news, EpochDone) and news.epoch == 0:
            record = only(tmp_path).read()
            record.sessions.append(replace(record.sessions[-1], process=another))
            record.holder = FolderHolder(number=2, **vars(another))
            only(tmp_path).write(record)
        return False

    end = trainer(path, tmp_path, save_freq=5, parameters=TOY, on_news=take_over)
    assert end.ending == "refused"
    assert "is trained by process 7 on another by now, and no longer here: see there." in end.why
    assert backup_files.newest_position(only(tmp_path).sauvegarde).epoch <= 1
    assert only(tmp_path).read().sessions[-1].process == another


def test_what_a_callback_evaluates_is_its_own_data(trainer, space, tmp_path):
    mine = """    import keras

    class OwnTest(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            (x, y), _ = load_data()
            told = self.model.evaluate(x[:60], y[:60], batch_size=20, verbose=0)[1]
            true = float((self.model.predict(x[:60], verbose=0).argmax(-1) == y[:60]).mean())
            assert abs(told - true) < 1e-6, (told, true)

    return [OwnTest()]
"""
    path = space((CALLBACKS, mine))
    assert trainer(path, tmp_path, parameters=TOY).ending == "outcome"
    experience = only(tmp_path)
    assert experience.read().outcome.reason is None


UNFREEZES = """    import keras

    class Unfreezes(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.layers[0].trainable = False
                self.model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
                self.model.make_train_function(force=True)

    return [Unfreezes()]
"""


def test_a_callback_may_compile_the_model_anew(trainer, space, tmp_path):
    path = space((CALLBACKS, UNFREEZES))
    assert trainer(path, tmp_path, parameters=TOY).ending == "outcome"
    assert only(tmp_path).read().outcome.state == State.FINISHED, only(tmp_path).read().outcome


LOGS_EACH_SAMPLE = """

class Model(keras.Sequential):
    def train_step(self, data):
        return {**super().train_step(data), "each": data[1]}


def build_model("""


def test_a_train_step_may_log_what_has_no_fixed_size(trainer, space, tmp_path):
    path = space(
        ("\n\ndef build_model(", LOGS_EACH_SAMPLE),
        ("FIXED =", "import keras\n\nFIXED ="),
        ("keras.Sequential(layers)", "Model(layers)"),
    )
    trainer(path, tmp_path, parameters=TOY)
    assert only(tmp_path).read().outcome.state == State.FINISHED, only(tmp_path).read().outcome


def test_functions_and_dicts_of_ones_own_are_told_apart_and_put_back(tmp_path):
    """A function of NumPy, attributes of a dict, and in words a function that cannot be saved."""
    (tmp_path / "mine.py").write_text(
        "import numpy\n\n\nclass Own(dict):\n    n = 0\n\n\n"
        "there, new, function = Own(), None, numpy.sqrt\nthere.n = 1\n"
        "own = lambda: 1\n\n\ndef make():\n    return lambda: 2\n"
    )
    code = f"""
import json, sys
import numpy as np
from sweep.training.state import changes, restoring
from sweep.training.state.object_graph import Graph
sys.path.insert(0, {str(tmp_path)!r})
import mine
graph = lambda: Graph({{"mine": mine}}, [])
built, arrays, found = graph(), {{}}, []
mine.function, mine.there.n, mine.there["a"] = np.square, 2, 3
mine.new, mine.own = mine.Own(b=4), mine.make()
mine.new.n = 5
saved, left_out = changes.capture_changes(graph(), built, arrays)
saved = json.loads(json.dumps(saved))
restoring.undo(graph(), built)
found.append([mine.function is np.sqrt, dict(mine.there), mine.there.n, mine.new])
lost = restoring.restore(graph(), built, saved, arrays)
found.append([mine.function is np.square, mine.there, mine.there.n, mine.new, mine.new.n])
print(json.dumps([*found, type(mine.new).__name__, left_out, lost]))
"""
    undone, restored, kind, left_out, lost = in_keras(code)
    assert undone == [True, {}, 1, None]
    assert restored == [True, {"a": 3}, 2, {"b": 4}, 5]
    assert (kind, left_out, lost) == ("Own", ["mine.own.code, a code"], [])


LEFT_BEHIND = {
    "a thread": "import threading; threading.Thread(target=time.sleep, args=(10**6,)).start()",
    "a process": (
        "import multiprocessing as m; "
        "m.get_context('fork').Process(target=time.sleep, args=(10**6,)).start()"
    ),
}


@pytest.mark.parametrize("what", sampled(LEFT_BEHIND, "a thread"))
def test_what_a_search_space_leaves_at_work_keeps_no_sweep_waiting(space, tmp_path, what):
    path = space(("    import keras\n\n", f"    import keras, time\n\n    {LEFT_BEHIND[what]}\n"))
    root = tmp_path / "root"
    running = Running(root, "--trials", 2, "--sampler", "random", space=path, hold=0).held()
    processes = running.tree.children(recursive=True)
    assert running.go_on().end()[0] == 0
    assert [one.state() for one in experiences_in(root)] == [State.FINISHED] * 2
    assert psutil.wait_procs(processes, timeout=10)[1] == [], "nothing of it outlives the sweep"
