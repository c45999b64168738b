"""``load_data(parameters)``: data are kept, and known again, for each set of values it has read."""

import copy
import json
import os
import pickle
import shutil
from collections import Counter

import pytest

from support.bits import assert_equal, only, trained
from support.command import Running, in_keras, run, sweep
from support.tiers import sampled
from sweep.experience.entries import Session
from sweep.experience.folder import experiences_in
from sweep.experience.known_data import KnownData, known_data
from sweep.experience.record import Record
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.noted_parameters import NotedParameters, fits
from sweep.space.search_space import load
from sweep.space.source import find
from sweep.system.host import ProcessId
from sweep.training.data import kept_data
from sweep.training.data.run_cache import RunCache

GIVEN = {"window": 12, "sizes": [1, 2], "epochs": 2}
WORDS = ("--sampler", "grid", "--threads", 1)
LOADS = "    window = parameters"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def counted(space, tmp_path):
    """Return a function that writes a space, and one that counts the loads of each window."""
    calls = tmp_path / "calls"
    note = f"    with open({str(calls)!r}, 'a') as file:\n        print(parameters['window'], "

    def write(*changes):
        return space((LOADS, f"{note}file=file)\n{LOADS}"), *changes, of="windowed")

    def count():
        return Counter(map(int, calls.read_text().split())) if calls.exists() else Counter()

    return write, count


def test_a_sweep_over_rates_loads_once_and_one_over_windows_once_a_window(counted, tmp_path):
    write, count = counted
    path = write()
    # Two workers may be given one combination: the sweep ends once all have been tried.
    run(tmp_path / "kept", *WORDS, "--trials", 12, "--workers", 2, space=path)
    assert count() == {4: 1, 8: 1}
    run(tmp_path / "not", *WORDS, "--trials", 6, "--no-data-cache", space=path)
    assert count() == {4: 4, 8: 4}
    assert len(trained(tmp_path / "kept")) == 6
    assert trained(tmp_path / "kept") == trained(tmp_path / "not")
    records = [one.read() for name in ("kept", "not") for one in experiences_in(tmp_path / name)]
    for record in records:
        window = record.parameters["window"]
        read = {"values": {"window": window}, "absent": [], "all": False}
        assert record.data_identity["read"] == read
    identities = {json.dumps(record.data_identity, sort_keys=True) for record in records}
    assert len(identities) == 2, "one for each window"
    assert not [*(tmp_path / "cache").rglob("*.pkl")]


@pytest.mark.long
def test_what_is_removed_meanwhile_is_loaded_again_and_ends_alike(counted, tmp_path):
    """So it is where the sets that were used least recently had to make room."""
    write, count = counted
    remove = f"    import pathlib\n    kept = pathlib.Path({str(tmp_path / 'cache')!r})\n"
    remove += "    [one.unlink() for kind in ('json', 'pkl') for one in kept.rglob(f'*.{kind}')]\n"
    path = write(("    layers =", f"{remove}    layers ="))
    run(tmp_path / "root", *WORDS, "--trials", 3, space=path)
    assert count().total() == 3
    run(tmp_path / "twin", *WORDS, "--trials", 3, "--no-data-cache", space=path)
    assert trained(tmp_path / "root") == trained(tmp_path / "twin")


@pytest.mark.long
def test_a_killed_sweep_goes_on_with_equal_data_and_ends_as_if_uncut(counted, tmp_path):
    write, count = counted
    path, root = write(), tmp_path / "root"
    words = (*WORDS, "--trials", 3, "--save-freq", 2)
    Running(root, *words, space=path, hold=3).held().kill_tree()
    said = run(root, *words, space=path)
    assert "resumes at epoch" in said
    assert max(count().values()) <= 2, "once in each of the runs"
    run(tmp_path / "twin", *words, space=path)
    assert trained(root) == trained(tmp_path / "twin")
    assert not any(one.read().approximate_because for one in experiences_in(root))


CUTS = {
    "in an epoch": {"epoch": 1, "batch": 2},
    "in a validation": {"epoch": 0, "validation": True},
}


@pytest.mark.parametrize("cut", sampled(CUTS, "in an epoch"))
def test_one_training_that_is_killed_ends_as_if_uncut(trainer, tmp_path, space, cut):
    path, parameters = space(of="windowed"), {"window": 8, "rate": 0.1}
    how = {"parameters": {**parameters, **load(find(str(path))).fixed}}
    cut_off = trainer.cut_and_resume(path, tmp_path / "cut", CUTS[cut], **how)
    trainer(path, tmp_path / "uncut", **how)
    assert_equal(cut_off, only(tmp_path / "uncut"))


