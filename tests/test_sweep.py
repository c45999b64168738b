"""A whole sweep, cut anywhere and run again, ends as if never cut; nothing is trained twice."""

import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from support.bits import trained
from support.command import TOY, Running, in_keras, python, run, sessions, sweep, table
from support.full_disk import run_on_a_disk_of
from support.tiers import sampled
from support.trainer import SPACES
from sweep.experience.accounting import trained_s
from sweep.experience.folder import experiences_in
from sweep.experience.record import State

TRIALS = 5


@pytest.fixture
def uncut(whole):
    return whole(TRIALS)


def assert_equal(root, twin):
    assert trained(root) == trained(twin)
    assert table(root) == table(twin)


def test_run_again_a_sweep_that_is_done_trains_nothing(uncut, tmp_path):
    root = shutil.copytree(uncut, tmp_path / "root")
    before = {
        path: path.stat().st_mtime_ns
        for path in root.rglob("*")
        if path.parent.name in sessions(root)
    }
    done = sweep("run", TOY, "--root", root, "--trials", TRIALS)
    assert done.returncode == 0
    assert f"{TRIALS} finished, 0 interrupted, 0 failed, 0 to do" in done.stderr
    assert "Keras" not in done.stderr, "it would import Keras for nothing"
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert done.stdout.splitlines()[-1] == sweep("best", TOY, "--root", root).stdout.strip()


def test_the_best_model_gives_the_best_val_acc_of_its_log(uncut):
    path = sweep("best", TOY, "--root", uncut).stdout.strip()
    best = max(value for _, _, value, _ in table(uncut))
    code = f"""
import sys, keras
sys.path.append({str(SPACES)!r})
import toy
_, validation = toy.load_data()
best = keras.models.load_model({path!r})
print(best.evaluate(*validation, verbose=0, batch_size=50, return_dict=True)["acc"])
"""
    assert in_keras(code) == pytest.approx(best, abs=1e-7)


@pytest.mark.cold
@pytest.mark.parametrize("cuts", sampled([[1, 5, 11], [0, 2, 5, 8, 11]], [1, 5, 11]))
def test_a_sweep_whose_process_tree_is_killed_again_and_again_ends_as_if_uncut(
    uncut, tmp_path, cuts
):
    root, draw, words = tmp_path / "root", random.Random(1), ("--trials", TRIALS, "--save-freq", 2)
    for rows, at in zip(cuts, itertools.cycle(("begin", "batch", "end")), strict=False):
        running = Running(root, *words, hold=rows, at=at).held().go_on(slowly=True)
        time.sleep(draw.uniform(0, 0.3))
        running.kill_tree()
    run(root, *words)
    assert_equal(root, uncut)
    assert sum(sessions(root).values()) == len(sessions(root)) + len(cuts), "each hit a training"
    assert [one.state() for one in experiences_in(root)] == [State.FINISHED] * len(trained(uncut))


@pytest.mark.parametrize("length", sampled([0, 300], 0))
def test_a_record_torn_by_the_cut_costs_no_backup(uncut, tmp_path, length):
    Running(tmp_path, "--trials", TRIALS, "--save-freq", 2, hold=2).held().kill_tree()
    (experience,) = experiences_in(tmp_path)
    experience.record.write_bytes(experience.record.read_bytes()[:length])
    said = run(tmp_path, "--trials", TRIALS)
    assert f"trial 0 {experience.id}: resumes at epoch " in said
    assert_equal(tmp_path, uncut)


def test_a_controller_that_is_killed_alone_takes_its_trainings_with_it(uncut, tmp_path):
    running = Running(tmp_path, "--trials", TRIALS, hold=4).held()
    processes = running.tree.children(recursive=True)
    running.process.kill()
    running.process.wait()
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert alive == []
    run(tmp_path, "--trials", TRIALS)
    assert_equal(tmp_path, uncut)


def test_the_next_sweep_waits_for_a_training_that_outlived_its_controller(uncut, tmp_path):
    running = Running(tmp_path, "--trials", TRIALS, hold=1).held()
    (training,) = running.children()
    training.suspend()
    running.process.kill()
    running.process.wait()
    again = Running(tmp_path, "--trials", TRIALS)
    try:
        again.wait_for(lambda root: f"process {training.pid} on " in again.said())
        assert "trains it, and is waited for" in again.said()
    finally:
        training.resume()
    code, said = again.end(120)
    assert code == 0, said
    assert_equal(tmp_path, uncut)


