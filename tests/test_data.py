"""Data are loaded once a run, and shared; they are known again, and other data are refused."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from support.bits import only, trained
from support.command import Running, in_keras, run, shell, sweep
from support.stand_ins import NoTraining, control
from support.tiers import sampled
from sweep.errors import SweepError
from sweep.experience.folder import experiences_in
from sweep.system import installed
from sweep.system.host import cache_folder
from sweep.training.data import opened_files, run_cache

WORDS = ("--sampler", "random", "--threads", 1)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def counted(space, tmp_path):
    """Return a space that notes each call of ``load_data``, and a function that counts them."""
    calls = tmp_path / "calls"
    note = f"    open({str(calls)!r}, 'a').write('x')\n    from sklearn"
    return space(("    from sklearn", note)), lambda: len(calls.read_text())


@pytest.fixture
def of_csv(space, tmp_path):
    """Return a space that reads a CSV, and that file."""
    table = tmp_path / "data" / "train.csv"
    table.parent.mkdir()
    write_csv(table, 0)
    read = f"""    import numpy

    x = numpy.loadtxt({str(table)!r}, delimiter=',')
    y = x[:, 0] > 0.5
    return (x[:250]"""
    path = space(
        ("    return (x[:250]", read),
        ("x[:250] / 16", "x[:250]"),
        ("x[250:400] / 16", "x[250:400]"),
    )
    return path, table


def write_csv(table, seed, rows=400):
    in_rows = [
        [(number * 7 + seed + row * row) % 10 / 10 for number in range(64)] for row in range(rows)
    ]
    table.write_text("\n".join(",".join(map(str, row)) for row in in_rows))


def refused(root, path, *words, **how):
    done = sweep("run", path, "--root", root, *WORDS, *words, **how)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def in_cache(tmp_path):
    place = tmp_path / "cache" / "sweep" / "data"
    return list(place.iterdir()) if place.exists() else []


def test_a_run_loads_once_for_all_workers_and_the_next_run_anew(counted, tmp_path):
    path, calls = counted
    run(tmp_path / "one", *WORDS, "--trials", 3, "--workers", 2, space=path)
    assert calls() == 1
    assert not in_cache(tmp_path)
    run(tmp_path / "two", *WORDS, "--trials", 1, space=path)
    assert calls() == 2


def test_each_training_loads_where_nothing_is_to_be_kept_and_ends_alike(counted, tmp_path):
    path, calls = counted
    run(tmp_path / "kept", *WORDS, "--trials", 3, space=path)
    run(tmp_path / "not", *WORDS, "--trials", 3, "--no-data-cache", space=path)
    assert calls() == 1 + len(trained(tmp_path / "not"))
    assert trained(tmp_path / "kept") == trained(tmp_path / "not")
    identities = [
        one.read().data_identity
        for name in ("kept", "not")
        for one in experiences_in(tmp_path / name)
    ]
    assert all(one == identities[0] for one in identities)


def test_another_run_over_the_root_is_refused_where_a_file_was_changed_which_is_named(
    of_csv, tmp_path
):
    path, table = of_csv
    root = tmp_path / "root"
    run(root, *WORDS, "--trials", 1, space=path)
    (file,) = only(root).read().data_identity["files"]
    assert (file["path"], file["bytes"]) == (str(table), table.stat().st_size)
    write_csv(table, 1)
    os.utime(table, (1.8e9, 1.8e9))
    said = refused(root, path, "--trials", 2, cwd=tmp_path)
    assert (
        f"{path}: load_data gives other data than the experiences in {root} were trained on" in said
    )
    assert "(data/train.csv was changed on 2027-01-15 08:00 UTC)" in said
    assert "take another --root, or go on with --accept-change." in said
    run(tmp_path / "another", *WORDS, "--trials", 1, space=path)
    assert trained(tmp_path / "another") != trained(root), "they are the data of now"
    write_csv(table, 0)
    run(root, *WORDS, "--trials", 2, space=path)


def test_accepted_once_other_data_are_those_of_the_root(of_csv, tmp_path):
    path, table = of_csv
    root = tmp_path / "root"
    run(root, *WORDS, "--trials", 1, space=path)
    write_csv(table, 1)
    run(root, *WORDS, "--trials", 3, "--accept-change", space=path)
    run(root, *WORDS, "--trials", 4, space=path)
    write_csv(table, 0)
    assert "was changed on" in refused(root, path, "--trials", 5)
    assert not any(one.read().approximate_because for one in experiences_in(root))


def test_a_resumed_training_says_that_its_data_were_changed_where_that_is_accepted(
    of_csv, tmp_path
):
    path, table = of_csv
    root = tmp_path / "root"
    words = (*WORDS, "--save-freq", 2)
    Running(root, *words, "--trials", 1, space=path, hold=2).held().kill_tree()
    left = only(root).log.read_bytes(), only(root).record.read_bytes()
    write_csv(table, 1, rows=390)
    assert "data/train.csv was changed on" in refused(root, path, "--trials", 1, cwd=tmp_path)
    assert (only(root).log.read_bytes(), only(root).record.read_bytes()) == left
    said = run(root, *WORDS, "--trials", 1, "--accept-change", space=path)
    record = only(root).read()
    assert "resumes at epoch" in said
    assert "its data were changed on the way: " in record.approximate_because
    assert "train.csv was changed on" in record.approximate_because
    assert record.outcome.state == "finished"


def test_a_changed_environment_variable_and_an_edited_helper_are_seen(space, tmp_path):
    helper = tmp_path / "scaling.py"
    helper.write_text("FACTOR = 16\n")
    path = space(
        ("    from sklearn", "    import os\n\n    import scaling\n    from sklearn"),
        ("x[:250] / 16", "x[:250] / scaling.FACTOR + float(os.environ.get('SHIFT', 0))"),
    )
    root = tmp_path / "root"
    run(root, *WORDS, "--trials", 1, space=path)
    said = refused(root, path, "--trials", 2, env={**os.environ, "SHIFT": "1"})
    assert "no file that it opens was changed: see what else it reads" in said
    helper.write_text("FACTOR = 8  # edited\n")
    assert "was changed in FACTOR in scaling.py" in refused(root, path, "--trials", 2)
    helper.write_text("FACTOR = 16\n")
    run(root, *WORDS, "--trials", 2, space=path)


def test_data_that_are_drawn_without_a_seed_are_refused_with_the_mend(space, tmp_path):
    drawn = (
        "    import numpy\n\n    x = numpy.random.default_rng().random((400, 64)) * 16\n"
        "    return (x[:250]"
    )
    path = space(("    return (x[:250]", drawn))
    run(tmp_path / "root", *WORDS, "--trials", 2, space=path)
    assert "give what it draws at random a seed, as numpy.random.default_rng(0)" in refused(
        tmp_path / "root", path, "--trials", 6
    )


class OtherDataEachTime(NoTraining):
    def train(self, job, stop, on_news):
        digest = f"{job.record.trials[0].number:064d}"
        job.record.data_identity = {"digest": digest, "files": [], "count": 0}
        return super().train(job, stop, on_news)


def test_two_that_were_begun_side_by_side_are_found_to_have_other_data(space, tmp_path):
    """Each loads its own data, and neither had anything to be compared with."""
    with pytest.raises(SweepError, match=r"load_data gives each training of .* other data: give"):
        control(tmp_path / "root", space(), OtherDataEachTime(lambda *_: 0.5), trials=2)
    control(
        tmp_path / "any", space(), OtherDataEachTime(lambda *_: 0.5), trials=2, accept_change=True
    )


def test_a_record_without_a_digest_is_not_compared_and_gets_one(of_csv, tmp_path):
    path, table = of_csv
    root = tmp_path / "root"
    Running(root, *WORDS, "--trials", 1, space=path, hold=2).held().kill_tree()
    for file in [only(root).record, *only(root).sauvegarde.glob("*.json")]:
        content = json.loads(file.read_text())
        for one in (content, content.get("record", {})):
            one.pop("data_identity", None)
        file.write_text(json.dumps(content))
    assert only(root).read().data_identity is None
    write_csv(table, 1)
    run(root, *WORDS, "--trials", 1, space=path)
    assert only(root).read().data_identity["count"] == 1
    assert "did not continue as before" in only(root).read().approximate_because, "its own proof"


GLOBALS = {
    "plain values": ("SCALE = {}", "    SCALE['of'] = 8\n", "SCALE.get('of', 1)", 1),
    "an array": (
        "SCALE = None",
        "    global SCALE\n    import numpy\n\n    SCALE = numpy.full(1, 8.0)\n",
        "SCALE[0]",
        1,
    ),
    "an object": (
        "class Scaler:\n    by = 1\n\n\nSCALE = Scaler()",
        "    SCALE.by = 8\n",
        "SCALE.by",
        4,
    ),
    "a class": ("class Scaler:\n    by = 1", "    Scaler.by = 8\n", "Scaler.by", 4),
    "a layer that is new": (
        "SCALE = None",
        "    global SCALE\n    import keras\n\n    SCALE = keras.layers.Rescaling(8)\n",
        "SCALE.scale",
        4,
    ),
    "a module beside": (
        None,
        "    import scaling\n\n    scaling.BY = 8\n",
        "__import__('scaling').BY",
        1,
    ),
}


@pytest.mark.parametrize("kind", sampled(GLOBALS, "an array", "an object", "a module beside"))
def test_a_global_that_load_data_sets_is_the_same_in_all_trainings(counted, tmp_path, kind):
    """So are the names of layers, which count those that load_data makes."""
    (tmp_path / "scaling.py").write_text("BY = 1\n")
    path, calls = counted
    begin, load, use, loads = GLOBALS[kind]
    text = path.read_text().replace("    from sklearn", f"{load}    from sklearn", 1)
    text = text.replace("SGD(parameters", f"SGD({use} * 0.01 * parameters")
    path.write_text(text.replace("FIXED =", f"{begin}\nFIXED =") if begin else text)
    run(tmp_path / "kept", *WORDS, "--trials", 3, space=path)
    many = len(trained(tmp_path / "kept"))
    assert calls() == (1 if loads == 1 else 1 + many)
    run(tmp_path / "not", *WORDS, "--trials", 3, "--no-data-cache", space=path)
    assert many > 1
    assert trained(tmp_path / "kept") == trained(tmp_path / "not")


def test_what_load_data_draws_is_the_same_for_all(counted, tmp_path, space):
    """Also if the trainings have other seeds, and whether or not one has found the data kept."""
    drawn = (
        "    return (x[:250]",
        "    import random, numpy\n    x[:] = numpy.random.rand(1797, 64) + random.random()\n"
        "    return (x[:250]",
    )
    by_seed = [
        ('rate", [0.3, 0.1, 0.03])}', 'rate", [0.3]), "seed": trial.suggest_int("seed", 0, 5)}'),
        (', "seed": 0}', "}"),
    ]
    path = space(drawn, *by_seed)
    run(tmp_path / "kept", *WORDS, "--trials", 4, space=path)
    run(tmp_path / "not", *WORDS, "--trials", 4, "--no-data-cache", space=path)
    assert len(trained(tmp_path / "kept")) > 1
    assert trained(tmp_path / "kept") == trained(tmp_path / "not")


def test_what_a_killed_run_and_older_versions_left_is_removed_by_the_next(counted, tmp_path):
    path, calls = counted
    root = tmp_path / "root"
    Running(root, *WORDS, "--trials", 2, space=path, hold=2).held().kill_tree()
    assert [*(tmp_path / "cache").rglob("*.pkl")]
    older = tmp_path / "cache" / "sweep" / "data" / "0123456789abcdef"
    older.mkdir()
    older.with_suffix(".lock").touch()
    (older / "whole").touch()
    run(root, *WORDS, "--trials", 2, space=path)
    assert not in_cache(tmp_path)
    assert calls() == 2


def test_a_folder_that_is_held_is_not_removed_and_one_of_another_host_is_after_a_month(monkeypatch):
    held = run_cache.RunCache("run")
    another = held.folder.with_name("run-elsewhere")
    another.mkdir()
    run_cache.RunCache("next").release()
    assert held.folder.exists()
    assert another.exists()
    os.utime(another, (0, time.time() - run_cache.FORGOTTEN_S - 1))
    run_cache.RunCache("next").release()
    assert held.folder.exists()
    assert not another.exists()
    second = run_cache.RunCache("run")
    held.release()
    assert second.folder.exists()
    second.release()
    assert not second.folder.exists()


@pytest.mark.long
def test_where_the_cache_has_no_room_it_trains_all_the_same(counted, tmp_path):
    path, calls = counted
    small = tmp_path / "cache"
    small.mkdir()
    words = shell("run", path, "--root", tmp_path / "root", *WORDS, "--trials", 2)
    script = (
        f"mount -t tmpfs -o size=64k none {small} && {words} && find {small} -name '*.pkl*' >&2"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert ".pkl" not in done.stderr, "nothing half written stays"
    assert calls() == 3
    assert "each training loads its data: they take" in done.stderr


def test_what_is_wrong_with_the_data_is_said_and_not_kept(counted, tmp_path):
    path, calls = counted
    right = path.read_text()
    path.write_text(right.replace("y[:250]", "y[:249]"))
    for _ in range(2):
        done = sweep("run", path, "--root", tmp_path / "root")
        assert "250 samples in x_train but 249 in y_train" in done.stderr
    assert calls() == 2


def test_large_arrays_are_not_copied_and_give_the_same_batches():
    code = """
import json, numpy as np, tensorflow as tf
from sweep.training.data import array_batches
draw = np.random.default_rng(0)
x = {"a": draw.random((103, 4, 2), dtype="float32"), "b": draw.integers(0, 9, (103, 1))}
y = draw.integers(0, 3, 103)
found = []
for array_batches.LARGE_BYTES in (2**30, 0):
    made = array_batches.ArrayBatches((x, y), 10, 5)
    made.begin(3)
    in_graph = tf.function(made.batch)
    numbers = [tf.constant(number, tf.int64) for number in range(made.count)]
    found.append([
        [part.numpy().tolist() for part in tf.nest.flatten(in_graph(number))] for number in numbers
    ])
    shape = lambda part: part.shape[1:]
    first = made.batch(numbers[0])
    assert tf.nest.map_structure(shape, made.spec()) == tf.nest.map_structure(shape, first)
assert any(source is x["a"] for source in tf.nest.flatten(made._data))
print(json.dumps([found[0] == found[1], len(found[0]), len(found[0][-1][0])]))
"""
    assert in_keras(code) == [True, 11, 3]


def test_processes_share_one_copy_of_large_data(space):
    """Of 160 MB, each of two processes holds a few for itself."""
    ones = (
        "    import numpy\n    x, y = numpy.ones((40_000, 1000), 'float32'), numpy.zeros(40_000)\n"
        "    return (x[:250]"
    )
    large = space(("    return (x[:250]", ones), ("x[:250] / 16, y[:250]", "x, y"))
    code = f"""
import json, pathlib
from sweep.space import search_space, source
from sweep.space.noted_parameters import NotedParameters
from sweep.training.data import array_batches, loading, run_cache
space = search_space.load(source.find({str(large)!r}))
def private_mb():  # what is no page of a file: those are shared
    lines = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("Anonymous:"))

