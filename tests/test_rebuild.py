"""The study is an index: thrown away at any moment, it is made again from the folders.

It then proposes what it would have proposed.
"""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from optuna.trial import TrialState

from support.folders import EPOCHS, FIXED, TRIALS, Search, suggest, suggest_numbers
from sweep.errors import SweepError
from sweep.experience.folder import Experience, RecordWrong
from sweep.experience.inventory import Inventory
from sweep.experience.record import Outcome, State
from sweep.search import study_check
from sweep.space.identity import id_experience
from sweep.system.host import now
from sweep.wording import without_password

SAMPLERS = [("tpe", suggest), ("random", suggest), ("nsgaii", suggest), ("cmaes", suggest_numbers)]


@pytest.fixture
def uncut(tmp_path):
    return lambda *how, **more: Search(tmp_path / "uncut", *how, **more).go_on()


@pytest.mark.parametrize(("sampler", "suggest"), SAMPLERS, ids=[name for name, _ in SAMPLERS])
def test_a_search_that_loses_its_study_again_and_again_proposes_what_an_uncut_one_does(
    uncut, tmp_path, sampler, suggest
):
    search = Search(tmp_path / "root", sampler, suggest=suggest)
    for trials in (1, 7, 12, 21, TRIALS):
        search.go_on(trials)
        (search.root / "study.journal").unlink()
        search.open()
        search.rebuild()
    assert search.proposals() == uncut(sampler, suggest=suggest).proposals()


@pytest.mark.parametrize("pruner", ["median", "successive_halving", "hyperband"])
def test_a_pruner_answers_the_same_when_its_study_was_lost_in_the_middle_of_a_training(
    uncut, tmp_path, pruner
):
    search = Search(tmp_path / "root", "random", pruner)
    for number in range(TRIALS):
        trial, parameters = search.begin()

        def lose(epoch, number=number, trial=trial, parameters=parameters):
            if number % 3 or epoch != number % EPOCHS:
                return None
            values = list(
                trial.study._storage.get_trial(trial._trial_id).intermediate_values.values()
            )
            search.save(search.write(trial, parameters, values), values)
            (search.root / "study.journal").unlink()
            search.open()
            search.rebuild()
            (attached,) = search.study.interrupted_trials()
            assert attached.number == number
            return attached

        search.end(trial, parameters, lose=lose)
    twin = uncut("random", pruner)
    assert search.proposals() == twin.proposals()
    assert {state for _, _, state, _ in twin.proposals()} == {
        TrialState.COMPLETE,
        TrialState.PRUNED,
    }


@pytest.mark.parametrize("pruner", ["none", "successive_halving"])
def test_all_that_optuna_knows_of_a_trial_comes_back(tmp_path, pruner):
    search = Search(tmp_path / "root", "tpe", pruner).go_on(12)
    trial, parameters = search.begin()
    search.write(trial, parameters, [])
    before = search.study.trials()
    search.rebuild()
    after = search.study.trials()
    assert len(before) == len(after) == 13
    for old, new in zip(before, after, strict=True):
        for name in (
            "number",
            "state",
            "value",
            "params",
            "distributions",
            "intermediate_values",
            "datetime_start",
        ):
            assert getattr(old, name) == getattr(new, name), name
        assert {**old.user_attrs} == {**new.user_attrs}
        assert old.system_attrs == new.system_attrs
        if old.datetime_complete:
            assert abs(old.datetime_complete - new.datetime_complete) < timedelta(seconds=1)
    assert search.study.difference(search.trials()) is None


def test_a_trial_whose_folder_is_lost_gets_the_same_proposal_again(uncut, tmp_path):
    search = Search(tmp_path / "root").go_on(20)
    known = search.trials()
    for number in (0, 13, 19):
        known[number].experience.record.unlink()
    assert search.study.difference(search.trials()) == "has a trial 0 without a folder"
    search.rebuild()
    assert [trial.number for trial in search.study.interrupted_trials()] == [0, 13], (
        "trial 19 is the next one to be asked"
    )
    for trial in search.study.interrupted_trials():
        search.end(trial, {**search.study.suggest(trial, suggest), "trial": trial.number, **FIXED})
    search.go_on()
    assert search.proposals() == uncut().proposals()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda record: vars(record.trials[0]).update(number=9), "has no trial 9"),
        (
            lambda record: vars(record.trials[0]).update(ended=None),
            "has an end of trial 2 that its folder does not have",
        ),
        (
            lambda record: vars(record.trials[0]).update(params={"x": 0.5}),
            "has other parameters of trial 2",
        ),
        (
            lambda record: vars(record.outcome).update(values={"val_acc": 0.123}),
            "has another end of trial 2",
        ),
        (
            lambda record: vars(record.outcome).update(state=State.FAILED),
            "has another end of trial 2",
        ),
    ],
)
def test_a_study_that_does_not_agree_with_the_folders_says_in_what(tmp_path, harm, says):
    search = Search(tmp_path / "root").go_on(3)
    known = search.trials()[2]
    harm(known.record)
    known.experience.write(known.record)
    assert search.study.difference(search.trials()) == says


def test_a_trial_that_is_told_in_its_folder_only_is_no_difference(tmp_path):
    search = Search(tmp_path / "root").go_on(2)
    trial, parameters = search.begin()
    search.write(
        trial, parameters, [0.5], Outcome(State.FINISHED, now(), None, {"val_acc": 0.5}, 0)
    )
    assert search.study.difference(search.trials()) is None


