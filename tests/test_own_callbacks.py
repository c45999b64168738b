"""Callbacks and settings that do not fit are refused at once, with the way that does."""

from types import SimpleNamespace

import keras
import pytest

from sweep.errors import Misuse
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import load
from sweep.space.source import find
from sweep.system.keras_backend import check_backend
from sweep.training.user_callbacks import user_callbacks

PRUNER = "let sweep run prune by --pruner median"


class Backup(keras.callbacks.BackupAndRestore):
    pass


class KerasPruningCallback(keras.callbacks.Callback):
    """Stands in for that of optuna_integration, which is not installed here."""

    __module__ = "optuna_integration.keras.keras"


def returned(tmp_path, *callbacks):
    space = SimpleNamespace(
        source=SimpleNamespace(path=tmp_path / "space.py"), callbacks=lambda *_: list(callbacks)
    )
    return user_callbacks(space, {}, tmp_path / "experience")


def checkpoint(tmp_path, *parts):
    return keras.callbacks.ModelCheckpoint(tmp_path.joinpath(*parts), monitor="val_acc")


def csv_logger(tmp_path, *parts):
    return keras.callbacks.CSVLogger(tmp_path.joinpath(*parts), append=True)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda path: Backup(path / "backup"),
            "callbacks returns a Backup; every training has one already, which resumes it at the "
            "batch: leave yours out.",
        ),
        (
            lambda path: checkpoint(path, "experience", "meilleur.model.keras"),
            "experience/meilleur.model.keras, which every training writes itself: leave yours out",
        ),
        (
            lambda path: checkpoint(path, "experience", "sauvegarde", "{epoch}.keras"),
            "which every training writes itself: leave yours out, or name another file.",
        ),
        (
            lambda path: csv_logger(path, "other", "..", "experience", "log.csv"),
            "a CSVLogger that writes",
        ),
        (
            lambda path: KerasPruningCallback(),
            f"a KerasPruningCallback of Optuna's; leave it out, and {PRUNER}",
        ),
    ],
)
def test_what_every_training_does_already_is_refused_with_the_mend(tmp_path, make, says):
    (tmp_path / "other").mkdir()
    (tmp_path / "experience").mkdir()
    with pytest.raises(SearchSpaceWrong) as refused:
        returned(tmp_path, keras.callbacks.EarlyStopping(), make(tmp_path))
    assert says.replace("experience/", str(tmp_path / "experience") + "/") in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / 'space.py'}: ")


def test_files_of_their_own_may_lie_beside_those_of_the_training(tmp_path):
    (tmp_path / "experience").mkdir()
    allowed = [
        checkpoint(tmp_path, "best.keras"),
        checkpoint(tmp_path, "experience", "{epoch}.keras"),
        checkpoint(tmp_path, "other", "meilleur.model.keras"),
        csv_logger(tmp_path, "log.csv"),
        csv_logger(tmp_path, "experience", "history.csv"),
    ]
    assert returned(tmp_path, *allowed) == allowed


@pytest.mark.parametrize(
    "arguments", ["parameters, trial", "trial, parameters", "trial", "parameters, *, trial"]
)
def test_a_training_knows_no_trial(space, arguments):
    path = space(("def callbacks(parameters):", f"def callbacks({arguments}):"))
    with pytest.raises(SearchSpaceWrong) as refused:
        load(find(str(path)))
    says = "callbacks asks for trial, which it is not given; write def callbacks(parameters, folder"
    assert says in str(refused.value)
    assert PRUNER in str(refused.value)


RAISES = """
    import keras, optuna

    class Prune(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise optuna.TrialPruned("at epoch 0")

    return [Prune()]
"""


def test_a_training_that_prunes_itself_is_refused_and_its_trial_has_not_failed(
    trainer, space, tmp_path
):
    path = space(("    import cut\n\n    return [cut.Cut()]\n", RAISES))
    root = tmp_path / "root"
    end = trainer(path, root, parameters={"units": 4, "rate": 0.1})
    assert end.ending == "refused", end
    assert f"{path}, line 41: TrialPruned: at epoch 0: a training cannot prune its trial" in end.why
    assert PRUNER in end.why
    assert trainer.job(path, root, parameters={"units": 4, "rate": 0.1}).record.outcome is None


def test_another_backend_in_the_environment_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(Misuse, match="KERAS_BACKEND is 'jax', and sweep trains on TensorFlow"):
        check_backend()
    for variable in ("", "tensorflow"):
        monkeypatch.setenv("KERAS_BACKEND", variable)
        assert check_backend() is None


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ('{"backend": "torch"}', True),
        ('{"backend": "tensorflow"}', False),
        ("{}", False),
        ("[1]", False),
        ("{", False),
    ],
)
def test_another_backend_in_the_file_for_all_programs_is_told(monkeypatch, tmp_path, text, is_said):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    (tmp_path / "keras.json").write_text(text)
    said = f"{tmp_path / 'keras.json'} names the backend 'torch': sweep trains on TensorFlow"
    assert (check_backend() or "").startswith(said) is is_said
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert check_backend() is None
