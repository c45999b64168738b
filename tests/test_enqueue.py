"""Proposals that somebody asks for are tried first.

Each is tried once, whatever was killed in between, and only if it can be.
"""

import json
import shutil
import time

import pytest

from support.bits import trained
from support.command import TOY, Running, run, sweep, table
from support.folders import Search
from support.stand_ins import SPACE, NoTraining, control, proposals, run_as_program
from sweep.api import Sweep
from sweep.errors import Misuse, SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.search import warm_start
from sweep.search.enqueued import ENQUEUED, Cell, enqueue, key_of, read_enqueued, read_proposals
from sweep.search.proposal_check import check, fit_proposal
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.space import search_space, source

ASKED = [
    {"x": 0.5, "kind": "a", "n": 4, "lr": 0.1},
    {"kind": 3},
    {"x": 0.25, "kind": None, "lr": 1.0},
]
KILLS = [(0, "added"), (1, "asked"), (2, "begun"), (5, "trained")]


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(SPACE)
    return path


@pytest.fixture
def loaded(space):
    return search_space.load(source.find(str(space)))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "asked.json"
    path.write_text(json.dumps(ASKED))
    return path


def last_line(said):
    return said.splitlines()[-1]


@pytest.mark.parametrize(
    ("sampler", "keeps"),
    [
        ("tpe", True),
        pytest.param("tpe", False, marks=pytest.mark.cold),
        ("cmaes", False),
    ],
)
def test_a_sweep_with_proposals_of_its_user_is_the_same_however_it_is_killed(
    space, file, tmp_path, sampler, keeps
):
    options = {"enqueue": str(file), "sampler": sampler, "trials": 8, "patience": 6}
    whole = last_line(run_as_program(tmp_path / "whole", space, **options))
    cut = tmp_path / "cut"
    for kill in KILLS:
        run_as_program(cut, space, *kill, **options)
        if not keeps:
            (cut / "study.journal").unlink()
    assert last_line(run_as_program(cut, space, **options)) == whole
    trials = proposals(tmp_path / "whole", space)
    assert proposals(cut, space) == trials
    assert [trial[1] for trial in trials[:3:2]] == ASKED[::2]
    assert trials[1][1]["kind"] == 3
    assert "x" in trials[1][1], "the sampler proposes the rest"
    (cut / "study.journal").unlink()
    run_as_program(cut, space, **options)
    assert proposals(cut, space) == trials


@pytest.mark.long
def test_a_real_sweep_cut_three_times_and_without_its_study_ends_as_an_uncut_one(tmp_path):
    file = tmp_path / "asked.csv"
    file.write_text("units,rate\n6,0.03\n,0.1\n4,0.3\n")
    words = ("--enqueue", file, "--trials", 9, "--patience", 2, "--save-freq", 2, "--epochs", 2)
    said = run(tmp_path / "whole", *words)
    assert "9 to do, 3 of them enqueued" in said
    assert "--patience is 2: no trial begins" in said
    cut = tmp_path / "cut"
    for rows, at in ((0, "begin"), (1, "batch"), (2, "end")):
        Running(cut, *words, hold=rows, at=at).held().kill_tree()
        (cut / "study.journal").unlink()
    assert "--patience is 2: no trial begins" in run(cut, *words)
    assert table(cut) == table(tmp_path / "whole")
    assert trained(cut) == trained(tmp_path / "whole")
    first = sorted(table(cut, "trial", "parameters"), key=lambda row: row[0])[:3]
    assert [(one["units"], one["rate"]) for _, one in first[::2]] == [(6, 0.03), (4, 0.3)]
    assert first[1][1]["rate"] == 0.1


def test_the_same_command_enqueues_nothing_twice_and_a_longer_file_what_is_new(
    space, file, tmp_path
):
    said, _ = control(tmp_path / "root", space, enqueue=file, trials=2)
    assert "2 to do, 2 of them enqueued" in said[0]
    said, _ = control(tmp_path / "root", space, enqueue=file, trials=4)
    assert "2 to do, 1 of them enqueued" in said[0]
    file.write_text(json.dumps([{"x": 0.125}, *ASKED]))
    _, study = control(tmp_path / "root", space, enqueue=file, trials=5)
    assert [trial.params["x"] for trial in study.trials()][4] == 0.125
    assert read_enqueued(tmp_path / "root").proposals == [*ASKED, {"x": 0.125}]