held = run_cache.RunCache("run")
loading.load_and_keep(space, NotedParameters({{}}), "run")
before = private_mb()
(x, y), _ = loading.load_data(space, NotedParameters({{}}), "run").data
made = array_batches.ArrayBatches((x, y), 100, 0)
total = sum(float(made.batch(number)[0].numpy().sum()) for number in range(made.count))
print(json.dumps([total, private_mb() - before]))
"""
    total, private_mb = in_keras(code)
    assert total == 40_000 * 1000
    assert private_mb < 60


def test_what_is_much_is_said_and_what_the_disk_has_no_room_for_is_not_kept(space):
    code = f"""
import json
from sweep.space import search_space, source
from sweep.space.noted_parameters import NotedParameters
from sweep.training.data import kept_data, loading, run_cache
space = search_space.load(source.find({str(space())!r}))
found = []
cases = ("one", 10**9, 0.5), ("two", 0, 0.5), ("three", 0, 0.0)
for run, loading.MUCH_BYTES, kept_data.SHARE in cases:
    held = run_cache.RunCache(run)
    said = loading.load_and_keep(space, NotedParameters({{}}), run)
    found.append([said, bool([*held.folder.glob("*.pkl")]), held.is_settled({{}})])
print(json.dumps(found))
"""
    small, much, too_much = in_keras(code)
    assert small == [None, True, True]
    assert "105.6 kB of data are kept in " in much[0]
    assert "each training loads its data: they take 105.6 kB" in too_much[0]
    assert too_much[1:] == [False, True]


def test_the_files_that_explain_other_data_are_named(tmp_path):
    names = ("a.csv", "b.csv", "c.csv")
    for name in names:
        (tmp_path / name).write_text("1")
    before = opened_files.files_of([str(tmp_path / name) for name in names])
    assert opened_files.describe_changes(before, before) is None
    (tmp_path / "a.csv").write_text("12")
    (tmp_path / "b.csv").unlink()
    now = opened_files.files_of([str(tmp_path / name) for name in ("a.csv", "c.csv")])
    said = opened_files.describe_changes(before, now)
    assert said.startswith(f"{tmp_path}/a.csv was changed on ")
    assert said.endswith(f" UTC, {tmp_path}/b.csv is gone")
    assert opened_files.describe_changes(now[1:], now) == f"{tmp_path}/a.csv is new"
    others = [{**one, "path": f"/{number}"} for number, one in enumerate(before * 2)]
    assert (
        opened_files.describe_changes(others, [])
        == "/0 is gone, /1 is gone, /2 is gone, and 3 more"
    )


LEFT_BEHIND = {
    "nothing": ("L = keras.layers.Normalization()\nS = StandardScaler()", "pass", True),
    "a list in place": ("V = []\nF = [lambda: V]", "V.append(1)", True),
    "two names": ("V = W = None", "global V, W; V = []; W = {'of': V}", False),
    "a name for what was there": ("V = [1]\nW = None", "global W; W = V", False),
    "another function": ("F = lambda x: x", "global F; F = lambda x: 2 * x", False),
    "a table": (
        "N = tf.constant([1], 'int64')\n"
        "V = {1: tf.lookup.experimental.MutableHashTable('int64', 'int64', 0)}",
        "V[1].insert(N, N)",
        False,
    ),
    "a variable": ("V = [tf.Variable(1.0)]", "V[0].assign(2.0)", False),
    "a layer": (
        "V = [keras.layers.Normalization()]",
        "V[0].adapt(tf.constant([[1.0], [2.0]]))",
        False,
    ),
    "an object of an installed package": ("V = [StandardScaler()]", "V[0].fit([[1.0]])", False),
    "an object that cannot be pickled": ("V = [helper.Locked()]", "V[0].by = 2", False),
    "an object with slots": ("V = helper.Slots()", "V.by = 2", False),
    "a memo": ("@functools.cache\ndef f(): return []", "f().append(1)", False),
    "a default": ("V = {}\ndef f(v=V): return v", "V[1] = 1", False),
    "the path of modules": ("", "sys.path.append('/nowhere')", False),
    "eager functions": ("", "tf.config.run_functions_eagerly(True)", False),
    "a setting by an import": ("", "import setting", False),
    "a number drawn by an import": ("", "import drawing", False),
    "an import that ends": ("def f(): import script", "pass", True),
}


def test_what_load_data_leaves_behind_is_carried_over_whole_or_noticed(tmp_path):
    files = {
        "helper.py": "import threading\n\nclass Locked:\n    by, lock = 1, threading.Lock()\n"
        "    def __init__(self):\n        self.lock = threading.Lock()\n"
        "class Slots:\n    __slots__ = ('by',)\n    def __init__(self):\n        self.by = 1\n",
        "setting.py": "import keras\n\nkeras.config.set_epsilon(0.1)\n",
        "drawing.py": "import random\n\nrandom.random()\n",
        "script.py": "raise SystemExit(3)\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for number, (begin, load, _) in enumerate(LEFT_BEHIND.values()):
        (tmp_path / f"space{number}.py").write_text(
            "import functools, sys, keras, tensorflow as tf, helper\n"
            f"from sklearn.preprocessing import StandardScaler\n{begin}\n\n"
            f"def load_data():\n    {load}\n\n"
            "def suggest(trial): pass\n\ndef build_model(parameters): pass\n"
        )
    code = f"""
