"""A search that is killed and goes on proposes what an uncut one would."""

import contextlib
import errno
import json
import os
import resource
import signal
import threading
from pathlib import Path

import optuna
import pytest

from sweep.errors import StoppedWaiting, SweepError
from sweep.experience.entries import TrialEntry
from sweep.experience.record import Outcome, State
from sweep.names import PRUNERS, SAMPLERS
from sweep.search import storage_access
from sweep.search.journal import Journal
from sweep.search.pruners import BUILDERS
from sweep.search.samplers import CLASSES
from sweep.search.storage import is_of_storage
from sweep.search.study import Study
from sweep.search.study_check import check_distributions
from sweep.search.study_factory import StudyOptions
from sweep.system import files, plain_files


def open_study(path, sampler="tpe", pruner="none"):
    where = path / "study.journal" if path.is_dir() else path
    return Study("toy", where, StudyOptions(sampler, pruner=pruner, epochs=6))


def finished(value):
    return Outcome(State.FINISHED, "", values={"val_acc": value}, epoch=0)


def begin(study):
    trial = study.ask()
    study.suggest(trial, lambda trial: {"x": trial.suggest_float("x", 0, 1)})
    return trial


def frozen(path):
    backend = optuna.storages.journal.JournalFileBackend(str(path / "study.journal"))
    return optuna.load_study(
        study_name="toy", storage=optuna.storages.JournalStorage(backend)
    ).trials


def test_the_command_line_names_the_samplers_and_pruners_that_there_are():
    assert tuple(CLASSES) == SAMPLERS
    assert tuple(BUILDERS) == PRUNERS


def test_a_trial_that_was_left_running_is_attached_again(tmp_path):
    study = open_study(tmp_path)
    study.tell(begin(study), finished(0.3), [0.3])
    left = begin(study)
    again = open_study(tmp_path)
    (attached,) = again.interrupted_trials()
    assert (attached.number, attached.params) == (left.number, left.params) == (1, left.params)
    assert again.suggest(attached, lambda trial: trial.suggest_float("x", 0, 1)) == left.params["x"]
    again.tell(attached, finished(0.4), [0.1, 0.4])
    (_, told) = frozen(tmp_path)
    assert (told.state, told.value, told.intermediate_values) == (
        optuna.trial.TrialState.COMPLETE,
        0.4,
        {0: 0.1, 1: 0.4},
    )
    assert again.interrupted_trials() == []
    assert again.count_states() == {"finished": 2, "pruned": 0, "failed": 0}


def test_a_failure_keeps_its_reason(tmp_path):
    study = open_study(tmp_path)
    study.tell(
        begin(study), Outcome(State.FAILED, "", "it diverged"), [0.1], {"reason": "it diverged"}
    )
    (trial,) = frozen(tmp_path)
    assert (trial.state, trial.user_attrs["reason"]) == (
        optuna.trial.TrialState.FAIL,
        "it diverged",
    )


@pytest.mark.parametrize(
    "torn", [b'{"op_code": 8, "wor', b'{"op_code": 8}\n{"op_c', b"\x00" * 50, b"garbage\n"]
)
def test_a_torn_end_of_the_journal_is_cut_back_and_not_glued_to(tmp_path, torn):
    study = open_study(tmp_path)
    study.tell(begin(study), finished(0.3), [0.3])
    journal = tmp_path / "study.journal"
    whole = journal.read_bytes()
    if not torn.startswith(b'{"op_code": 8}'):
        journal.write_bytes(whole + torn)
    else:
        journal.write_bytes(whole + torn.partition(b"\n")[2])
    again = open_study(tmp_path)
    assert journal.read_bytes().startswith(whole)
    again.tell(begin(again), finished(0.4), [0.4])
    assert [trial.value for trial in frozen(tmp_path)] == [0.3, 0.4]
    for line in journal.read_bytes().splitlines():
        json.loads(line)


def test_the_lock_of_a_dead_process_stops_nobody(tmp_path):
    study = open_study(tmp_path)
    begin(study)
    Path(f"{tmp_path}/study.journal.lock").write_text("")
    again = open_study(tmp_path)
    assert begin(again).number == 1


def test_a_study_that_cannot_be_opened_says_what_to_do(tmp_path):
    (tmp_path / "study.journal").write_text('{"op_code": 99}\n')
    with pytest.raises(
        SweepError,
        match=r"study\.journal is out of reach .*move that file away: the folders are the truth",
    ):
        open_study(tmp_path)
    with pytest.raises(
        SweepError,
        match=(
            r"nowhere/at/all\.db is out of reach .*"
            r"check that the server runs and that the URL of --storage is right"
        ),
    ):
        Study("toy", "sqlite:////nowhere/at/all.db", StudyOptions("tpe"))


