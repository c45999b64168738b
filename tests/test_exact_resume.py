"""A training that is killed anywhere, any number of times, ends bit for bit as if never killed."""

import subprocess
import sys
import threading
import time
import zipfile

import pytest

from support.bits import assert_equal, only
from support.tiers import sampled
from support.trainer import FIXED, PARAMETERS, SPACES
from sweep.experience import backup_files, best_model
from sweep.experience.record import State
from sweep.training.protocol import Begun, EpochDone, Warned

AT_BATCHES = [{"epoch": epoch, "batch": batch} for epoch, batch in [(0, 0), (0, 9), (1, 0), (2, 9)]]
BETWEEN_EPOCHS = [{"epoch": epoch, "end": True} for epoch in (2, 5)]
IN_A_SAVE = [{"call": 40 + call} for call in range(1, 10)]  # test_resume.py has the steps of one

# Every kind of model, cut at a batch, between two epochs, and inside a save.
CUTS = [
    ("mlp", {"epoch": 1, "batch": 5}),
    ("mlp", {"epoch": 2, "end": True}),
    ("mlp", {"call": 43}),
    ("cnn", {"epoch": 1, "batch": 5}),
    ("cnn", {"epoch": 2, "end": True}),
    ("cnn", {"call": 16}),
    ("lstm", {"epoch": 1, "batch": 5}),
    ("lstm", {"epoch": 1, "end": True}),
    ("lstm", {"call": 27}),
]


@pytest.mark.parametrize(("name", "cut"), sampled(CUTS, *CUTS[:5], CUTS[-2]), ids=str)
def test_an_experience_cut_anywhere_ends_as_if_uncut(trainer, uncut, tmp_path, name, cut):
    assert_equal(trainer.cut_and_resume(name, tmp_path, cut), uncut(name))


@pytest.mark.long
@pytest.mark.parametrize("cut", AT_BATCHES + BETWEEN_EPOCHS + IN_A_SAVE, ids=str)
def test_an_experience_cut_at_any_other_place_ends_as_if_uncut(trainer, uncut, tmp_path, cut):
    assert_equal(trainer.cut_and_resume("mlp", tmp_path, cut), uncut("mlp"))


def test_twice_in_one_epoch_and_once_more(trainer, uncut, tmp_path):
    cuts = [{"epoch": 1, "batch": 4}, {"epoch": 1, "batch": 8}, {"epoch": 3, "batch": 0}]
    experience = trainer.cut_and_resume("mlp", tmp_path, *cuts)
    assert_equal(experience, uncut("mlp"))
    begun = [(session.epoch, session.batch) for session in experience.read().sessions]
    assert begun[0] == (0, 0)
    assert begun == sorted(begun)
    assert begun[-1][0] == 2, "the newest backup before (3, 0) is in epoch 2"


def test_at_most_save_freq_batches_are_trained_twice(trainer, tmp_path):
    trainer("mlp", tmp_path, {"epoch": 2, "batch": 8}, save_freq=3)
    trainer("mlp", tmp_path, save_freq=3)
    begun = next(news for news in trainer.news if isinstance(news, Begun))
    assert 2 * 10 + 8 - (begun.epoch * 10 + begun.batch) < 3


# Without a callback that hears of each batch, many batches are one call of TensorFlow.
UNHEARD = {
    "mlp": [("Counts(),", ""), ("cut.Cut(),", ""), ('"epochs": 6', '"epochs": 12')],
    "cnn": [("[cut.Cut()]", "[]"), ("steps_per_execution=3,", "")],
    "lstm": [("[cut.Cut()]", "[]")],
}


@pytest.mark.parametrize("name", sampled(UNHEARD, "mlp"))
def test_how_many_batches_go_into_a_call_changes_no_bit(trainer, tmp_path, space, name):
    parameters = {**PARAMETERS[name], **FIXED[name]}
    one_by_one, at_once = (tmp_path / folder for folder in ("one", "many"))
    path = space(*UNHEARD[name], of=name)
    trainer(path, one_by_one, save_freq=1, parameters=parameters)
    trainer(path, at_once, save_freq=1000, parameters=parameters)
    assert_equal(*(only(root) for root in (one_by_one, at_once)))


@pytest.mark.parametrize(
    ("name", "epoch", "save_freq"),
    sampled([("mlp", 1, 7), ("mlp", 4, 3), ("cnn", 2, 4), ("lstm", 0, 1)], "cnn"),
)
def test_killed_between_two_calls_of_many_batches_it_ends_as_if_uncut(
    trainer, tmp_path, space, name, epoch, save_freq
):
    parameters = {**PARAMETERS[name], **FIXED[name]}
    path = space(*UNHEARD[name], of=name)

    def kill(news):
        if isinstance(news, EpochDone) and news.epoch == epoch:
            trainer.place.kill()
        return False

    assert (
        "SIGKILL"
        in trainer(
            path, tmp_path / "cut", save_freq=save_freq, parameters=parameters, on_news=kill
        ).why
    )
    trainer(path, tmp_path / "cut", save_freq=save_freq, parameters=parameters)
    trainer(path, tmp_path / "uncut", save_freq=1000, parameters=parameters)
    assert_equal(*(only(tmp_path / root) for root in ("cut", "uncut")))


