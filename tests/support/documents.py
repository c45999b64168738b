"""Run each fenced block of README.md and docs/*.md, as a reader of the document would.

All blocks of a document run in order, in one folder that begins as a clone does: with
``search_spaces/`` and the Makefile.

- ``console``: bash runs each line that begins with ``$ `` by itself, and it must exit with 0. The
  lines below it are its output: each must come, in this order, by its ``shape``; others may come
  between. ``…`` stands for anything. An output of more than 100 characters may be wrapped at
  spaces.
- ``python``: run as a script.
- ``text``: a picture, which is not run.

A comment right above a block says what else to do with it:

- ``<!-- file: PATH -->``: write it there; a command further below runs it. A search space always
  has this comment.
- ``<!-- exits with N -->``: the exit status of the block's last command; or ``N or M``.
- ``<!-- numbers differ -->``: only the form of the numbers counts, as where a sweep is killed.
- ``<!-- in the background -->``: start it, wait until it has shown its output, and end it with the
  document.
- ``<!-- not run: REASON -->``: see ``REASONS``.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from support.postgresql import free_port

HERE = Path(__file__).parent.parent.parent
DOCUMENTS = [HERE / "README.md", *sorted((HERE / "docs").glob("*.md"))]
REASONS = (
    "it installs",
    "it needs Colab",
    "it needs a batch system",
    "it needs a database server",
    "it needs a GPU",
    "it needs other machines",
    "it runs all tests",
)
BLOCK = re.compile(r"((?:^<!--[^\n]*-->\n)*)^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(
    r"<!-- (file|exits with|numbers differ|in the background|not run)(?:: | )?(.*?) ?-->"
)
BIN = Path(sys.executable).parent
FOLDER = "/home/you/sweep"  # what documents call the folder of the clone
PORTS = ("8080", "8786")  # each is replaced by one that is free
WIDTH = 100  # of a line in a document
MOST_WRAPPED = 5  # lines that one line of output may be wrapped into
LONGEST_S = 240
STARTED_S = 90
# What differs between two machines or days; ids too, with the last bit of a learning rate.
NATURE = (
    (r"\b[0-9a-f]{16}\b", "ID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?", "TIME"),
    (r"process \d+ on \S+ ", "process N on HOST "),
    (r"\b(epoch|batch) \d+", r"\1 N"),
    (r"(\d+:\d\d:\d\d|\d[\d.,]* s)\b", "SECONDS"),
    (r"\d[\d.,]* ([kMGT]B|bytes)\b", "SIZE"),
    (r"\d+\.\d+(e-\d+)?", "DECIMAL"),
    (r"─+", "─"),
)
ROW = re.compile(r"(\d+ ID \w+) (\S.*)")  # of the table of results: who is among the best differs


@dataclass(frozen=True)
class Block:
    """A fenced block: its line, its language, its text, and the comments above it."""

    line: int
    language: str
    text: str
    says: dict[str, str]

    def commands(self) -> list[tuple[str, list[str]]]:
        """Return each command, with the lines of its output."""
        commands: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif commands:
                commands[-1][1].append(line)
            else:
                raise AssertionError(f"line {self.line}: the block begins without a command")
        return commands


def blocks(document):
    """Return the fenced blocks of a document."""
    text = document.read_text()
    fenced = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(2)) + 1
        comments = block[1].splitlines()
        matches = [COMMENT.fullmatch(comment) for comment in comments]
        assert None not in matches, f"{document.name}, line {line}: what do {comments} ask for?"
        fenced.append(Block(line, block[2], block[3], {match[1]: match[2] for match in matches}))
    assert 2 * len(fenced) == len(re.findall(r"^ *```", text, re.MULTILINE)), (
        f"{document.name} has a fence of another kind"
    )
    return fenced


def shape(line, numbers_differ=False):
    """Return a line without what differs by nature."""
    for pattern, word in NATURE:
        line = re.sub(pattern, word, line)
    line = " ".join(line.split())
    row = ROW.fullmatch(line)
    if row:
        line = f"{re.sub('[0-9]+', 'N', row[1])} and {len(row[2].split())} cells"
    if numbers_differ:
        line = re.sub(r"\d[\d,]*", "N", re.sub(r"(interrupted) \(.*?\)", r"\1", line))
        line = re.sub(r"(N \w+?)s\b", r"\1", line)  # a plural hangs on its number
    return line


def missing(shown, said, numbers_differ=False):
    """Return the first of the shown lines that is not in the output, after those before it.

    None means that all of them are.
    """
    output = [shape(line, numbers_differ) for line in said.splitlines()]
    shown = [line for line in shown if line.strip("… ")]
    start = number = 0
    while number < len(shown):
        for line, count in unwrapped(shown[number:]):
            parts = shape(line, numbers_differ).split("…")
            pattern = re.compile(".*".join(map(re.escape, parts)))
            place = next(
                (i for i in range(start, len(output)) if pattern.fullmatch(output[i])), None
            )
            if place is not None:
                start, number = place + 1, number + count
                break
        else:
            return shown[number]
    return None


def unwrapped(shown):
    """Yield each line of output that the shown lines may begin with, and how many it takes."""
    yield shown[0], 1
    for count in range(2, min(MOST_WRAPPED, len(shown)) + 1):
        line = " ".join(part.strip() for part in shown[:count])
        if len(line) > WIDTH:
            yield line, count


@dataclass
class Reader:
    """Does what a document says, in a folder that is empty at first.

    As a context manager, it ends what it has started.
    """

    folder: Path
    started: list[subprocess.Popen] = field(default_factory=list)

    def __post_init__(self):
        self.clone = self.folder / "sweep"
        self.clone.mkdir()
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy2(HERE / name, self.clone)
        shutil.copytree(
            HERE / "search_spaces",
            self.clone / "search_spaces",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        (self.clone / ".venv").symlink_to(sys.prefix)  # for who names what make has installed
        given = self.folder / "given"  # an environment in which make has installed all
        given.mkdir()
        (given / ".sweep-installed").touch()
        home = self.folder / "home"
        home.mkdir()
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "PYTHONPATH": str(HERE),
            "VIRTUAL_ENV": str(given),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "DASK_TEMPORARY_DIRECTORY": str(self.folder),
        }
        self.ports = {port: str(free_port()) for port in PORTS}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in reversed(self.started):
            end(process)

    def read(self, document):
        """Run each block of a document."""
        for block in blocks(document):
            try:
                self.run(block)
            except AssertionError as error:
                raise AssertionError(f"{document.name}, line {block.line}: {error}") from None

    def run(self, block):
        """Run one block, or write it, or leave it alone."""
        says = block.says
        if "not run" in says or block.language == "text":
            return
        if "file" in says:
            path = self.clone / says["file"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
        elif block.language == "python":
            assert "def suggest(" not in block.text, (
                "a search space needs a <!-- file: … --> above it"
            )
            script = self.clone / "example.py"
            script.write_text(block.text)
            self._bash("python example.py", [])
        else:
            assert block.language == "console", (
                f"what is to be done with {block.language or 'no language'}?"
            )
            self._run_commands(block)

    def _run_commands(self, block):
        commands, says = block.commands(), block.says
        differ = "numbers differ" in says
        for number, (command, shown) in enumerate(commands, 1):
            if "in the background" in says:
                self._start(command, shown, differ)
            else:
                last = number == len(commands)
                self._bash(command, shown, says.get("exits with", "0") if last else "0", differ)

    def _bash(self, command, shown, exits="0", differ=False):
        process = self._popen(command, subprocess.PIPE)
        try:
            said, _ = process.communicate(timeout=LONGEST_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        said = self._as_in_documents(said)
        status = (
            process.returncode if process.returncode >= 0 else 128 - process.returncode
        )  # as a shell counts
        assert str(status) in exits.split(" or "), (
            f"{command}: exit status {status}, and it said:\n{said}"
        )
        line = missing(shown, said, differ)
        assert line is None, f"{command}: does not show\n{line}\nbut\n{said}"

    def _start(self, command, shown, differ):
        log = self.folder / f"background{len(self.started)}.log"
        with log.open("w") as file:
            process = self._popen(command, file)
        self.started.append(process)
        until = time.monotonic() + STARTED_S
        while (line := missing(shown, self._as_in_documents(log.read_text()), differ)) is not None:
            said = self._as_in_documents(log.read_text())
            assert process.poll() is None, f"{command}: has ended, and it said:\n{said}"
            assert time.monotonic() < until, f"{command}: does not show\n{line}\nbut\n{said}"
            time.sleep(0.1)

    def _popen(self, command, output):
        for port, free in self.ports.items():
            command = re.sub(rf"\b{port}\b", free, command)
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.clone,
            env=self._environment_of(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _environment_of(self, command):
        """Return the environment; a stranger who types ``make`` has no ``sweep`` on his PATH."""
        folders = self.environment["PATH"].split(os.pathsep)
        if command.startswith("make"):
            folders = [folder for folder in folders if folder != str(BIN)]
        return {**self.environment, "PATH": os.pathsep.join(folders)}

    def _as_in_documents(self, said):
        said = said.replace(str(self.clone.resolve()), FOLDER)
        said = said.replace(f"{BIN}/sweep", ".venv/bin/sweep")
        for port, free in self.ports.items():
            said = re.sub(rf"\b{free}\b", port, said)
        return said


def end(process):
    """End a process that was started in the background, and all that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid)
        for member in [started, *started.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()