def test_other_data_are_refused_for_the_values_that_they_belong_to(space, tmp_path):
    shift = tmp_path / "shift-8"
    for window in (4, 8):
        (tmp_path / f"shift-{window}").write_text("0")
    read = f"    path = f'{tmp_path}/shift-{{parameters[\"window\"]}}'\n{LOADS}"
    path = space(
        (LOADS, read),
        (
            "for start in range(200)])\n    y",
            "for start in range(200)])\n    x += float(open(path).read())\n    y",
        ),
        of="windowed",
    )
    root, proposals = tmp_path / "root", tmp_path / "proposals.json"

    def trial(number, window, rate, *more):
        proposals.write_text(json.dumps([{"window": window, "rate": rate}]))
        words = ("--root", root, "--trials", number, "--enqueue", proposals, *more)
        return sweep("run", path, *words)

    assert trial(1, 4, 0.3).returncode == trial(2, 8, 0.3).returncode == 0
    shift.write_text("1")
    assert trial(3, 4, 0.1).returncode == 0
    done = trial(4, 8, 0.1)
    assert done.returncode == 1
    assert f"load_data gives other data than the experiences in {root}" in done.stderr
    assert "shift-8 was changed on" in done.stderr
    assert trial(4, 8, 0.1, "--accept-change").returncode == 0
    assert trial(5, 8, 0.03).returncode == 0


@pytest.mark.long
def test_a_root_whose_load_data_took_nothing_goes_on_with_one_that_takes_parameters(
    space, tmp_path
):
    path, root = (
        space(
            ("load_data(parameters)", "load_data()"),
            (LOADS, "    window = 8 #"),
            ('keras.Input((parameters["window"],))', "keras.Input((8,))"),
            of="windowed",
        ),
        tmp_path / "root",
    )
    run(root, *WORDS, "--trials", 2, space=path)
    assert not any("read" in one.read().data_identity for one in experiences_in(root))
    path = space(of="windowed")
    run(root, *WORDS, "--trials", 4, "--accept-change", space=path)
    run(root, *WORDS, "--trials", 6, space=path)
    assert sum("read" in one.read().data_identity for one in experiences_in(root)) == 4


@pytest.mark.long
def test_verify_loads_once_a_window_to_evaluate_all_models(counted, tmp_path):
    write, count = counted
    path, root = write(), tmp_path / "root"
    run(root, *WORDS, "--trials", 6, space=path)
    done = sweep("verify", path, "--root", root, "--models")
    assert done.returncode == 0, done.stderr
    assert count() == {4: 2, 8: 2}


STREAM = (
    "    return (x[:160], y[:160])",
    """    import tensorflow as tf

    def train(epoch):
        samples = tf.data.Dataset.from_tensor_slices((x[:160], y[:160])).shuffle(160)
        return samples.batch(parameters["batch_size"])

    return train""",
)


@pytest.mark.long
def test_a_stream_may_take_a_suggested_batch_size_from_the_parameters(space, tmp_path):
    suggested = (
        ('"batch_size": 40, ', ""),
        ("[4, 8]),", '[4, 8]), "batch_size": trial.suggest_categorical("batch_size", [40, 80]),'),
    )
    path = space(*suggested, STREAM, of="windowed")
    run(tmp_path / "root", *WORDS, "--trials", 12, "--workers", 2, space=path)
    records = [one.read() for one in experiences_in(tmp_path / "root")]
    assert len(records) == 12
    for record in records:
        assert record.sessions[0].batches == 160 / record.parameters["batch_size"]
    ignored = (STREAM[0], STREAM[1].replace('parameters["batch_size"]', "40"))
    path = space(*suggested, ignored, of="windowed")
    done = sweep("run", path, "--root", tmp_path / "other", "--trials", 1)
    assert "or take it from the parameters in load_data(parameters)." in done.stderr


@pytest.mark.long
def test_a_stream_that_turns_out_wrong_for_some_values_fails_those_trainings(space, tmp_path):
    shorter = STREAM[1].replace(
        'parameters["batch_size"])', "40).take(4 if window == 4 or epoch == 0 else 2)"
    )
    path = space((STREAM[0], shorter), of="windowed")
    said = run(tmp_path / "root", *WORDS, "--trials", 6, space=path)
    states = Counter(one.read().outcome.state for one in experiences_in(tmp_path / "root"))
    assert states == {"finished": 3, "failed": 3}
    assert "windowed.py: train(1) gives 2 batches, where the first epoch had 4" in said


