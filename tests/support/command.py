"""``sweep`` as a user has it: a process with its exit status, its two streams and its signals."""

import contextlib
import functools
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import psutil

from support.trainer import ORDER, SPACES
from sweep.experience.folder import experiences_in

TESTS = Path(__file__).parent.parent
TOY = str(SPACES / "toy.py")
LONGEST_S = 240
RESOURCES = "resource_tracker"  # a child of a command that multiprocessing starts for itself
POLL_S = 0.005


class Cold:
    """Starts real programs, each with a Python of its own. ``support.warm`` is the other way."""

    def start(self, words, streams, cwd=None, env=None, keras=False, in_terminal=False, before=()):
        """See ``Warm.start``; ``before`` is the command that runs this Python."""
        before = ("setsid", "--ctty", "--wait") if in_terminal else before
        whole = [*before, sys.executable, *map(str, words)]
        stdin, stdout, stderr = streams
        how = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "cwd": cwd, "env": env}
        return subprocess.Popen(whole, **how, start_new_session=not in_terminal)


COLD = Cold()
starter = COLD  # the conftest sets a warm one, except for tests that are marked ``cold``


STARTED = weakref.WeakSet()


def kill_what_runs():
    """Kill the programs that a test has started and not ended."""
    for program in list(STARTED):
        if program.process.poll() is None:
            program.kill_tree()


class Program:
    """A Python program that was started: ``python WORDS``.

    Its output goes to files in memory, so that it never waits for a reader; or its stderr to a
    descriptor of the test's.
    """

    def __init__(self, words, keras=False, before=(), stderr=None, **how):
        self._words, self._out, self._err = words, _file(self), _file(self)
        start = COLD.start if before else starter.start
        more = {"before": before} if before else {"keras": keras}
        with Path(os.devnull).open() as nothing:
            streams = (nothing.fileno(), self._out, self._err if stderr is None else stderr)
            self.process = start(words, streams, **more, **how)
        STARTED.add(self)

    @functools.cached_property
    def tree(self):
        return psutil.Process(self.process.pid)

    def said(self):
        """Return what it has said on stderr so far."""
        return _text(self._err)

    def shown(self):
        """Return what it has written to stdout so far."""
        return _text(self._out)

    def result(self, timeout=LONGEST_S):
        """Wait until it ends, and return it completed; kill it after ``timeout`` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill_tree()
            raise
        code = self.process.returncode
        return subprocess.CompletedProcess(self._words, code, self.shown(), self.said())

    def end(self, seconds=60):
        """Return the exit status and what it said on stderr."""
        done = self.result(seconds)
        return done.returncode, done.stderr

    def wait_for(self, happened, seconds=60):
        """Wait until the condition holds, while the program runs."""
        until = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, f"ended before: {self.said()}"
            assert time.monotonic() < until, f"it did not happen: {self.said()}"
            time.sleep(POLL_S)
        return self

    def kill_tree(self):
        """SIGKILL every process of it, as nearly at once as can be."""
        everyone = []
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it has ended
            everyone = [self.tree, *self.tree.children(recursive=True)]
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(everyone, timeout=30)

    def interrupt(self, number=signal.SIGINT):
        """Send a signal to the whole group, as Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, number)
        return self


def _file(owner):
    """Return the descriptor of an empty file that is closed with its owner."""
    descriptor = os.memfd_create("output")
    weakref.finalize(owner, os.close, descriptor)
    return descriptor


def _text(descriptor):
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()


class Order:
    """Makes a training wait once the logs of a root have so many epochs.

    See ``spaces/cut.py``. ``environment`` is what the program needs to know of it.

    Args:
        root: of the sweep; the order lies beside it.
        hold: the number of epochs; None orders nothing.
        at: "batch", "begin" or "end".
    """

    def __init__(self, root, hold=None, at="batch"):
        path = root.with_name(f"{root.name}.order.json")
        self.environment, self._reached = {ORDER: str(path)}, path.with_suffix(".reached")
        self._slowly = path.with_suffix(".slowly")
        for file in (path, self._reached, self._slowly):
            file.unlink(missing_ok=True)
        if hold is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            ordered = {"rows": hold, "root": str(root), "at": at, "wait": True}
            path.write_text(json.dumps(ordered))

    def is_reached(self):
        return self._reached.exists()

    def lift(self, slowly=False):
        """Let the training that waits go on."""
        if slowly:
            self._slowly.touch()
        self._reached.unlink()


