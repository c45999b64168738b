"""The same sweep on a Dask cluster.

Workers, scheduler and controller are killed, and nothing is lost or doubled.
"""

import contextlib
import signal
import socket

import psutil
import pytest

from support.bits import trained
from support.command import Running, begun, command, logged, python, run, sessions, sweep, table
from support.dask_cluster import DaskCluster, until
from sweep.experience.folder import experiences_in
from sweep.experience.lease import open_session
from sweep.system.host import cache_folder


def slowed(hold=""):
    """Return the change of a space to one whose batches are slow.

    Workers and scheduler need time to notice a death, so a training needs time to be killed in. All
    second epochs wait for as long as the file ``hold`` exists.
    """
    callbacks = f"""    import os
    import time

    import keras

    def wait(epoch, logs):
        while epoch and os.path.exists({str(hold)!r}):
            time.sleep(0.02)

    pause = lambda batch, logs: time.sleep(0.2)
    return [keras.callbacks.LambdaCallback(on_train_batch_end=pause, on_epoch_begin=wait)]"""
    return "    return [cut.Cut()]", callbacks


SLOW = slowed()
WORDS = ("--sampler", "random", "--threads", 1, "--save-freq", 4)


@contextlib.contextmanager
def workers_on_this_machine(folder, workers=3):
    cluster = DaskCluster(folder).start_scheduler()
    try:
        for _ in range(workers):
            cluster.start_worker()
        yield cluster.wait_for(workers)
    finally:
        cluster.end()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Return a scheduler and three workers that no test kills."""
    with workers_on_this_machine(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def mortal(tmp_path):
    """Return a scheduler and three workers that a test may kill."""
    with workers_on_this_machine(tmp_path) as cluster:
        yield cluster


def training_now(root):
    """Return the processes that train under a root, as their sessions name them."""
    opened = [open_session(one.read()) for one in experiences_in(root)]
    pids = [one.process.pid for one in opened if one]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def has_trained(worker):
    """Return the condition that a worker trains just now, and has logged an epoch."""

    def trains(root):
        below = {one.pid for one in psutil.Process(worker.pid).children(recursive=True)}
        opened = [open_session(one.read()) for one in experiences_in(root) if one.log.exists()]
        return any(one and one.process.pid in below for one in opened)

    return trains


# Whether each worker is killed with its whole tree; one that is killed alone comes back by itself.
KILLS = [(True,), (True, False, True)]


@pytest.mark.long
@pytest.mark.parametrize("kills", KILLS)
def test_workers_each_killed_once_and_the_controller_killed_once_end_as_if_uncut(
    tmp_path, space, kills
):
    root, trials, hold = tmp_path / "root", 3 * len(kills), tmp_path / "hold"
    path, words = space(slowed(hold)), (*WORDS, "--sampler", "grid", "--trials", trials)
    with workers_on_this_machine(tmp_path, len(kills)) as mortal:
        address = ("--cluster", mortal.address)
        hold.touch()
        running = Running(root, *words, *address, space=path)
        # However late a worker is, a training waits for it, and for its end.
        for worker, tree in zip(list(mortal.workers), kills, strict=True):
            running.wait_for(has_trained(worker), 120)
            mortal.kill(worker, tree)
            if tree:
                mortal.start_worker()
        hold.unlink()
        running.wait_for(begun(trials // 2 + 1), 120).kill_tree()
        assert ": epoch 2 of 3, val_acc 0." in run(root, *words, *address, space=path), (
            "progress is read in the folders"
        )
    run(tmp_path / "twin", *words, space=path)
    assert table(root, space=path) == table(tmp_path / "twin", space=path)
    assert trained(root) == trained(tmp_path / "twin")
    assert sum(count - 1 for count in sessions(root).values()) >= len(kills), (
        "each killed worker was training"
    )


@pytest.mark.long
def test_a_controller_that_comes_back_waits_for_what_still_trains(cluster, tmp_path, space):
    path, root = space(SLOW), tmp_path / "root"
    words = (*WORDS, "--trials", 2, "--epochs", 20, "--cluster", cluster.address)
    Running(root, *words, space=path).wait_for(begun(2), 120).kill_tree()
    assert training_now(root), "the trainings outlive their controller"
    assert "trains it, and is waited for" in run(root, *words, space=path)
    assert set(sessions(root).values()) == {1}, "none was trained twice"


@pytest.mark.long
def test_a_scheduler_that_is_killed_and_started_again_is_waited_for(mortal, tmp_path, space):
    path, root = space(SLOW), tmp_path / "root"
    running = Running(
        root, *WORDS, "--trials", 4, "--workers", 3, "--cluster", mortal.address, space=path
    )
    running.wait_for(logged(2), 120)
    mortal.kill(mortal.scheduler)
    until(lambda: not training_now(root))  # a worker without its scheduler saves, and ends
    mortal.start_scheduler()
    mortal.start_worker()
    status, said = running.end(180)
    assert status == 0, said
    assert f"the cluster at {mortal.address} does not answer" in said
    assert "Traceback" not in said
    run(tmp_path / "twin", *WORDS, "--trials", 4, space=path)
    assert trained(root) == trained(tmp_path / "twin")


@pytest.mark.long
def test_the_workers_of_a_host_load_once_for_each_set_of_values(cluster, tmp_path, space):
    calls = tmp_path / "calls"
    note = f"    open({str(calls)!r}, 'a').write(str(parameters['window']))"
    path = space(("    window = parameters", f"{note}\n    window = parameters"), of="windowed")
    # Two workers may be given one combination: the sweep ends once all have been tried.
    words = ("--sampler", "grid", "--threads", 1, "--trials", 12)
    run(tmp_path / "root", *words, "--cluster", cluster.address, space=path)
    assert sorted(calls.read_text()) == ["4", "8"]
    run(tmp_path / "twin", *words, space=path)
    assert trained(tmp_path / "root") == trained(tmp_path / "twin")


@pytest.mark.long
def test_the_workers_of_a_host_load_the_data_once_and_keep_them_for_the_run(
    cluster, tmp_path, space
):
    """They all see the cache of this host.

    A worker lets go of a killed run with its next training of that root.
    """
    calls, kept = tmp_path / "calls", cache_folder() / "data"
    path = space(
        SLOW, ("    from sklearn", f"    open({str(calls)!r}, 'a').write('x')\n    from sklearn")
    )
    root = tmp_path / "root"
    words = ("--trials", 6, "--cluster", cluster.address)
    running = Running(root, *WORDS, *words, space=path).wait_for(logged(2), 120)
    assert calls.read_text() == "x"
    assert any([*one.glob("*.pkl")] for one in kept.iterdir())
    running.kill_tree()
    of_the_killed = {one for one in kept.iterdir() if one.is_dir()}
    run(root, *WORDS, *words, space=path)
    assert calls.read_text() == "xx"
    left = {one for one in kept.iterdir() if one.is_dir()}
    assert left <= of_the_killed, "of a run that ends, nothing stays"
    assert len({one.read().data_identity["digest"] for one in experiences_in(root)}) == 1


@pytest.mark.long
def test_ctrl_c_saves_and_stops_what_runs_on_the_cluster(cluster, tmp_path, space):
    path, root = space(SLOW), tmp_path / "root"
    words = (*WORDS, "--trials", 3, "--cluster", cluster.address)
    running = Running(root, *words, space=path).wait_for(logged(1), 120)
    status, said = running.interrupt(signal.SIGINT).end()
    assert status == 130, said
    assert not training_now(root)
    assert all(
        one.read().sessions[-1].ended.how in ("stopped", "outcome") for one in experiences_in(root)
    )
    run(root, *words, space=path)
    run(tmp_path / "twin", *WORDS, "--trials", 3, space=path)
    assert trained(root) == trained(tmp_path / "twin")


@pytest.mark.long
def test_the_pruner_has_its_word_on_a_cluster_too(cluster, tmp_path):
    words = (
        "--trials",
        8,
        "--sampler",
        "random",
        "--threads",
        1,
        "--pruner",
        "median",
        "--workers",
        1,
    )
    run(tmp_path / "root", *words, "--cluster", cluster.address)
    run(tmp_path / "twin", *words)
    assert "pruned" in {row[-1] for row in table(tmp_path / "twin")}
    assert table(tmp_path / "root") == table(tmp_path / "twin")


@pytest.mark.long
def test_a_worker_that_does_not_see_the_root_is_refused(tmp_path, space):
    root, cluster = tmp_path / "root", DaskCluster(tmp_path).start_scheduler()
    root.mkdir()
    cluster.start_worker(
        "unshare", "-rm", "sh", "-c", f'mount -t tmpfs none {root} && exec "$@"', "sh"
    )
    try:
        done = sweep(
            "run",
            space(),
            "--root",
            root,
            *WORDS,
            "--trials",
            2,
            "--cluster",
            cluster.wait_for(1).address,
        )
    finally:
        cluster.end()
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert (
        f"on {socket.gethostname()} does not see the root {root}: "
        "let it lie on a file system that all machines" in last
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:9", "The cluster at tcp://127.0.0.1:9 does not answer"),
        ("nonsense", "--cluster nonsense is no address"),
    ],
)
def test_where_there_is_no_scheduler_it_says_so(tmp_path, address, said):
    done = sweep("run", "digits_mlp", "--root", tmp_path, "--cluster", address)
    assert done.returncode == 1
    connecting, *lines = done.stderr.splitlines()
    assert connecting == f"connecting to {address}"
    assert [line.partition(" (")[0] for line in lines] == [f"sweep: {said}"]


def test_without_dask_it_says_what_to_install(tmp_path):
    words = command(["run", "digits_mlp", "--root", tmp_path, "--cluster", "tcp://127.0.0.1:9"])
    code = (
        f"import sys; sys.modules['distributed'] = None; sys.argv = {words[2:]!r}; "
        "import sweep.__main__ as m; m.main()"
    )
    done = python("-c", code)
    assert done.returncode == 2
    assert "pip install 'keras-sweep[cluster]'" in done.stderr


@pytest.mark.long
def test_two_trainings_of_one_folder_on_a_worker_both_hear_the_pruner_and_the_stop(tmp_path, space):
    """The second waits on the same worker for the first, which asks the pruner.

    The second is that of a controller that came back.
    """
    root, cluster = tmp_path / "root", DaskCluster(tmp_path).start_scheduler()
    cluster.start_worker(threads=2)
    words = (
        *WORDS,
        "--trials",
        1,
        "--epochs",
        20,
        "--workers",
        1,
        "--pruner",
        "median",
        "--cluster",
        cluster.address,
    )
    try:
        cluster.wait_for(1)
        Running(root, *words, space=space(SLOW)).wait_for(begun(1), 120).kill_tree()
        assert "trains it, and is waited for" in run(root, *words, space=space(SLOW))
    finally:
        cluster.end()
    assert set(sessions(root).values()) == {1}