def test_where_there_are_more_than_trials_it_says_so(space, file, tmp_path):
    said, _ = control(tmp_path / "root", space, enqueue=file, trials=2)
    assert "2 to do, 2 of them enqueued" in said[0]
    assert said[1] == "3 proposals are enqueued: it takes --trials 3 to try them all"


def test_two_workers_try_each_once(space, file, tmp_path):
    _, study = control(
        tmp_path / "root", space, NoTraining(takes_s=0.05), enqueue=file, trials=6, workers=2
    )
    given = [
        trial.system_attrs["fixed_params"]
        for trial in study.trials()
        if "fixed_params" in trial.system_attrs
    ]
    assert given == ASKED


def test_a_trial_whose_folder_and_study_are_lost_is_not_given_what_a_later_one_had(
    space, file, tmp_path
):
    root = tmp_path / "root"
    control(root, space, trials=2)
    control(root, space, enqueue=file, trials=5)
    before = proposals(root, space)
    (lost,) = (one for one in experiences_in(root) if one.read().trials[0].number == 1)
    shutil.rmtree(lost.path)
    (root / "study.journal").unlink()
    control(root, space, trials=5)
    assert proposals(root, space) == before


def test_the_door_takes_one_or_a_list_and_makes_the_root(space, tmp_path):
    there = Sweep(space, tmp_path / "root")
    assert there.enqueue(ASKED[0]) == 1
    assert there.enqueue(ASKED) == 2
    _, study = control(tmp_path / "root", space, trials=1)
    assert [trial.params for trial in study.trials()] == ASKED[:1]
    with pytest.raises(
        Misuse, match="What is enqueued, proposal 1: 'x' is 2: give a number from 0"
    ):
        there.enqueue({"x": 2})
    for wrong in (3, [{}], "x", [3]):
        with pytest.raises(Misuse, match="What is enqueued is no dict of parameters"):
            there.enqueue(wrong)


@pytest.mark.parametrize(
    ("proposal", "says"),
    [
        ({"y": 1}, r"suggest does not ask for 'y' beside the rest: it asks for x, kind, (n, )?lr"),
        ({"kin": "a"}, "suggest does not ask for 'kin' beside the rest: did you mean kind?"),
        (
            {"kind": 3, "n": 4},
            "suggest does not ask for 'n' beside the rest: it asks for x, kind, lr",
        ),
        ({"x": 1.5}, r"'x' is 1.5: give a number from 0.0 to 1.0\."),
        ({"x": "0.5"}, r"'x' is '0.5': give a number from 0.0 to 1.0\."),
        ({"x": True}, "'x' is True: give a number"),
        ({"x": None}, "'x' is None: give a number"),
        ({"x": [0.5]}, r"'x' is \[0.5\]: give a number"),
        ({"x": float("nan")}, "'x' is nan: give a number"),
        ({"x": 10**40}, "'x' is 1000.*: give a number"),
        ({"x": -(10**400)}, "'x' is -1000.*: give a number"),
        ({"n": 3}, r"'n' is 3: give an integer from 2 to 8 in steps of 2\."),
        ({"kind": "b"}, "'kind' is 'b': it is one of 'a', None, True, 3"),
        ({"kind": 1}, "'kind' is 1: it is one of"),
        ({"kind": ["a"]}, "'kind' is .*: it is one of"),
        ({"lr": 0}, "'lr' is 0: give a number from 0.0001 to 1.0"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_suggest_cannot_take_is_refused_with_what_is_right(loaded, proposal, says):
    with pytest.raises(Misuse, match=rf"asked\.json, proposal 2: {says}"):
        check(loaded, [{"x": 0.5}, proposal], "asked.json")


def test_values_are_made_what_the_parameter_is(loaded):
    assert fit_proposal(loaded, {"n": 4.0, "x": 1, "kind": "a"}).proposal == {
        "n": 4,
        "x": 1.0,
        "kind": "a",
    }
    texts = (
        {"kind": Cell("None"), "x": Cell("5e-1")},
        {"kind": Cell("true")},
        {"kind": Cell("3")},
        {"n": Cell("4")},
    )
    assert check(loaded, list(texts), "") == [
        {"kind": None, "x": 0.5},
        {"kind": True},
        {"kind": 3},
        {"n": 4},
    ]
    assert isinstance(fit_proposal(loaded, {"n": Cell("4")}).proposal["n"], int)


def test_a_csv_leaves_out_what_is_empty(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("\ufeffx, kind\r\n0.5,\r\n\r\n,\r\n, a \r\n", encoding="utf-8")
    assert read_proposals(path) == [{"x": "0.5"}, {"kind": "a"}]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "[" * 100_000, "is no JSON of proposals (too deep)"),
        ("a.json", "{", "is no JSON of proposals (Expecting"),
        ("a.json", "[3]", "is no JSON of proposals (proposal 1 is no object of names and values)"),
        ("a.json", "[]", "has no proposal in it"),
        ("a.json", "{}", "is no JSON of proposals (proposal 1 is no object"),
        ("a.json", "\xff\xfe", "is no JSON of proposals"),
        ("a.json", "9" * 5000, "is no JSON of proposals"),
        (
            "a.csv",
            "x,x\n1,2\n",
            "is no CSV of proposals (its first line has an empty name, or one twice)",
        ),
        ("a.csv", "x\n1,2\n", "is no CSV of proposals (line 2 has 2 cells under 1 names)"),
        ("a.csv", "x\n" + "1" * 200_000, "is no CSV of proposals (field larger"),
        ("a.csv", "x\n", "has no proposal in it"),
        ("a.csv", "", "has no proposal in it"),
        ("a.csv", "x\n\xff\n", "is no CSV of proposals ("),
        ("a.pkl", "x", "is neither .json nor .csv"),
        ("none.json", None, "There is no file"),
    ],
)
def test_a_file_of_something_else_is_one_sentence(tmp_path, name, text, says):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Misuse) as error:
        read_proposals(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mistake_in_the_file_is_told_before_anything_is_begun(tmp_path):
    (tmp_path / "asked.csv").write_text("unit\n5\n")
    words = ("run", TOY, "--root", tmp_path / "root", "--enqueue", tmp_path / "asked.csv")
    done = sweep(*words, keras=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == (
        f"sweep: {tmp_path}/asked.csv, proposal 1: "
        "suggest does not ask for 'unit' beside the rest: did you mean units?"
    )
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '{"proposals": 3}',
        '{"proposals": [[]]}',
        '{"warm_starts": [1]}',
        "[" * 10**5,
        '{"newer": 1}',
    ],
)
def test_a_torn_queue_is_one_sentence(space, tmp_path, text):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ENQUEUED).write_text(text)
    with pytest.raises(
        SweepError, match=r"enqueued\.json is torn, or was edited: mend it, or move it away"
    ):
        control(tmp_path / "root", space)