import json, sys
import keras, tensorflow as tf
from sweep.space import search_space, source
from sweep.training.data import module_globals
keras.utils.set_random_seed(0)
found = []
for number in range({len(LEFT_BEHIND)}):
    space = search_space.load(source.find({str(tmp_path)!r} + f"/space{{number}}.py"))
    before = module_globals.ModulesBefore(space.source.modules)
    space.load_data()
    found.append(before.changes({{}}) is not None)
    tf.config.run_functions_eagerly(False)
    sys.modules.pop("search_spaces." + space.source.name)
print(json.dumps(found))
"""
    are_carried = dict(zip(LEFT_BEHIND, in_keras(code), strict=True))
    assert are_carried == {what: carried for what, (*_, carried) in LEFT_BEHIND.items()}


def test_the_user_is_told_what_there_is_to_wait_for_and_that_the_loader_died(space, tmp_path):
    slow = (
        f"    import os, time\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    )
    path = space(("    from sklearn", f"{slow}    time.sleep(2.5)\n    from sklearn"))
    running = Running(tmp_path / "root", *WORDS, "--trials", 1, space=path)
    running.wait_for(lambda _: "its data are being loaded, once for" in running.said())
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    code, said = running.end()
    assert code == 0
    assert "while its data were loaded, its process was killed by SIGKILL" in said
    assert "memory may have run out: it is begun again\n" in said


def test_without_a_home_there_is_a_cache_all_the_same(monkeypatch):
    def no_home():
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder().parent == Path(tempfile.gettempdir())


def test_what_lies_below_the_prefix_of_python_may_be_the_users(tmp_path):
    assert not installed.is_of_python(str(Path(sys.prefix) / "project" / "helpers.py"))
    for module in (subprocess, pytest, opened_files):
        assert installed.is_of_python(module.__file__)


def test_only_files_of_the_user_that_python_reads_are_noted(tmp_path):
    table = tmp_path / "data.csv"
    with opened_files.noting_opened_files() as paths:
        table.write_text("1")
        table.read_text()
        for path in (subprocess.__file__, "/proc/self/stat"):
            Path(path).read_text()
    (tmp_path / "later.csv").touch()
    (tmp_path / "later.csv").read_text()
    assert paths == [str(table)]


@pytest.mark.parametrize("floatx", ["bfloat16", "float16"])
def test_another_float_of_keras_works_or_is_one_sentence(tmp_path, space, floatx):
    top = f"import keras\n\nkeras.config.set_floatx({floatx!r})\n\nFIXED ="
    path = space(("FIXED =", top))
    done = sweep("run", path, "--root", tmp_path / "root", "--trials", 1, "--epochs", 1)
    if floatx == "bfloat16":
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"sweep: {path}: floatx is bfloat16, of")
    else:
        assert done.returncode == 0, done.stderr
