"""``sweep`` as a user has it: a process, its exit status, its two streams, and signals that really come."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from conftest import SPACES, best_weights

from sweep.experience import experiences_in

TOY = str(SPACES / "toy.py")


def sweep(*words, **how):
    """Run the command to its end and return the completed process."""
    return subprocess.run(command(words), capture_output=True, text=True, check=False, **how)


def command(words):
    return [sys.executable, "-m", "sweep", *map(str, words)]


def run(root, *words, space=TOY):
    """Run a sweep to its end and return what it said on stderr."""
    done = sweep("run", space, "--root", root, *words)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def table(root, *names, space=TOY):
    """Return the rows of ``sweep results`` by trial, with the columns of these names."""
    done = sweep("results", space, "--root", root, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    order = [-1 if row["val_acc"] is None else row["val_acc"] for row in rows]
    assert order == sorted(order, reverse=True), "the best comes first"
    return sorted(tuple(row[name] for name in names or ("trial", "id_experience", "val_acc", "state")) for row in rows)


def trained(root):
    """Return what a sweep leaves behind that must not depend on any cut: logs and best weights, by id."""
    return {one.id: (one.log.read_bytes(), best_weights(one)) for one in experiences_in(root)}


def sessions(root):
    """Return how many training processes each experience had."""
    return {one.id: len(one.read().sessions) for one in experiences_in(root)}


def in_keras(code):
    """Run code in a process of its own that has Keras, and return what it prints, as JSON."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


class Tree:
    """A process and all its children, in a process group of its own, that work on a root."""

    def __init__(self, root, whole, **how):
        self.root = Path(root)
        self.process = subprocess.Popen(whole, stderr=subprocess.PIPE, text=True, start_new_session=True, **how)
        self.tree = psutil.Process(self.process.pid)

    def wait_for(self, happened, seconds=60):
        """Wait until the condition on the root holds, while the sweep runs."""
        until = time.monotonic() + seconds
        while not happened(self.root):
            assert self.process.poll() is None, f"ended before: {self.process.communicate()[1]}"
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.005)
        return self

    def kill_tree(self):
        """SIGKILL every process of it, as nearly at once as can be."""
        everyone = [self.tree, *self.tree.children(recursive=True)]
        os.killpg(self.process.pid, signal.SIGKILL)
        for process in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.communicate()
        psutil.wait_procs(everyone, timeout=30)

    def interrupt(self, number=signal.SIGINT):
        """Send a signal to the whole group, as Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, number)
        return self

    def end(self, seconds=60):
        """Return the exit status and what it said on stderr."""
        _, said = self.process.communicate(timeout=seconds)
        return self.process.returncode, said


class Running(Tree):
    """A sweep that runs as a terminal would start it."""

    def __init__(self, root, *words, space=TOY, before=(), name="run"):
        super().__init__(root, [*before, *command([name, space, "--root", root, *words])])

    def children(self):
        """Return its trainings: the processes that were forked from the server."""
        servers = [child for child in self.tree.children() if "forkserver" in " ".join(child.cmdline())]
        return [training for server in servers for training in server.children()]

    def server(self):
        """Return the process that trainings are forked from."""
        return next(child for child in self.tree.children() if "forkserver" in " ".join(child.cmdline()))


def rows_logged(root):
    """Return how many epochs all the logs hold."""
    return sum(max(0, len(one.log.read_bytes().splitlines()) - 1) for one in experiences_in(root) if one.log.exists())


def logged(rows):
    return lambda root: rows_logged(root) >= rows


def begun(number):
    return lambda root: sum(1 for one in experiences_in(root) if one.record.exists()) >= number