def test_the_pruner_is_asked_once_for_each_epoch(tmp_path):
    """Asked twice, with more trials known, it might answer otherwise.

    A cut training would then end elsewhere.
    """
    study = open_study(tmp_path, pruner="median")
    for _ in range(6):
        trial = begin(study)
        for epoch in range(3):
            assert study.report(trial, epoch, 0.9) is None
        study.tell(trial, finished(0.9), [0.9] * 3)
    bad = begin(study)
    answers = []
    while not any(answers):
        answers.append(study.report(bad, len(answers), 0.1))
    epoch = len(answers) - 1
    again = open_study(tmp_path, pruner="median")
    (attached,) = again.interrupted_trials()
    assert [again.report(attached, e, 0.1) for e in range(epoch + 1)] == answers[: epoch + 1]
    again.tell(
        attached, Outcome(State.PRUNED, "", "pruned", {"val_acc": 0.1}, 0), [0.1] * (epoch + 1)
    )
    assert frozen(tmp_path)[-1].state is optuna.trial.TrialState.PRUNED


def test_what_the_folder_keeps_of_a_trial_makes_it_again(tmp_path):
    study = open_study(tmp_path)
    trial = begin(study)
    entry = TrialEntry.from_content(json.loads(json.dumps(study.entry(trial).as_content())))
    distributions = {
        name: optuna.distributions.json_to_distribution(json.dumps(distribution))
        for name, distribution in entry.distributions.items()
    }
    made = optuna.trial.create_trial(params=entry.params, distributions=distributions, value=0.5)
    (kept,) = frozen(tmp_path)
    assert (made.params, made.distributions) == (kept.params, kept.distributions)
    assert entry.begun.endswith("+00:00")


@pytest.fixture
def sqlite(tmp_path):
    """Return a function that opens a study in one SQLite file; all are closed at the end."""
    opened = []

    def open_sqlite():
        opened.append(Study("toy", f"sqlite:///{tmp_path}/study.db", StudyOptions("tpe")))
        return opened[-1]

    yield open_sqlite
    for study in opened:
        study.optuna_study._storage._backend.engine.dispose()


def test_sqlite_is_a_storage_too(sqlite, tmp_path):
    sqlite().ask()
    assert len(sqlite().interrupted_trials()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]


class Cut(Exception):
    """Stands for a SIGKILL between two writes of the study."""


@pytest.mark.parametrize("pruner", ["successive_halving", "hyperband", "median"])
@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_cut_while_the_pruner_is_asked_changes_no_answer(tmp_path, monkeypatch, pruner, writes):
    """Halving notes which rungs a trial has passed: asked again, it would let every trial pass."""
    answers = {}
    for name in ("cut", "uncut"):
        folder = tmp_path / name
        folder.mkdir()
        study = open_study(folder, pruner=pruner)
        for value in (0.9, 0.8, 0.8, 0.7, 0.7, 0.6):
            trial = begin(study)
            for epoch in range(6):
                if study.report(trial, epoch, value):
                    break
            study.tell(trial, finished(value), [])
        trial, answers[name] = begin(study), []
        for epoch in range(6):
            if name == "cut":
                with monkeypatch.context() as patch:
                    cut_after(patch, study, writes)
                    with contextlib.suppress(Cut):
                        study.report(trial, epoch, 0.1)
                study = open_study(folder, pruner=pruner)
                (trial,) = study.interrupted_trials()
            answers[name].append(study.report(trial, epoch, 0.1))
            if answers[name][-1]:
                break
    assert answers["cut"] == answers["uncut"]
    assert answers["cut"][-1].startswith(f"{pruner} ended it after epoch ")


def cut_after(patch, study, writes):
    """Let the journal take so many writes, and no more."""
    backend = study.optuna_study._storage._backend
    append, seen = backend.append_logs, []

    def limited(logs):
        seen.append(logs)
        if len(seen) > writes:
            raise Cut
        append(logs)

    patch.setattr(backend, "append_logs", limited)