def test_data_that_are_wrong_for_some_values_fail_those_trainings_and_not_the_sweep(
    counted, tmp_path
):
    write, count = counted
    path, root = (
        write(
            ("range(200)])\n    y", "range(200 if window == 4 else 0)] or [])\n    y"),
            ("np.stack([", "np.array(["),
        ),
        tmp_path / "root",
    )
    said = run(root, *WORDS, "--trials", 6, space=path)
    states = Counter(one.read().outcome.state for one in experiences_in(root))
    assert states == {"finished": 3, "failed": 3}
    assert "ValueError: load_data gives no samples in x_train" in said
    assert count()[4] == 1


def test_an_extension_says_that_the_number_of_epochs_decides_its_data(space, tmp_path):
    by_epochs = (LOADS, f"    shift = parameters['epochs'] / 10\n{LOADS}")
    path = space(by_epochs, ("np.arange(208) / 9)", "np.arange(208) / 9 + shift)"), of="windowed")
    run(tmp_path / "root", *WORDS, "--trials", 1, space=path)
    done = sweep("extend", path, "--root", tmp_path / "root", "--epochs", 3)
    assert done.returncode == 0, done.stderr
    (why,) = (
        record.approximate_because
        for record in (one.read() for one in experiences_in(tmp_path / "root"))
        if record.parent
    )
    assert "its data were changed on the way: load_data read epochs 2, window" in why
    assert ", and now epochs 3, window" in why


def test_a_training_keeps_what_it_has_mapped_though_it_makes_room(space):
    code = f"""
import json
from sweep.space import search_space, source
from sweep.space.noted_parameters import NotedParameters
from sweep.training.data import kept_data, loading, run_cache
space = search_space.load(source.find({str(space(of="windowed"))!r}))
held, kept_data.MOST_SETS = run_cache.RunCache("run"), 1
def load(window):
    return loading.load_data(space, NotedParameters({{"window": window}}), "run")
def keep(window):
    return loading.load_and_keep(space, NotedParameters({{"window": window}}), "run")
keep(4)
(x, _), _ = load(4).data
before = float(x.sum())
keep(8)
found = [len(list(held.folder.glob("*.pkl")))]
found += [held.is_settled({{"window": window}}) for window in (4, 8)]
again = load(4)
(x_again, _), _ = again.data
found += [float(x.sum()) == before == float(x_again.sum())]
print(json.dumps([*found, again.parameters.read()["values"], again.digest]))
"""
    assert in_keras(code) == [1, False, True, True, {"window": 4}, None]


READS = {
    "[]": (lambda p: p["window"], {"window": 12}, [], False),
    "get": (lambda p: p.get("fold", 0), {}, ["fold"], False),
    "in": (lambda p: "window" in p, {"window": 12}, [], False),
    "pop": (lambda p: p.pop("window"), {"window": 12}, [], False),
    "setdefault": (lambda p: p.setdefault("fold", 3), {}, ["fold"], False),
    "a text": (lambda p: "{window}".format_map(p), {"window": 12}, [], False),
    **{
        name: (read, GIVEN, [], True)
        for name, read in {
            "a loop": lambda p: [*p],
            "**": lambda p: (lambda **words: words)(**p),
            "{**}": lambda p: {**p},
            "dict": lambda p: dict(p),
            "len": len,
            "bool": bool,
            "items": lambda p: p.items(),
            "==": lambda p: p == {},
            "in another": lambda p: {}.update(p),
            "|": lambda p: {} | p,
            "repr": repr,
            "json": json.dumps,
            "copy": copy.copy,
            "deepcopy": copy.deepcopy,
            "pickle": pickle.dumps,
        }.items()
    },
}


@pytest.mark.parametrize("name", READS)
def test_what_load_data_reads_is_noted(name):
    read, values, absent, are_all = READS[name]
    noted = NotedParameters(GIVEN)
    read(noted)
    assert noted.read() == {"values": values, "absent": absent, "all": are_all}


def test_what_load_data_does_to_its_parameters_does_not_reach_the_training():
    given = copy.deepcopy(GIVEN)
    noted = NotedParameters(given)
    noted["window"] = 3
    noted["sizes"].append(3)
    noted.update(epochs=9, new=1)
    assert noted["window"] == 3
    assert noted.read()["values"] == {"window": 12, "sizes": [1, 2]}
    noted.clear()
    assert given == GIVEN
    assert type(pickle.loads(pickle.dumps(noted))) is dict  # noqa: S301