def test_what_was_enqueued_before_the_space_was_changed_is_looked_at_again(space, tmp_path):
    Sweep(space, tmp_path / "root").enqueue([{"x": 0.25}, {"x": 0.75}])
    space.write_text(SPACE.replace('"x", 0, 1', '"x", 0, 0.5'))
    with pytest.raises(
        Misuse, match=r"enqueued\.json, proposal 2: 'x' is 0.75: give a number from 0.0 to 0.5"
    ):
        control(tmp_path / "root", space)


def test_a_trial_of_the_folder_with_anything_as_its_proposal_is_refused_or_read(
    space, file, tmp_path
):
    control(tmp_path / "root", space, enqueue=file, trials=1)
    (one,) = experiences_in(tmp_path / "root")
    content = json.loads(one.record.read_bytes())
    for value in (None, 3, "x", [], [[]]):
        content["trials"][0]["attributes"]["system"]["fixed_params"] = value
        one.record.write_text(json.dumps(content))
        (tmp_path / "root" / "study.journal").unlink(missing_ok=True)
        with pytest.raises(SweepError, match="is none of Optuna's"):
            control(tmp_path / "root", space, trials=2, sampler="cmaes")
    content["trials"][0]["attributes"]["system"] = {"fixed_params": {"x": "y"}}
    one.record.write_text(json.dumps(content))
    _, study = control(tmp_path / "root", space, trials=2, sampler="cmaes")
    assert study.count() == 2


def others(trial):
    """Of another search space: some of its parameters, and some of its values, are none of ours."""
    return {
        "x": trial.suggest_float("x", 0, 1.2),
        "kind": trial.suggest_categorical("kind", ["a", "b"]),
        "depth": trial.suggest_int("depth", 1, 3),
    }


@pytest.fixture
def other(tmp_path):
    return Search(tmp_path / "other", "random", suggest=others).go_on(8).root