class Tree(Program):
    """A program and all its children, that work on a root.

    Args:
        root: of a sweep.
        words: of the program.
        hold, at: where a training is to wait, see ``Order``.
        how: see ``Program``.
    """

    def __init__(self, root, words, hold=None, at="batch", env=None, **how):
        self.root = Path(root)
        self._order = Order(self.root, hold, at)
        super().__init__(words, env={**(env or os.environ), **self._order.environment}, **how)

    def wait_for(self, happened, seconds=60):
        """Wait until the condition on the root holds, while the program runs."""
        return super().wait_for(lambda: happened(self.root), seconds)

    def held(self):
        """Wait until a training waits."""
        return self.wait_for(lambda root: self._order.is_reached())

    def go_on(self, slowly=False):
        """Let the training that waits go on; slowly, where the test does something meanwhile."""
        self._order.lift(slowly)
        return self

    def stop(self, number=signal.SIGINT):
        """Ask the program to stop, while a training waits, which then goes on, and hears it."""
        self.interrupt(number)
        self.wait_for(lambda root: "stopping at the next batch" in self.said())
        return self.go_on(slowly=True)


class Running(Tree):
    """A sweep that runs as a terminal would start it."""

    def __init__(self, root, *words, space=TOY, name="run", **how):
        super().__init__(
            root, ["-m", "sweep", name, space, "--root", root, *words], keras=True, **how
        )

    def children(self):
        """Return its trainings: what was forked from the server, but for what stands by."""
        records = [record for one in experiences_in(self.root) if (record := one.read())]
        pids = {session.process.pid for record in records for session in record.sessions[-1:]}
        forked = (child for server in self._servers() for child in server.children())
        return [child for child in forked if child.pid in pids]

    def server(self):
        """Return the process that trainings are forked from."""
        return next(self._servers())

    def _servers(self):
        return (
            child for child in self.tree.children() if RESOURCES not in " ".join(child.cmdline())
        )


def python(*words, **how):
    """Run a Python program to its end and return the completed process."""
    timeout = how.pop("timeout", LONGEST_S)
    return Program(words, **how).result(timeout)


def tool(name, *words):
    """Run a program of ``support/`` to its end and return the completed process."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return python("-m", f"support.{name}", *words, env={**os.environ, "PYTHONPATH": path})


def needs_keras(words):
    return words[:1] and (words[0] in ("run", "extend", "check") or "--models" in words)


def sweep(*words, **how):
    """Run the command to its end and return the completed process."""
    how.setdefault("keras", needs_keras(words))
    return python("-m", "sweep", *words, **how)


def command(words):
    """Return the command as a program of its own would be started."""
    return [sys.executable, "-m", "sweep", *map(str, words)]


def shell(*words):
    """Return the command as a shell is given it."""
    return shlex.join(command(words))


def run(root, *words, space=TOY):
    """Run a sweep to its end and return what it said on stderr."""
    done = sweep("run", space, "--root", root, *words)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def results(root, space=TOY):
    """Return the rows of ``sweep results``."""
    done = sweep("results", space, "--root", root, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def table(root, *names, space=TOY):
    """Return the rows of ``sweep results`` by trial, with the columns of these names."""
    rows = results(root, space)
    is_finished = [row["state"] == "finished" for row in rows]
    assert is_finished == sorted(is_finished, reverse=True), "what has finished comes first"
    finished = [row["val_acc"] for row in rows if row["state"] == "finished"]
    assert finished == sorted(finished, reverse=True), "the best comes first"
    return sorted(
        tuple(row[name] for name in names or ("trial", "id_experience", "val_acc", "state"))
        for row in rows
    )


def sessions(root):
    """Return how many training processes each experience had."""
    return {one.id: len(one.read().sessions) for one in experiences_in(root)}


def in_keras(code):
    """Run code in a process of its own that has Keras, and return what it prints, as JSON."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = python("-c", code, env=environment, keras=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_logged(root):
    """Return how many epochs all the logs hold."""
    return sum(
        max(0, len(one.log.read_bytes().splitlines()) - 1)
        for one in experiences_in(root)
        if one.log.exists()
    )


def logged(rows):
    return lambda root: rows_logged(root) >= rows


def begun(number):
    return lambda root: sum(1 for one in experiences_in(root) if one.record.exists()) >= number