def test_data_fit_the_parameters_of_which_the_same_was_read():
    read = {"values": {"window": 12}, "absent": ["fold"], "all": False}
    assert fits(None, {})
    assert fits(read, GIVEN)
    for other in ({"window": 11}, {"window": 12.0}, {}, {"window": 12, "fold": None}):
        assert not fits(read, other)
    tuples = {"values": {"sizes": [1, [2]]}, "absent": [], "all": False}
    assert fits(tuples, {"sizes": (1, (2,))})
    whole = {"values": {"bias": True}, "absent": [], "all": True}
    assert fits(whole, {"bias": True})
    assert not fits(whole, {"bias": 1})
    assert not fits(whole, {"bias": True, "more": 0})


def test_load_data_takes_parameters_or_nothing(space):
    assert load(find(str(space()))).load_data(NotedParameters({}))
    wanted = ("load_data(parameters)", "load_data(parameters, fold)")
    with pytest.raises(SearchSpaceWrong, match=r"asks for fold, which it is not given; write def"):
        load(find(str(space(wanted, of="windowed"))))


def test_parameters_are_given_by_name_where_others_stand_before_them(space):
    other = ("load_data(parameters)", "load_data(path='data', parameters=None)")
    returned = ("    import numpy", "    return path, parameters['window']\n    import numpy")
    path = space(other, returned, of="windowed")
    assert load(find(str(path))).load_data({"window": 8}) == ("data", 8)


def identity(digest, window=None, **more):
    read = {"values": {"window": window}, "absent": [], "all": False, **more}
    return {"digest": digest * 64, "files": [], "count": 0, **({"read": read} if window else {})}


def record(at, data, window=8):
    session = Session(
        begun=f"2026-01-0{at}", epoch=0, batch=0, process=ProcessId(host="", pid=1, started=0.0)
    )
    parameters = {"window": window, "epochs": 1, "seed": 0}
    return Record("0" * 16, {}, parameters, 0, 1, [], [session], data_identity=data)


def test_data_are_compared_where_the_same_was_read_only():
    known = known_data([record(2, identity("2", 8)), record(1, identity("1"))])
    assert known.expected({"window": 8}) == identity("2", 8), "the latest"
    assert known.expected({"window": 4}) == identity("1"), "which read nothing"
    assert not known.differ_from(record(3, identity("3", 4), window=4))
    assert known.differ_from(record(3, identity("3", 8)))
    assert not known.differ_from(record(3, None))
    known.note(identity("4"))
    assert known.expected({"window": 8}) == identity("4")
    assert KnownData().expected({}) is None


def test_sets_are_found_by_what_was_read_and_make_room_in_the_order_of_their_use(monkeypatch):
    folder, sets = RunCache("run").folder, {}
    for number in range(3):
        read = identity("0", number + 1)["read"]
        sets[number] = kept_data.new_set(folder, read, identity("0", number + 1))
        sets[number].arrays.write_bytes(b"x" * 100)
        assert kept_data.find(folder, {"window": number + 1}) is None, "it is not whole yet"
        sets[number].publish()
        os.utime(sets[number].about, (number, number))
    assert kept_data.find(folder, {"window": 1}) == sets[0]
    (folder / "left.pkl").write_bytes(b"by a loader that was killed")
    assert kept_data.make_room(folder, 0).taken == 300
    assert not (folder / "left.pkl").exists()
    free = shutil.disk_usage(folder)
    monkeypatch.setattr(kept_data.shutil, "disk_usage", lambda _: free._replace(free=300))
    assert kept_data.make_room(folder, 301) == kept_data.Room(300, 300), "too large for any room"
    assert kept_data.make_room(folder, 100) == kept_data.Room(200, 300)
    assert [kept_data.find(folder, {"window": n}) is not None for n in (1, 2, 3)] == [1, 0, 1]
    monkeypatch.setattr(kept_data, "MOST_SETS", 2)
    assert kept_data.make_room(folder, 0).taken == 100


def test_where_nothing_can_be_kept_each_loads_but_what_is_kept_is_still_found():
    cache = RunCache("run")
    assert not cache.is_settled({"window": 8})
    kept = kept_data.new_set(cache.folder, identity("0", 8)["read"], identity("0", 8))
    kept.arrays.touch()
    kept.publish()
    assert not cache.is_settled({"window": 4})
    kept_data.new_set(cache.folder, None).publish()
    assert cache.is_settled({"window": 4})
    assert kept_data.find(cache.folder, {"window": 8}) == kept
    assert kept_data.find(cache.folder, {"window": 4}).identity is None
    unwritable = RunCache("other")
    unwritable.note_loaded({"window": 4})
    assert unwritable.is_settled({"window": 8})
