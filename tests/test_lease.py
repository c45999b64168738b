"""Who trains in a folder just now: known for this host, watched for another one of a cluster."""

import os
import shutil
import time
from dataclasses import replace

import pytest

from support.folders import Search
from sweep.experience import backup_files, lease, resume_start
from sweep.experience.entries import Session, SessionEnd
from sweep.experience.heartbeat import Heartbeat, write_heartbeat
from sweep.experience.lease import Hold, Lease, Superseded, shown_state
from sweep.experience.position import Position
from sweep.experience.record import Outcome, State
from sweep.system.files import is_unwritable_for_a_while, put_in_place, unfenced
from sweep.system.host import ProcessId, now, this_process

ELSEWHERE = ProcessId(host="another", boot="", pid=1, started=0.0)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Return a function that writes an experience whose latest session, of any process, is open."""
    monkeypatch.setattr(lease, "LEASE_S", 0.5)
    search = Search(tmp_path / "root")

    def write(process, **more):
        experience = search.write(*search.begin(), [0.5])
        record = experience.read()
        record.sessions = [Session(begun=now(), epoch=0, batch=0, process=process, **more)]
        experience.write(record)
        return experience

    return write


def beat(experience, number):
    write_heartbeat(experience.heartbeat, Heartbeat(0, number, 0, 5, 1.0, 1.0, 5, now()))


def test_a_process_of_this_host_holds_its_folder_while_it_lives(opened):
    ours = this_process()
    assert Lease(opened(ours)).holder() == ours
    assert Lease(opened(replace(ours, started=ours.started - 9))).holder() is None
    assert Lease(opened(replace(ours, boot="an earlier one"))).holder() is None


def test_another_machine_of_the_same_name_is_watched_on_a_cluster(opened):
    """It cannot be told from this one before it was started anew."""
    namesake = replace(this_process(), boot="another")
    assert Lease(opened(namesake, cluster="tcp://there:8786")).holder() == namesake


def test_a_session_that_has_said_its_end_holds_nothing(opened):
    experience = opened(
        this_process(), ended=SessionEnd(how="stopped", epoch=1, batch=0, trained_s=1.0)
    )
    assert Lease(experience).holder() is None


def test_an_experience_that_has_ended_is_held_by_nobody(opened):
    experience = opened(this_process())
    record = experience.read()
    record.outcome = Outcome(State.FINISHED, now())
    experience.write(record)
    assert Lease(experience).holder() is None


def test_away_from_a_cluster_a_training_ends_with_its_controller(opened):
    experience = opened(ELSEWHERE)
    beat(experience, 1)
    assert Lease(experience).holder() is None


def test_a_training_on_another_host_holds_its_folder_as_long_as_it_gives_signs_of_life(opened):
    experience = opened(ELSEWHERE, cluster="tcp://there:8786")
    beat(experience, 0)
    held = Lease(experience)
    for number in range(10):
        assert held.holder() == ELSEWHERE
        beat(experience, number)
        time.sleep(0.1)
    until = time.monotonic() + 10
    while held.holder():
        assert time.monotonic() < until, "its lease does not run out"
        time.sleep(0.05)


def test_who_looks_on_sees_a_training_on_another_host_run(opened):
    experience = opened(ELSEWHERE, cluster="tcp://there:8786")
    record = experience.read()
    assert shown_state(experience, record) is State.CUT_OFF, "no sign of life"
    beat(experience, 0)
    assert shown_state(experience, record) is State.RUNNING
    os.utime(experience.heartbeat, (time.time() - 60,) * 2)
    assert shown_state(experience, record) is State.CUT_OFF


@pytest.fixture
def two(tmp_path):
    """Two processes that take one folder over in turn; the first writes through its own hold."""
    search = Search(tmp_path / "root")
    experience = search.write(*search.begin(), [0.5])
    first, second = Hold(experience), Hold(experience)
    first.take(experience.read())
    return replace(experience, fence=first.check), lambda: second.take(experience.read())


def contents(experience):
    return {path: path.read_bytes() for path in experience.path.rglob("*") if path.is_file()}


WRITES = {
    "record": lambda one: one.write(one.read()),
    "heartbeat": lambda one: write_heartbeat(
        one.heartbeat, Heartbeat(0, 1, 0, 5, 1.0, 1.0, 5, now()), one.fence
    ),
    "log": lambda one: resume_start.restore_log(one, b""),
    "backup": lambda one: backup_files.write_backup(
        one.sauvegarde, Position(1, 0, False, "", {}, {}, now()), "0" * 64, one.fence
    ),
    "model": lambda one: put_in_place(one.path / "next.model.keras", one.meilleur, one.fence),
}


@pytest.mark.parametrize("what", WRITES)
def test_who_is_overtaken_writes_nothing_more(two, what):
    ours, overtake = two
    (ours.path / "next.model.keras").write_bytes(b"a model")
    Search.save(ours, [0.5])
    (ours.sauvegarde / "next.weights.h5").write_bytes(b"weights")
    overtake()
    before = contents(ours)
    with pytest.raises(Superseded) as overtaken:
        WRITES[what](ours)
    assert overtaken.value.holder.number == 2
    after = contents(ours)
    assert {path: after[path] for path in before} == before


def test_a_root_that_is_not_mounted_now_is_waited_for_and_not_made_anew(two):
    ours, _ = two
    root, record = ours.path.parent, ours.read()
    away = root.rename(root.with_name("away"))
    unheld = replace(ours, fence=unfenced)  # as the controller has it
    for work in (
        ours.fence,
        lambda: ours.write(record),
        lambda: unheld.write(record),
        lambda: unheld.values(record),  # else an outcome would have none
    ):
        with pytest.raises(OSError, match="not there now") as gone:
            work()
        assert is_unwritable_for_a_while(gone.value)
        assert not root.exists()
    away.rename(root)
    shutil.rmtree(ours.path)
    ours.fence()  # its folder alone was removed by somebody


def test_who_holds_a_folder_writes_into_it(two):
    ours, _ = two
    for _ in range(3):
        ours.write(ours.read())
    assert ours.read().holder.number == 1
