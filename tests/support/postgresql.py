"""A PostgreSQL on a loopback port that can be killed and restarted, and a wire that can be cut."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psutil
import psycopg

PASSWORD = "secret"  # noqa: S105
# Only a crash of the machine itself could lose what the server has not yet synced, and that is not
# tested.
QUICK = ["-c", "fsync=off", "-c", "shared_buffers=16MB"]


def programs():
    """Return the folder of PostgreSQL's programs, or None; Debian does not put it into the PATH."""
    debian = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb = shutil.which("initdb", path=os.pathsep.join([os.environ["PATH"], *debian]))
    return Path(initdb).resolve().parent if initdb else None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Server:
    """A cluster of its own in a temporary folder.

    PostgreSQL refuses to run as root: there, its own user runs it.
    """

    def __init__(self):
        self._programs, self.port = programs(), free_port()
        self._as = (
            {"user": "postgres", "group": "postgres", "extra_groups": []}
            if os.geteuid() == 0
            else {}
        )
        self._folder = Path(tempfile.mkdtemp(prefix="sweep-postgresql-"))
        (self._folder / "password").write_text(PASSWORD)
        for path in (self._folder, self._folder / "password") if self._as else ():
            shutil.chown(path, "postgres", "postgres")
        how = [
            "--username=lab",
            "--auth=scram-sha-256",
            f"--pwfile={self._folder / 'password'}",
            "--no-sync",
        ]
        self._run("initdb", f"--pgdata={self._folder / 'data'}", *how)
        self.start()

    def start(self):
        """Start it, and return once it answers."""
        where = [
            "-p",
            str(self.port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={self._folder}",
        ]
        command = [self._programs / "postgres", "-D", self._folder / "data", *where, *QUICK]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, **self._as
            )
        until = time.monotonic() + 30
        while True:
            try:
                return self.ask("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self._folder / "log").read_text()
                assert self.process.poll() is None, (self._folder / "log").read_text()
                time.sleep(0.05)

    def kill(self, number=signal.SIGKILL):
        """End it at once, with its connections: SIGQUIT is its own way, SIGKILL the rude one."""
        backends = psutil.Process(self.process.pid).children()
        self.process.send_signal(number)
        self.process.wait()
        psutil.wait_procs(
            backends, timeout=30
        )  # they see it themselves, and let no other server in before

    def remove(self):
        if self.process.poll() is None:
            self.kill(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def ask(self, query, database="postgres"):
        """Return the rows of the answer."""
        url = self.url(database, driver="postgresql")
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def url(self, database, port=None, driver="postgresql+psycopg", password=PASSWORD):
        return f"{driver}://lab:{password}@127.0.0.1:{port or self.port}/{database}"

    def _run(self, program, *words):
        command = [self._programs / program, *words]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, **self._as
        )
        assert done.returncode == 0, done.stderr


class Wire:
    """Forwards connections to the server, and cuts one where it is told to.

    ``when`` is given what was written since the last COMMIT once the next one comes, and tells
    whether to cut there: ``"before"`` it reaches the server, or ``"after"`` the server has
    answered, which nobody hears then. None lets it pass.
    """

    def __init__(self, port):
        self._server = port
        self.hold()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = []
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self):
        """Cut no more."""
        self.when = lambda written: None

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(ours,), daemon=True).start()

    def _forward(self, ours):
        written = b""
        with (
            ours,
            socket.create_connection(("127.0.0.1", self._server)) as theirs,
            contextlib.suppress(ConnectionError),
        ):
            while True:
                ready, _, _ = select.select([ours, theirs], [], [])
                if theirs in ready:
                    answer = theirs.recv(65536)
                    if not answer:
                        return
                    ours.sendall(answer)
                    continue
                words = ours.recv(65536)
                if not words:
                    return
                written += words
                if b"COMMIT\0" in words:
                    cut = self.when(written)
                    if cut:
                        self.cuts.append(written)
                    if cut == "before":
                        return
                    theirs.sendall(words)
                    if cut:
                        assert theirs.recv(65536), "the server has not answered"
                        return
                    written = b""
                else:
                    theirs.sendall(words)