def test_what_is_pruned_keeps_its_best_model(trainer, tmp_path):
    end = trainer(
        "mlp",
        tmp_path,
        save_freq=1000,
        on_news=lambda news: isinstance(news, EpochDone) and news.epoch == 4,
    )
    experience = trainer.experience("mlp", tmp_path)
    assert (end.ending, experience.state()) == ("outcome", State.PRUNED)
    assert best_model.read_label(experience.meilleur) == experience.best(experience.read())


def test_without_a_backup_it_begins_again(trainer, uncut, tmp_path):
    experience = trainer.cut_and_resume("mlp", tmp_path, {"epoch": 0, "batch": 0}, save_freq=1000)
    assert_equal(experience, uncut("mlp"))
    assert [session.epoch for session in experience.read().sessions] == [0, 0]


def test_asked_to_stop_it_saves_at_the_next_batch_and_goes_on_there(trainer, uncut, tmp_path):
    def stop_in_epoch_1(news):
        if isinstance(news, EpochDone):
            trainer.stop.set()
        return False

    assert trainer("mlp", tmp_path, save_freq=1000, on_news=stop_in_epoch_1).ending == "stopped"
    experience = trainer.experience("mlp", tmp_path)
    position = backup_files.newest_position(experience.sauvegarde)
    assert position.epoch + position.batch > 0
    trainer("mlp", tmp_path, save_freq=1000)
    begun = next(news for news in trainer.news if isinstance(news, Begun))
    assert (begun.epoch, begun.batch) == (position.epoch, position.batch)
    assert_equal(experience, uncut("mlp"))


def test_asked_to_stop_in_a_long_validation_it_does_not_wait_for_its_end(trainer, uncut, tmp_path):
    waiting = threading.Thread(target=stop_once_it_waits, args=(trainer,))
    waiting.start()
    order = {"epoch": 0, "validation": True, "wait": True}  # nobody knows how long the first takes
    assert trainer("mlp", tmp_path, order, save_freq=1000).ending == "stopped"
    waiting.join()
    experience = trainer.experience("mlp", tmp_path)
    position = backup_files.newest_position(experience.sauvegarde)
    assert (position.epoch, position.batch) == (0, 10), (
        "after its last batch, before its validation"
    )
    assert trainer("mlp", tmp_path, save_freq=1000).ending == "outcome"
    assert_equal(experience, uncut("mlp"))


def stop_once_it_waits(trainer):
    reached = trainer.order.with_suffix(".reached")
    while not reached.exists():
        time.sleep(0.01)
    trainer.stop.set()
    time.sleep(1)  # the training hears it while it waits
    reached.unlink()


TORN = [
    ("experience.json", 0.6),
    ("log.csv", 0.0),
    ("log.csv", 0.6),
    ("meilleur.model.keras", 0.6),
    ("sauvegarde/latest.weights.h5", 0.6),
    ("sauvegarde/training_metadata.json", 0.0),
]


@pytest.mark.parametrize(("name", "part"), sampled(TORN, *TORN[3:5]))
def test_any_file_torn_after_a_cut_ends_as_if_uncut(trainer, uncut, tmp_path, name, part):
    trainer("mlp", tmp_path, {"epoch": 3, "batch": 2})
    experience = trainer.experience("mlp", tmp_path)
    path = experience.path / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert trainer("mlp", tmp_path).ending == "outcome"
    assert_equal(experience, uncut("mlp"))


def test_a_finished_experience_is_not_trained_again(trainer, tmp_path):
    trainer("cnn", tmp_path)
    experience = trainer.experience("cnn", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (experience.log, experience.meilleur)}
    trainer("cnn", tmp_path)  # the controller would not even ask; the folder itself holds out
    assert not [news for news in trainer.news if isinstance(news, EpochDone | Warned)]
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_fresh_process_has_keras_imported_already(trainer):
    look = (
        "import os, sys; "
        "os._exit(42 if {'sweep.training.train', 'sklearn.datasets'} <= set(sys.modules) else 1)"
    )
    child = trainer.place._context.Process(target=exec, args=(look,))
    child.start()
    child.join()
    assert child.exitcode == 42


def test_plain_keras_loads_every_file(uncut):
    """In a Python of its own, which does not import sweep."""
    experience = uncut("lstm")
    code = f"""
import sys
import keras
sys.path.insert(0, {str(SPACES)!r})
import lstm
(x, y), validation = lstm.load_data()
best = keras.models.load_model({str(experience.meilleur)!r})
print(best.evaluate(*validation, verbose=0, return_dict=True)["acc"])
model = lstm.build_model({{"units": 6}})
backup = keras.callbacks.BackupAndRestore(
    {str(experience.sauvegarde)!r},
    save_freq=1000,
    double_checkpoint=True,
    delete_checkpoint=False,
)
print(model.fit(x, y, epochs=5, verbose=0, callbacks=[backup]).epoch)
assert "sweep" not in sys.modules
"""
    with zipfile.ZipFile(experience.meilleur) as archive:
        assert archive.testzip() is None
    sauvegarde = {path: path.read_bytes() for path in experience.sauvegarde.iterdir()}
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    for path, content in sauvegarde.items():
        path.write_bytes(content)
    assert float(printed[0]) == pytest.approx(experience.read().outcome.values["val_acc"], abs=1e-7)
    assert printed[1] == "[3, 4]"
