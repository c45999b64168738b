"""Data are loaded once, kept on the disk and shared; with or without, a training is the same."""

import subprocess

import pytest

from support.bits import trained
from support.command import in_keras, run, shell, sweep

WORDS = ("--sampler", "random", "--threads", 1)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def counted(space, tmp_path):
    """Return a space that notes each call of ``load_data``, and a function that returns how many there were."""
    calls = tmp_path / "calls"
    note = f"    open({str(calls)!r}, 'a').write('x')\n    from sklearn"
    return space(("    from sklearn", note)), lambda: len(calls.read_text())


def test_a_whole_sweep_loads_once_and_so_do_two(counted, tmp_path):
    path, calls = counted
    run(tmp_path / "one", *WORDS, "--trials", 3, "--workers", 2, space=path)
    assert calls() == 1
    run(tmp_path / "two", *WORDS, "--trials", 1, space=path)
    assert calls() == 1


def test_each_training_loads_where_nothing_is_to_be_kept_and_ends_alike(counted, tmp_path):
    path, calls = counted
    run(tmp_path / "kept", *WORDS, "--trials", 3, space=path)
    run(tmp_path / "not", *WORDS, "--trials", 3, "--no-data-cache", space=path)
    assert calls() == 1 + len(trained(tmp_path / "not"))
    assert trained(tmp_path / "kept") == trained(tmp_path / "not")


def test_another_text_of_the_search_space_loads_again(counted, tmp_path):
    path, calls = counted
    run(tmp_path / "root", *WORDS, "--trials", 1, space=path)
    path.write_text(path.read_text().replace("x[:250]", "x[50:300]"))
    run(tmp_path / "root", *WORDS, "--trials", 2, "--accept-change", space=path)
    assert calls() == 2
    assert len(list((tmp_path / "cache" / "sweep" / "data").glob("*/*/whole"))) == 1, (
        "of one space, one text's"
    )


def test_what_load_data_draws_is_the_same_for_all(counted, tmp_path, space):
    """Also where the trainings have other seeds, and whether or not one of them has found the data kept."""
    drawn = (
        "    return (x[:250]",
        "    import random, numpy\n    x[:] = numpy.random.rand(1797, 64) + random.random()\n    return (x[:250]",
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


def test_data_that_a_power_cut_has_left_torn_are_loaded_again(counted, tmp_path):
    path, calls = counted
    run(tmp_path / "root", *WORDS, "--trials", 1, space=path)
    (kept,) = (tmp_path / "cache" / "sweep" / "data").glob("*/*/**/output.pkl")
    content = kept.read_bytes()
    kept.write_bytes(content[:-20000] + bytes(20000))
    (whole,) = (tmp_path / "cache" / "sweep" / "data").glob("*/*/whole")
    whole.unlink()
    run(tmp_path / "root", *WORDS, "--trials", 2, space=path)
    assert calls() == 2
    assert kept.read_bytes() == content


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
    assert calls() == 2


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
from sweep import batches
draw = np.random.default_rng(0)
x = {"a": draw.random((103, 4, 2), dtype="float32"), "b": draw.integers(0, 9, (103, 1))}
y = draw.integers(0, 3, 103)
found = []
for batches.LARGE_BYTES in (2**30, 0):
    made = batches.Batches((x, y), 10, 5)
    made.begin(3)
    in_graph = tf.function(made.batch)
    numbers = [tf.constant(number, tf.int64) for number in range(made.count)]
    found.append([[part.numpy().tolist() for part in tf.nest.flatten(in_graph(number))] for number in numbers])
    shape = lambda part: part.shape[1:]
    assert tf.nest.map_structure(shape, made.spec()) == tf.nest.map_structure(shape, made.batch(numbers[0]))
assert any(source is x["a"] for source in tf.nest.flatten(made._data))
print(json.dumps([found[0] == found[1], len(found[0]), len(found[0][-1][0])]))
"""
    assert in_keras(code) == [True, 11, 3]


def test_processes_share_one_copy_of_large_data(space):
    """Of 160 MB, each of two processes holds a few for itself."""
    ones = "    import numpy\n    x, y = numpy.ones((40_000, 1000), 'float32'), numpy.zeros(40_000)\n    return (x[:250]"
    large = space(("    return (x[:250]", ones), ("x[:250] / 16, y[:250]", "x, y"))
    code = f"""
import json, pathlib
from sweep import batches, data, search_space
space = search_space.load(search_space.find({str(large)!r}))
def private_mb():  # what is no page of a file: those are shared
    lines = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("Anonymous:"))

data.load_data(space, keep=True)
before = private_mb()
(x, y), _ = data.load_data(space, keep=True)
made = batches.Batches((x, y), 100, 0)
total = sum(float(made.batch(number)[0].numpy().sum()) for number in range(made.count))
print(json.dumps([total, private_mb() - before]))
"""
    total, private_mb = in_keras(code)
    assert total == 40_000 * 1000
    assert private_mb < 60
