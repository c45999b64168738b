"""One sweep at a time under a root, and only where files can be written."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import psutil
import pytest

from support.stand_ins import SPACE, control
from sweep.experience import root_lock as module
from sweep.experience.root import RootWrong, prepare
from sweep.experience.root_lock import RootBusy, RootLock, read_holder
from sweep.system.host import is_alive, this_process

HOLD = """
import sys, time, pathlib, threading
from sweep.experience.root_lock import RootLock
with RootLock(pathlib.Path(sys.argv[1]), print, threading.Event()):
    print("held", flush=True)
    time.sleep(600)
"""
READ_ONLY = """
import sys, pathlib
from sweep.experience.root import prepare
try:
    prepare(pathlib.Path(sys.argv[1]))
except Exception as error:
    print(error)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def silent(text):
    raise AssertionError(f"there is nothing to wait for: {text}")


def test_the_second_is_told_who_holds_the_root(holder, tmp_path):
    with pytest.raises(RootBusy) as busy, RootLock(tmp_path, silent, Event()):
        pass
    assert f"in use by process {holder.pid} on {socket.gethostname()} since 20" in str(busy.value)
    assert "--root" in str(busy.value)
    assert read_holder(tmp_path).pid == holder.pid, (
        "the holder's file is not the second one's to remove"
    )


def test_a_holder_that_was_killed_is_followed_at_once(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert read_holder(tmp_path).pid == holder.pid, "SIGKILL leaves its file behind"
    with RootLock(tmp_path, silent, Event()):
        assert read_holder(tmp_path).pid == os.getpid()
    assert read_holder(tmp_path) is None


def test_a_torn_or_foreign_holder_file_stops_nobody(tmp_path):
    for content in (b"", b'{"host": "els', b"[]", b'{"host": 3}', b'"text"'):
        (tmp_path / "sweep.lock.json").write_bytes(content)
        with RootLock(tmp_path, silent, Event()):
            pass


def elsewhere(tmp_path, renewed):
    content = {
        "host": "another",
        "boot": "",
        "pid": 1,
        "started": 0.0,
        "since": "2026-01-01T00:00:00",
        "renewed": renewed,
    }
    (tmp_path / "sweep.lock.json").write_text(json.dumps(content))


def test_a_silent_holder_on_another_host_is_followed_after_its_lease(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEASE_S", 2.0)
    monkeypatch.setattr(module, "SETTLE_S", 0.1)
    elsewhere(tmp_path, renewed=7)
    said = []
    with RootLock(tmp_path, said.append, Event()):
        assert read_holder(tmp_path).pid == os.getpid()
    assert "was held by process 1 on another since 2026-01-01T00:00:00 UTC; waiting 2 s" in said[0]


def test_a_holder_on_another_host_that_renews_its_lease_keeps_the_root(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEASE_S", 5.0)
    elsewhere(tmp_path, renewed=7)
    with (
        pytest.raises(RootBusy, match="in use by process 1 on another"),
        RootLock(tmp_path, lambda _: elsewhere(tmp_path, 8), Event()),
    ):
        pass


def test_another_host_of_the_same_name_is_waited_for(tmp_path, monkeypatch):
    """Its boot tells it from this one.

    If no other machine sees the disk, however, this one was started anew.
    """
    monkeypatch.setattr(module, "LEASE_S", 2.0)
    monkeypatch.setattr(module, "SETTLE_S", 0.1)
    process = this_process().as_content()
    namesake = {**process, "boot": "another", "since": "2026-01-01T00:00:00", "renewed": 7}
    (tmp_path / "sweep.lock.json").write_text(json.dumps(namesake))
    with RootLock(tmp_path, silent, Event()):
        pass
    (tmp_path / "sweep.lock.json").write_text(json.dumps(namesake))
    monkeypatch.setattr(module, "is_local", lambda path: False)
    said = []
    with RootLock(tmp_path, said.append, Event()):
        assert "waiting 2 s" in said[0]


def test_of_two_hosts_that_wait_for_one_dead_holder_one_gets_the_root(tmp_path, monkeypatch):
    """The other one writes its name while this one settles."""
    monkeypatch.setattr(module, "LEASE_S", 1.0)
    monkeypatch.setattr(module, "SETTLE_S", 1.0)
    elsewhere(tmp_path, renewed=7)
    renew = RootLock._renew

    def both_renew(lock):
        renew(lock)
        elsewhere(tmp_path, renewed=0)

    monkeypatch.setattr(RootLock, "_renew", both_renew)
    with (
        pytest.raises(RootBusy, match="in use by process 1 on another"),
        RootLock(tmp_path, print, Event()),
    ):
        pass
    assert read_holder(tmp_path).host == "another"


def test_who_has_lost_the_root_is_told_at_its_next_write(tmp_path):
    with RootLock(tmp_path, silent, Event(), lambda error: None) as lock:
        lock.check()
        elsewhere(tmp_path, renewed=3)
        with pytest.raises(RootBusy, match="was taken over by process 1 on another"):
            lock.check()


def test_the_lease_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEASE_S", 0.1)
    with RootLock(tmp_path, silent, Event()) as lock:
        while read_holder(tmp_path).renewed < 2:
            lock._released.wait(0.01)


def test_a_holder_that_was_paused_while_another_took_the_root_over_gives_way(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEASE_S", 0.1)
    lost = []
    with RootLock(tmp_path, silent, Event(), lost.append) as lock:
        elsewhere(tmp_path, renewed=3)
        until = time.monotonic() + 10
        while not lost and time.monotonic() < until:
            lock._released.wait(0.01)
    assert (
        "was taken over by process 1 on another since 2026-01-01T00:00:00 UTC, "
        "while this process was paused" in str(lost[0])
    )
    assert read_holder(tmp_path).host == "another", "the file is the other's now"


def test_a_process_number_that_was_given_anew_is_not_the_old_process():
    ours = this_process()
    assert is_alive(ours)
    assert not is_alive(replace(ours, started=ours.started - 5))
    assert not is_alive(replace(ours, host="another"))
    assert not is_alive(replace(ours, boot="the one before")), "the machine was started anew since"


def test_a_drive_that_is_not_mounted_is_refused_before_anything_is_written(tmp_path):
    root = tmp_path / "drive" / "MyDrive" / "experiences"
    with pytest.raises(RootWrong, match=r"not mounted at .*drive: mount it first"):
        prepare(root)
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_root(tmp_path):
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RootWrong, match="is, or lies under, a file: name a folder with --root"):
            prepare(root)


def test_a_read_only_root_is_refused(tmp_path):
    """On a file system that is really mounted read-only, for root may write into any folder."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    command = (
        f'mount -t tmpfs -o ro none "{mounted}" && '
        f'exec "{sys.executable}" -c \'{READ_ONLY}\' "{mounted}/root"'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command], capture_output=True, text=True, check=True
    )
    assert "cannot be written (Read-only file system): name another with --root" in done.stdout


def test_the_root_is_told_before_the_search_space_changes_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "space.py").write_text(f"import os\nos.chdir('{tmp_path}/elsewhere')\n{SPACE}")
    control(Path("here"), tmp_path / "space.py", trials=1)
    assert (tmp_path / "here" / "study.journal").is_file()


def test_a_step_of_the_clock_makes_no_other_process_of_a_holder(monkeypatch):
    """Older versions of psutil keep the time of the boot; so did what they noted before."""
    ours = this_process()
    assert ours.started == pytest.approx(psutil.Process().create_time() - psutil.boot_time())
    real = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: real + 3600)
    assert is_alive(ours)