def test_folders_that_were_copied_by_hand_get_numbers_of_their_own(tmp_path):
    ours, theirs = (
        Search(tmp_path / "ours").go_on(3),
        Search(tmp_path / "theirs", "random").go_on(3),
    )
    for one in theirs.trials().values():
        record = one.record
        record.parameters["trial"] = f"theirs {one.number}"
        record.id_experience = id_experience("toy", record.parameters)
        Experience(ours.root / record.id_experience).write(record)
        Experience(ours.root / record.id_experience).log.write_bytes(
            one.experience.log.read_bytes()
        )
    assert sorted(ours.trials()) == [0, 1, 2, 3, 4, 5]
    assert [ours.trials()[number].record.parameters["trial"] for number in (0, 1, 2)] == [
        0,
        1,
        2,
    ], "the first keeps it"
    ours.rebuild()
    assert ours.study.count() == 6


@pytest.mark.parametrize(
    "harm",
    [
        {"params": {"x": 7}},
        {"distributions": {}},
        {"distributions": {"x": {"name": "Evil"}}},
        {"begun": "yesterday"},
    ],
)
def test_a_folder_whose_trial_is_none_of_optunas_is_one_sentence(tmp_path, harm):
    search = Search(tmp_path / "root").go_on(2)
    known = search.trials()[1]
    vars(known.entry).update(harm)
    known.experience.write(known.record)
    with pytest.raises(
        RecordWrong, match=r"trial 1 is none of Optuna's .*undo the edit, or move .* away"
    ):
        search.rebuild()


def test_a_cut_while_the_study_is_made_again_leaves_the_old_one(tmp_path):
    search = Search(tmp_path / "root").go_on(5)
    before = (search.root / "study.journal").read_bytes()
    seen = []

    def cut():
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.study.rebuild(search.trials(), lambda trial: None, cut)
    assert (search.root / "study.journal").read_bytes() == before


def test_a_study_in_sqlite_is_made_again_too(tmp_path):
    search = Search(tmp_path / "root", storage=f"sqlite:///{tmp_path}/study.db").go_on(4)
    search.study.keep_to(search.root)
    before = search.proposals()
    search.rebuild()
    assert search.proposals() == before
    with pytest.raises(SweepError, match="belongs to"):
        search.study.keep_to(Path("/another"))
    search.study.optuna_study._storage._backend.engine.dispose()


def test_no_pickle_that_a_folder_brings_is_read(tmp_path):
    """CMA-ES would unpickle it."""
    search = Search(tmp_path / "root", "cmaes", suggest=suggest_numbers).go_on(12)
    written = tmp_path / "pwned"
    evil = (
        f"c__builtin__\\neval\\n(S'open({str(written)!r}, \"w\")'\\ntR.".encode()
        .decode("unicode_escape")
        .encode()
        .hex()
    )
    for one in search.trials().values():
        one.entry.attributes["system"]["cma:optimizer:0"] = evil
        one.experience.write(one.record)
    (search.root / "study.journal").unlink()
    search.open()
    search.rebuild()
    search.go_on(14)
    assert not written.exists()


def test_no_folder_holds_a_pickle(tmp_path):
    search = Search(tmp_path / "root", "cmaes", suggest=suggest_numbers).go_on()
    assert any("cma:" in name for trial in search.study.trials() for name in trial.system_attrs), (
        "it keeps none"
    )
    records = [one.experience.record.read_text() for one in search.trials().values()]
    assert not [text for text in records if "cma:" in json.dumps(json.loads(text)["trials"])]


@pytest.mark.parametrize(("died", "is_kept"), [(True, True), (False, False)])
def test_where_all_failed_what_died_goes_on_and_what_raised_begins_anew(tmp_path, died, is_kept):
    search = Search(tmp_path / "root")
    trial, parameters = search.begin()
    experience = search.write(
        trial, parameters, [0.1], Outcome(State.FAILED, now(), "it failed", died=died)
    )
    search.save(experience, [0.1])
    folders, said = Inventory(search.root, "toy"), []
    assert folders.have_all_failed()
    folders.begin_anew(said.append)
    aside = "" if died else f", and their files are in {search.root / '.quarantine'}"
    assert said == [
        f"all 1 trainings had failed: those that raised start from the beginning{aside}"
    ]
    quarantined = search.root / ".quarantine" / experience.id / "sauvegarde"
    assert bool(list(quarantined.glob("*.h5"))) != is_kept, "whole backups are not deleted"
    assert bool(list(experience.sauvegarde.glob("*.h5"))) == is_kept
    assert experience.state() is (State.CUT_OFF if is_kept else State.NEW)
    assert list(folders.trials()) == ([0] if is_kept else [])


def test_no_password_is_shown():
    assert (
        without_password("postgresql+psycopg://lab:secret@host/db")
        == "postgresql+psycopg://lab:***@host/db"
    )
    assert without_password("sqlite:////tmp/a.db") == "sqlite:////tmp/a.db"


def test_a_database_that_differs_is_told_without_its_password(monkeypatch, tmp_path):
    search = Search(tmp_path / "root").go_on(1)
    monkeypatch.setattr(study_check, "read_trials", lambda name, where: [])
    assert study_check.compare_study("toy", "postgresql://lab:secret@host/db", search.trials()) == (
        False,
        "postgresql://lab:***@host/db is missing: run makes it again from the folders",
    )