def test_a_journal_that_cannot_grow_is_one_sentence(tmp_path, monkeypatch):
    study = open_study(tmp_path)
    trial = begin(study)

    def full(logs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(study.optuna_study._storage._backend, "append_logs", full)
    for ask in (
        study.ask,
        lambda: study.report(trial, 0, 0.5),
        lambda: study.tell(trial, finished(0.5), [0.5]),
    ):
        with pytest.raises(
            SweepError, match=r"study\.journal is out of reach .*No space left on device"
        ):
            ask()


@pytest.fixture
def failing_disk(monkeypatch):
    """Let the disk of a journal fail so often with an error; each pause is short."""
    monkeypatch.setattr(files, "FIRST_PAUSE_S", 0.01)
    real = plain_files.open_plain

    def fail(number, times):
        left = [number] * times

        def fails(path, flags=os.O_RDONLY):
            if flags & os.O_APPEND and left:
                raise OSError(left.pop(), os.strerror(number))
            return real(path, flags)

        monkeypatch.setattr(plain_files, "open_plain", fails)

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE])
def test_a_journal_waits_for_a_disk_that_is_full_or_gone_and_says_so_once(
    tmp_path, failing_disk, number
):
    said = []
    study = Study("toy", tmp_path / "study.journal", StudyOptions("random"), said.append)
    trial = begin(study)
    failing_disk(number, 3)
    study.tell(trial, finished(0.5), [0.5])
    away, back = said
    assert f"study.journal does not answer ([Errno {number}] " in away
    assert back.endswith("study.journal answers again")
    failing_disk(number, 3)
    assert study.ask().number == 1
    assert [one.value for one in open_study(tmp_path).trials()] == [0.5, None]


def test_a_stop_and_patience_end_the_waiting_of_a_journal(tmp_path, failing_disk, monkeypatch):
    monkeypatch.setattr(storage_access, "PATIENCE_S", 0.05)
    stop = threading.Event()
    study = Study("toy", tmp_path / "study.journal", StudyOptions("random"), stop=stop)
    failing_disk(errno.ENOSPC, 999)
    with pytest.raises(SweepError, match=r"study\.journal is out of reach .*No space left"):
        study.ask()
    stop.set()
    with pytest.raises(StoppedWaiting):
        study.ask()


def test_two_roots_cannot_share_a_study(sqlite):
    for _ in range(2):
        sqlite().keep_to(Path("/one"))
    with pytest.raises(
        SweepError, match="belongs to /one: name that --root, or a database of its own"
    ):
        sqlite().keep_to(Path("/two"))


def test_other_choices_than_the_trials_have_are_refused(tmp_path):
    study = open_study(tmp_path)
    study.suggest(study.ask(), lambda trial: trial.suggest_categorical("kind", ["a", "b"]))
    kinds = optuna.distributions.CategoricalDistribution
    check_distributions(study.trials(), {"kind": kinds(["a", "b"]), "new": kinds([1])})
    with pytest.raises(SweepError, match="'kind' other choices, or another kind, than the trials"):
        check_distributions(study.trials(), {"kind": kinds(["a", "b", "c"])})
    with pytest.raises(SweepError, match=r"in another order than before.*list \['a', 'b'\]"):
        check_distributions(study.trials(), {"kind": kinds(["b", "a"])})


@pytest.mark.parametrize("storage", ["journal", "database"])
def test_an_error_of_the_storage_is_told_from_one_of_the_search_space(tmp_path, storage):
    def raised_by(work):
        with pytest.raises(Exception) as raised:  # noqa: PT011 # any
            work()
        return raised.value

    def suggest():
        (tmp_path / "no such file").read_text()

    if storage == "journal":
        journal = Journal(tmp_path / "study.journal")
        (tmp_path / "study.journal").unlink()
        error = raised_by(lambda: list(journal.read_logs(0)))
    else:
        database = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
        error = raised_by(lambda: database.get_trial(7))
        database.engine.dispose()
    assert is_of_storage(error)
    assert not is_of_storage(raised_by(suggest))


def test_a_journal_that_had_no_room_for_a_line_holds_the_next_ones(tmp_path):
    path = tmp_path / "study.journal"
    study = Study("toy", path, StudyOptions("random"))
    trial = study.ask()
    study.suggest(trial, lambda trial: {"x": trial.suggest_float("x", 0, 1)})
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, hard))
    try:
        with pytest.raises(SweepError):
            study.report(trial, 0, 0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for epoch in range(3):
        study.report(trial, epoch, 0.5)
    again = Study("toy", path, StudyOptions("random"))
    assert again.trials()[0].intermediate_values == {0: 0.5, 1: 0.5, 2: 0.5}