def test_the_best_of_another_sweep_are_tried_first_as_far_as_they_fit(space, other, tmp_path):
    said, study = control(tmp_path / "root", space, warm_start=other, trials=6)
    best = [row["parameters"] for row in SnapshotReader(other, print).look().rows()[:5]]
    fits = {"x": lambda x: x <= 1, "kind": lambda kind: kind == "a"}
    fit = [{name: one[name] for name, is_fit in fits.items() if is_fit(one[name])} for one in best]
    fit = [one for number, one in enumerate(fit) if one and one not in fit[:number]]
    assert {"x", "kind"} in [one.keys() for one in fit]
    assert {"x"} in [one.keys() for one in fit]
    assert read_enqueued(tmp_path / "root").proposals == fit
    assert [trial.system_attrs.get("fixed_params") for trial in study.trials()][: len(fit)] == fit
    assert (
        f"the best 5 of {other} make {len(fit)} proposals here; "
        "what does not fit is left to the sampler: " in said[0]
    )
    assert "suggest does not ask for 'depth' beside the rest" in said[0]
    here = {one.read().outcome.values["val_acc"] for one in experiences_in(tmp_path / "root")}
    assert {trial.value for trial in study.trials()} == here, (
        "nothing was told but what was trained here"
    )


def test_a_warm_start_is_made_once(space, other, tmp_path):
    control(tmp_path / "root", space, warm_start=other, trials=1)
    before = read_enqueued(tmp_path / "root")
    Search(other, "random", suggest=others).go_on(16)
    control(tmp_path / "root", space, warm_start=other, trials=2)
    assert read_enqueued(tmp_path / "root") == before


def test_the_other_sweep_may_be_named_by_its_search_space(space, other, tmp_path, monkeypatch):
    there = tmp_path / "experiences" / "laboratoire"
    there.parent.mkdir()
    other.rename(there)
    monkeypatch.chdir(tmp_path.parent)
    found = warm_start.find_other_root("laboratoire", str(space), tmp_path / "root")
    assert found == there
    with pytest.raises(
        Misuse, match=r"There is no sweep laboratoir to begin from: did you mean laboratoire\?"
    ):
        warm_start.find_other_root("laboratoir", str(space), tmp_path / "root")
    with pytest.raises(Misuse, match="is this root itself"):
        warm_start.find_other_root(
            "laboratoire", str(space), tmp_path / "experiences" / "laboratoire"
        )


def test_another_sweep_with_nothing_to_begin_with_is_one_sentence(space, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SweepError, match="has no finished experience to begin from"):
        control(tmp_path / "root", space, warm_start=tmp_path / "empty")
    strange = Search(
        tmp_path / "strange", "random", suggest=lambda trial: {"x": trial.suggest_float("y", 0, 1)}
    ).go_on(2)
    with pytest.raises(
        SweepError,
        match=r"Nothing of .*strange fits into .*space\.py \(suggest does not ask for 'y'",
    ):
        control(tmp_path / "root", space, warm_start=strange.root)
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        "x",
        [],
        {},
        {"x": []},
        {"x": {"y": []}},
        {"\x1b[31m": 1},
        {"x": 10**400},
        {"x": True, "lr": "="},
    ],
    ids=lambda value: repr(value)[:30],
)
def test_records_of_another_sweep_with_anything_in_them_end_in_a_sentence(
    space, loaded, other, value
):
    for one in experiences_in(other):
        content = json.loads(one.record.read_bytes())
        content["trials"][0]["params"] = value
        one.record.write_text(json.dumps(content))
    with pytest.raises(SweepError):
        warm_start.fitting_proposals(loaded, SnapshotReader(other, print).look())


def test_two_thousand_proposals_are_each_given_once_and_in_seconds(tmp_path):
    """The time grew with the cube of their number; 81 s is what 2,000 of them took."""
    asked = [{"x": number / 2000, "n": number} for number in range(2000)]
    assert enqueue(tmp_path, [*asked, *asked]) == 2000
    study = Study("space", None, StudyOptions("random"))
    study.enqueue(read_enqueued(tmp_path).proposals)
    begun = time.monotonic()
    for _ in asked:
        study.ask()
    assert time.monotonic() - begun < 20
    assert [trial.system_attrs["fixed_params"] for trial in study.trials()] == asked
    assert study.waiting_proposals() == []


def test_proposals_are_equal_as_their_experiences_are():
    assert key_of({"x": 64, "y": "a"}) == key_of({"y": "a", "x": 64.0})
    different = [{"x": 1}, {"x": True}, {"x": "1"}, {"x": None}, {"x": 1, "y": 1}, {"x": 1.5}]
    assert len({key_of(one) for one in different}) == len(different)