@pytest.mark.parametrize(
    "number", sampled([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGTERM)
)
def test_a_sweep_that_is_stopped_saves_says_so_and_goes_on(uncut, tmp_path, number):
    running = Running(tmp_path, "--trials", TRIALS, hold=2).held()
    asked = time.monotonic()
    code, said = running.stop(number).end()
    assert code == 130
    assert time.monotonic() - asked < 10
    assert said.endswith("sweep: stopped, and all is saved: run the same command to resume\n")
    assert "Traceback" not in said
    assert "1 cut_off, 0 finished" in sweep("status", TOY, "--root", tmp_path).stdout
    run(tmp_path, "--trials", TRIALS)
    assert_equal(tmp_path, uncut)


@pytest.mark.long
def test_by_nohup_a_closed_terminal_is_not_heard(tmp_path):
    running = Running(tmp_path, "--trials", 1, hold=1, before=("nohup",)).held()
    running.interrupt(signal.SIGHUP)
    assert running.go_on(slowly=True).end()[0] == 0
    assert set(sessions(tmp_path).values()) == {1}


def test_a_second_ctrl_c_ends_at_once(tmp_path):
    running = Running(tmp_path / "root", hold=0).held()
    processes = running.tree.children(recursive=True)
    running.interrupt().wait_for(lambda root: "once more to end at once" in running.said())
    asked = time.monotonic()
    assert running.interrupt().end(10)[0] == 130
    assert time.monotonic() - asked < 5
    assert psutil.wait_procs(processes, timeout=10)[1] == []


@pytest.mark.cold
def test_ctrl_c_while_keras_is_imported_ends_soon(tmp_path):
    running = Running(tmp_path / "root").wait_for(lambda root: (root / "study.journal").exists())
    code, said = running.interrupt().end(10)
    assert code == 130
    assert "run the same command to resume" in said


HELD = r"\(at its peak it was seen to hold \d+\.\d [MG]B of memory\)"
KILLED = f"killed by SIGKILL {HELD}; if you did not do that, memory may have run out"


def test_a_training_that_is_killed_alone_goes_on_at_once_and_the_others_do_not_notice(
    uncut, tmp_path
):
    running = Running(tmp_path, "--trials", TRIALS, "--save-freq", 2, hold=2).held()
    running.children()[0].kill()
    code, said = running.end()
    assert code == 0
    assert re.search(f"its process was {KILLED}: it resumes from its backup\n", said)
    assert ": resumes at epoch " in said
    assert_equal(tmp_path, uncut)
    assert sum(sessions(tmp_path).values()) == 1 + len(sessions(tmp_path))


DIES_AT_ONCE = 'if parameters["units"] == 5: import os; os.kill(os.getpid(), 9)'
DIES_LATER = (
    "import os; die = lambda epoch, logs: "
    'epoch == 1 and parameters["units"] == 5 and os.kill(os.getpid(), 9)'
)
DYING = (
    f"    import keras\n    {DIES_LATER}\n"
    "    return [keras.callbacks.LambdaCallback(on_epoch_end=die)]"
)


@pytest.mark.parametrize(
    "changes",
    [
        [("    import keras\n\n    hidden", f"    {DIES_AT_ONCE}\n    import keras\n\n    hidden")],
        # Each time it trains the first epoch again, for no backup is made of it: that is no new
        # one.
        [("    return [cut.Cut()]", DYING)],
    ],
    ids=["before the first epoch", "in the second"],
)
def test_a_training_that_dies_three_times_in_one_epoch_fails_and_the_others_go_on(
    tmp_path, space, changes
):
    said = run(tmp_path / "root", "--trials", 6, "--sampler", "random", space=space(*changes))
    failed = [
        one.read() for one in experiences_in(tmp_path / "root") if one.state() is State.FAILED
    ]
    assert {record.parameters["units"] for record in failed} == {5}
    for record in failed:
        assert re.search(rf"{KILLED} \(3 times without a new", record.outcome.reason)
    told = re.findall(
        "memory may have run out: it (resumes from its backup|is begun again)\n", said
    )
    assert len(told) == 2 * len(failed)
    assert len(table(tmp_path / "root")) == 6


GONE_ONCE = """    import pathlib

    if pathlib.Path(FLAG).exists():
        pathlib.Path(FLAG).unlink()
        raise OSError(5, "gone")
"""


def test_data_on_a_drive_that_does_not_answer_is_waited_for(tmp_path, space):
    flag = tmp_path / "gone"
    flag.write_text("")
    once = GONE_ONCE.replace("FLAG", repr(str(flag)))
    said = run(
        tmp_path / "root",
        "--trials",
        1,
        space=space(("    from sklearn", f"{once}    from sklearn")),
    )
    assert "does not answer ([Errno 5] gone): it is begun again" in said
    assert [state for (state,) in table(tmp_path / "root", "state")] == ["finished"]


def test_where_only_the_log_and_the_model_are_left_it_says_that_it_begins_again(uncut, tmp_path):
    Running(tmp_path, "--trials", TRIALS, "--save-freq", 2, hold=2).held().kill_tree()
    (experience,) = experiences_in(tmp_path)
    experience.record.unlink()
    shutil.rmtree(experience.sauvegarde)
    (tmp_path / "study.journal").unlink()
    said = run(tmp_path, "--trials", TRIALS)
    assert (
        f"{experience.id}: begins again from the beginning: no backup of it had been made" in said
    )
    assert_equal(tmp_path, uncut)


def test_a_sigterm_to_a_training_alone_ends_nothing(uncut, tmp_path):
    running = Running(tmp_path, "--trials", TRIALS, hold=1).held()
    running.children()[0].terminate()
    running.server().terminate()
    assert running.go_on().end()[0] == 0
    assert_equal(tmp_path, uncut)
    assert set(sessions(tmp_path).values()) == {1}


def test_a_module_that_does_not_import_is_left_to_the_space(tmp_path, space, monkeypatch):
    (tmp_path / "on_a_gpu.py").write_text("raise RuntimeError('no GPU')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    careful = (
        "try:\n        import on_a_gpu\n    except RuntimeError:\n        pass\n"
        "    import keras\n\n    hidden"
    )
    said = run(
        tmp_path / "root", "--trials", 1, space=space(("import keras\n\n    hidden", careful))
    )
    assert "no GPU" not in said


@pytest.mark.parametrize(
    "at_its_top",
    [
        "import tensorflow as tf\nONE = tf.constant(1.0)",
        pytest.param(
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
            marks=pytest.mark.long,
        ),
    ],
    ids=["a tensor", "a thread"],
)
def test_a_module_that_no_training_can_be_forked_beside_is_not_preloaded(
    tmp_path, space, monkeypatch, at_its_top
):
    """An installed one: the search space's own are never preloaded."""
    (tmp_path / "site" / "helper-1.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "helper.py").write_text(at_its_top)
    seen = tmp_path / "imported_by"
    with (tmp_path / "site" / "helper.py").open("a") as file:
        file.write(f"\nimport os\nopen({str(seen)!r}, 'a').write(f'{{os.getpid()}}\\n')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    path = space(("import keras\n\n    hidden", "import helper, keras\n\n    hidden"))
    root = tmp_path / "root"
    run(root, "--trials", 2, "--sampler", "random", space=path)
    pids = [one.read().sessions[0].process.pid for one in experiences_in(root)]
    server, *trainings = map(int, seen.read_text().split())
    assert sorted(trainings) == sorted(pids)
    assert server not in pids
    assert {state for (state,) in table(root, "state", space=path)} == {"finished"}


KILLED_WHILE_IT_ASKS = """
import os, signal, socket, threading
from multiprocessing import forkserver
from sweep.running.local_processes import LocalProcesses

place = LocalProcesses([])
place.start()
place.wait_until_warm(threading.Event())
server = forkserver._forkserver
{asks}
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.long
@pytest.mark.cold
@pytest.mark.parametrize(
    "asks",
    [
        "socket.socket(socket.AF_UNIX).connect(server._forkserver_address)\n"
        "os.waitpid(server._forkserver_pid, 0)",
        "server.connect_to_new_process([])",
    ],
    ids=["with nothing sent", "for a process that it has not described"],
)
def test_the_server_says_nothing_where_its_controller_is_killed_while_it_asks(asks):
    killed = python("-c", KILLED_WHILE_IT_ASKS.format(asks=asks))
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, "")


def test_trainings_outlive_the_server_that_they_are_forked_from(uncut, tmp_path):
    running = Running(tmp_path, "--trials", TRIALS, hold=2).held()
    running.server().kill()
    code, said = running.go_on().end()
    assert code == 0, said
    assert len(table(tmp_path)) == TRIALS


def test_trainings_that_raise_or_diverge_fail_with_their_reason_and_the_others_go_on(
    tmp_path, space
):
    five, six = (
        'if parameters["units"] == 5: raise ValueError("no five")',
        'if parameters["units"] == 6: parameters["rate"] = 1e38',
    )
    wrong = space(
        ("    import keras\n\n    hidden", f"    {five}\n    {six}\n    import keras\n\n    hidden")
    )
    said = run(tmp_path / "root", "--trials", 6, "--sampler", "random", space=wrong)
    reasons = {
        one.read().parameters["units"]: one.read().outcome.reason
        for one in experiences_in(tmp_path / "root")
    }
    assert reasons[4] is None
    assert reasons[5] == "toy.py, line 19: ValueError: no five"
    assert reasons[6].startswith("loss is nan at the end of epoch")
    assert reasons[5] in said
    assert reasons[6] in said
    failed = next(
        one.read()
        for one in experiences_in(tmp_path / "root")
        if one.read().parameters["units"] == 5
    )
    assert 'raise ValueError("no five")' in failed.outcome.traceback


def test_a_space_that_cannot_be_built_stops_at_once_and_says_why(tmp_path, space):
    wrong = space(("    import keras\n\n    hidden", "    raise ValueError('never')\n    hidden"))
    done = sweep("run", wrong, "--root", tmp_path / "root")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "cannot begin: toy.py, line 19: ValueError: never; nor can any other: mend" in last
    assert not table(tmp_path / "root")
    assert "Traceback" not in done.stderr


def test_a_space_that_always_fails_stops_after_five_and_says_why(tmp_path, space):
    wrong = space(
        (
            "import cut\n",
            "import cut\n\n    cut.Cut.on_epoch_end = lambda self, epoch, logs: 1 / 0\n",
        )
    )
    done = sweep("run", wrong, "--root", tmp_path / "root", "--sampler", "random")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "sweep: The first 5 trials all failed, "
        "the last one because of toy.py, line 38: ZeroDivisionError"
    )
    assert len(table(tmp_path / "root")) == 5
    assert "Traceback" not in done.stderr


def test_a_sweep_that_failed_whole_begins_anew_once_the_mistake_is_mended(uncut, tmp_path, space):
    root = tmp_path / "root"
    wrong = space(
        (
            "import cut\n",
            "import cut\n\n"
            "    cut.Cut.on_epoch_end = lambda self, epoch, logs: parameters['unit']\n",
        )
    )
    done = sweep("run", wrong, "--root", root, "--trials", 2)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert (
        "The first 2 trials all failed, "
        "the last one because of toy.py, line 38: KeyError: 'unit'; mend" in last
    )
    assert "KeyError: 'unit'" in sweep("status", wrong, "--root", root).stdout
    said = run(root, "--trials", TRIALS, space=space())
    assert f"start from the beginning, and their files are in {root}/.quarantine" in said
    assert f"0 finished, 0 interrupted, 0 failed, {TRIALS} to do" in said
    assert_equal(root, uncut)


@pytest.mark.long
@pytest.mark.cold
def test_a_space_that_imports_keras_at_its_top_works_and_is_told_so(tmp_path, space):
    said = run(
        tmp_path / "root",
        "--trials",
        1,
        "--epochs",
        1,
        space=space(("FIXED =", "import keras\n\nFIXED =")),
    )
    assert (
        "imports Keras at its top: inside its functions, this would begin seconds earlier" in said
    )
    assert len(table(tmp_path / "root")) == 1


def test_equal_proposals_are_told_without_training(tmp_path, space):
    two = space(
        ("4, 6)", "4, 5)"),
        ('trial.suggest_categorical("rate", [0.3, 0.1, 0.03])', "0.1"),
    )
    run(tmp_path / "root", "--trials", 8, "--sampler", "random", space=two)
    rows = table(tmp_path / "root", "trial", "id_experience", "val_acc", space=two)
    assert [trial for trial, _, _ in rows] == list(range(8))
    assert list(sessions(tmp_path / "root").values()) == [1, 1]
    assert len({(name, value) for _, name, value in rows}) == 2


def test_two_workers_lose_nothing_and_do_nothing_twice_even_when_killed(tmp_path, space):
    two = space(('"units", 4, 6)', '"units", 4, 5)'))
    root = tmp_path / "root"
    Running(root, "--trials", 8, "--workers", 2, space=two, hold=4).held().kill_tree()
    cut = sessions(root)
    run(root, "--trials", 8, "--workers", 2, space=two)
    rows = table(root, "trial", "state", space=two)
    assert rows == [(trial, "finished") for trial in range(8)]
    assert all(number <= 1 + (name in cut) for name, number in sessions(root).items())


def test_a_pruner_ends_trainings_early_and_the_folder_says_so(tmp_path):
    said = run(
        tmp_path,
        "--trials",
        9,
        "--pruner",
        "successive_halving",
        "--sampler",
        "random",
        "--epochs",
        4,
    )
    states = [state for (state,) in table(tmp_path, "state")]
    assert "pruned" in states
    assert states.count("pruned") + states.count("finished") == 9
    pruned = next(one for one in experiences_in(tmp_path) if one.state() is State.PRUNED)
    assert pruned.read().outcome.reason.startswith("successive_halving ended it after epoch ")
    assert "pruned, val_acc 0." in said


@pytest.mark.long
def test_a_timeout_counts_over_all_sessions_and_a_longer_one_goes_on(uncut, tmp_path):
    Running(tmp_path, "--trials", TRIALS, hold=4).held().kill_tree()
    used_s = trained_s((one, one.read()) for one in experiences_in(tmp_path))
    said = run(tmp_path, "--trials", TRIALS, "--timeout", round(used_s / 2, 2))
    assert re.search(
        r"the timeout of \d+ s is used up, by \d+ s of training: "
        r"give a larger --timeout to resume\n",
        said,
    )
    assert "Keras" not in said, "it would import Keras for nothing"
    running = Running(
        tmp_path, "--trials", TRIALS, "--timeout", round(used_s + 10, 1), hold=5
    ).held()
    running.wait_for(lambda root: "s are over: all is saved at the next batch" in running.said())
    assert running.go_on(slowly=True).end()[0] == 0
    assert "finished" in {state for (state,) in table(tmp_path, "state")}
    assert len(table(tmp_path)) < TRIALS
    run(tmp_path, "--trials", TRIALS, "--timeout", "1h")
    assert_equal(tmp_path, uncut)


def test_once_the_target_is_reached_no_trial_begins(tmp_path):
    run(tmp_path, "--trials", 5, "--target", 0.01)
    assert len(table(tmp_path)) == 1
    said = run(tmp_path, "--trials", 5, "--target", 0.01)
    assert len(table(tmp_path)) == 1, "what was reached before the run counts too"
    assert "the target 0.01 is reached: no trial begins" in said


@pytest.mark.long
def test_a_study_in_sqlite_goes_on_too(uncut, tmp_path):
    where = ("--storage", f"sqlite:///{tmp_path}/study.db", "--trials", TRIALS)
    Running(tmp_path / "root", *where, hold=4).held().kill_tree()
    run(tmp_path / "root", *where)
    assert_equal(tmp_path / "root", uncut)


def test_without_its_study_a_sweep_trains_nothing_again(uncut, tmp_path):
    root = tmp_path / "root"
    subprocess.run(["cp", "-r", str(uncut), str(root)], check=True)
    (root / "study.journal").unlink()
    run(root, "--trials", TRIALS)
    assert_equal(root, uncut)
    assert set(sessions(root).values()) == {1}


def test_a_second_sweep_is_told_who_holds_the_root(tmp_path):
    running = Running(tmp_path, "--trials", 3, hold=0).held()
    second = sweep("run", TOY, "--root", tmp_path, "--trials", 3)
    assert second.returncode == 1
    assert f"in use by process {running.process.pid} on " in second.stderr
    assert f"process {running.process.pid} on " in sweep("status", TOY, "--root", tmp_path).stdout
    running.kill_tree()


NOT_SAVED = "nothing could be saved ([Errno 28] No space left on device)"


@pytest.mark.long
@pytest.mark.parametrize("size", [300, 120, 40])
def test_a_disk_that_is_full_loses_nothing(uncut, tmp_path, size):
    """The second run ends as if the disk had been large."""
    end = tmp_path / "end"
    words = ("--trials", TRIALS, "--save-freq", 2)
    (code, first), (again, second) = run_on_a_disk_of(size, TOY, words, tmp_path, end)
    assert code == 1, first
    assert first.splitlines()[-1].startswith("sweep: "), first
    assert again == 0, second
    if size > 40:  # on which not even the first backup has room
        texts = (" to train take up to", "one more backup takes", NOT_SAVED)
        foretold, before, hit = (first.index(text) for text in texts)
        assert foretold < before < hit, "said before it is hit"
        assert (
            "are free; that is too little: make room, or free backups by --keep-backups none"
            in first
        )
    assert_equal(end, uncut)
    json.loads(next(end.glob("*/experience.json")).read_text())
