"""A warm Python: a server that has imported everything, and forks the programs that tests start.

Importing Keras takes some six seconds of a core, Optuna and the command line two. The server
imports the command line when it starts, and Keras when a program first needs it.

A fork has its own session, environment, folder and descriptors, receives signals, and has a real
exit status. Its children are real too. Where ``multiprocessing`` would start a new Python to fork
trainings from, the program forks itself.

What differs from a real program: forks share the seed of ``hash``, the one of trainings; the
environment decides nothing that Python or an imported module reads when it starts
(PYTHONIOENCODING, say); nothing is said while modules are imported; and the program that forks
itself may have threads. Tests marked ``cold`` and ``make chaos`` therefore start real programs.

As a program, this is the server: ``warm.py DESCRIPTOR``, with the socket of its requests.
"""

import atexit
import contextlib
import fcntl
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
import traceback
import types
import warnings
from multiprocessing import util
from pathlib import Path

import numpy

COMMAND_LINE = (
    *("sweep.cli", "sweep.running.controller", "sweep.web.report", "sweep.web.dashboard"),
    *("sweep.maintenance.verify", "sweep.web.notebook"),
)
KERAS = (
    "sweep.training.train",
    "sweep.training.measure",
    "sweep.training.evaluate",
    "sklearn.datasets",
)
SERVER_OF_TRAININGS = "from multiprocessing.forkserver import main; "
LARGEST_REQUEST = 2**20  # bytes


class Warm:
    """Starts programs as forks of one server, which ends with the process that uses it."""

    def __init__(self):
        self._server = None

    def start(self, words, streams, cwd=None, env=None, keras=False, in_terminal=False):
        """Start ``python WORDS`` and return it as a ``Fork``.

        Args:
            words: a script, ``-m`` or ``-c``, and what follows.
            streams: the descriptors of its stdin, stdout and stderr.
            cwd: its folder; None is the test's.
            env: its environment; None is the test's.
            keras: whether it will need Keras.
            in_terminal: whether the terminal of its stdin controls it.
        """
        if not self._server:
            self._start_server()
        asked = {
            "words": [str(word) for word in words],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "keras": keras,
            "in_terminal": in_terminal,
        }
        said, answer = socket.socketpair()
        with answer:
            descriptors = [answer.fileno(), *streams]
            socket.send_fds(self._requests, [json.dumps(asked).encode()], descriptors)
        return Fork(os.fdopen(said.detach()))

    def end(self):
        """End the server; running programs continue."""
        if self._server:
            self._requests.close()
            self._server.wait()

    def _start_server(self):
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            descriptor = theirs.fileno()
            command = [sys.executable, __file__, str(descriptor)]
            env = {**os.environ, "PYTHONHASHSEED": "0"}  # as trainings have it, which it forks too
            how = {"pass_fds": [descriptor], "start_new_session": True, "env": env}
            self._server = subprocess.Popen(command, **how)


class Fork:
    """A started program, with the interface of ``subprocess.Popen``.

    Args:
        said: a file from which the server's words come: the pid, and later the exit status.
    """

    def __init__(self, said):
        self._said, self.returncode, self._ended = said, None, threading.Event()
        first = said.readline()
        assert first, "the warm server has died"
        self.pid = int(first)
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        with self._said:
            line = self._said.readline()
        self.returncode = int(line) if line else -signal.SIGKILL
        self._ended.set()

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("a warm program", timeout)
        return self.returncode

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Server:
    """Forks a program for each request, and reports its exit status.

    Args:
        requests: a socket; the server ends when its other end is closed.
    """

    def __init__(self, requests):
        self._requests, self._selector = requests, selectors.DefaultSelector()
        self._forks, self._has_keras = {}, False
        for name in COMMAND_LINE:
            importlib.import_module(name)
        self._selector.register(requests, selectors.EVENT_READ)

    def serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._requests:
                    self._report_end(key.fileobj)
                    continue
                text, descriptors, *_ = socket.recv_fds(self._requests, LARGEST_REQUEST, 4)
                if not text:
                    return
                self._fork(json.loads(text), *descriptors)

    def _fork(self, asked, answer, *streams):
        if asked["keras"] and not self._has_keras:
            self._import_keras()
        pid = fork()
        if not pid:
            be_the_program(asked, answer, streams)
        for descriptor in streams:
            os.close(descriptor)
        watched = os.pidfd_open(pid)
        self._forks[watched] = pid, answer
        self._selector.register(watched, selectors.EVENT_READ)

    def _report_end(self, watched):
        self._selector.unregister(watched)
        os.close(watched)
        pid, answer = self._forks.pop(watched)
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(BrokenPipeError):  # the test does not wait for it any more
            os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(answer)

    def _import_keras(self):
        from sweep.system.host import prepare_for_keras

        prepare_for_keras()
        stderr = os.dup(2)
        with Path(os.devnull).open("w") as nowhere:  # TensorFlow speaks of the GPUs it lacks
            os.dup2(nowhere.fileno(), 2)
            for name in KERAS:
                importlib.import_module(name)
        os.dup2(stderr, 2)
        os.close(stderr)
        self._has_keras = True


def fork():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, of a fork beside threads
        return os.fork()


def be_the_program(asked, answer, streams):
    """Become the program that a request asks for, and exit as it does."""
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    if asked["in_terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    with contextlib.suppress(BrokenPipeError):  # the test does not wait for it any more
        os.write(answer, b"%d\n" % os.getpid())
    close_all_but(())
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # pytest itself may be run by nohup
    numpy.random.seed()
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    exit_as(lambda: run_python(asked["words"]))


def close_all_but(these):
    """Close the descriptors that a fork inherits and a new program would not."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 # a path has no entries of descriptors
        if int(name) > 2 and int(name) not in these:
            with contextlib.suppress(OSError):
                os.close(int(name))


def run_python(words):
    """Do what ``python WORDS`` does."""
    util.spawnv_passfds = fork_server_of_trainings
    first, *rest = words
    of_user = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[0:1] = [str(Path.cwd() if first in ("-m", "-c") else Path(first).parent), *of_user]
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(rest[0], vars(main))  # noqa: S102 # the code of a test
    else:
        sys.argv = words
        runpy.run_path(first, run_name="__main__")


def exit_as(program):
    """Run a program, and end the process as Python would."""
    code, is_interrupted = 0, False
    try:
        program()
    except SystemExit as end:
        code = end.code
        if not isinstance(code, int | None):
            sys.stderr.write(f"{code}\n")
            code = 1
    except BaseException as error:  # noqa: BLE001 # Python prints any of them, and exits with 1
        traceback.print_exc()
        code, is_interrupted = 1, type(error) is KeyboardInterrupt  # as Python: no subclass
    threading._shutdown()
    util._exit_function()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # its reader is gone
            code = 120
    if is_interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code or 0)


def fork_server_of_trainings(path, args, passed):
    """Fork where ``multiprocessing`` would start the Python that it forks trainings from.

    This replaces ``multiprocessing.util.spawnv_passfds``, and starts any other program as that.
    """
    if not args[-1].startswith(SERVER_OF_TRAININGS):
        return spawn(path, args, passed)
    pid = fork()
    if not pid:
        close_all_but(passed)
        sys.orig_argv = [os.fsdecode(word) for word in args]
        for descriptor in passed:  # as for a program that is started
            os.set_inheritable(descriptor, True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        exit_as(lambda: exec(args[-1], {"__name__": "__main__"}))  # noqa: S102
    return pid


spawn = util.spawnv_passfds

if __name__ == "__main__":
    Server(socket.socket(fileno=int(sys.argv[1]))).serve()
