"""Roots in which anybody has written anything: a monstrous value in a place of a file of ours."""

import copy
import hashlib
import io
import json
import re
import shutil
import time
import traceback
import zipfile
from pathlib import Path

from support.stand_ins import SPACE, NoTraining, control
from sweep.console import results, status
from sweep.console.headline import headline_of
from sweep.errors import SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.heartbeat import Heartbeat, write_heartbeat
from sweep.experience.record import Outcome, State
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.maintenance.merge import find_others, merge
from sweep.maintenance.verify import Verification
from sweep.space.identity import id_experience
from sweep.space.source import find
from sweep.system.files import size_and_sha256
from sweep.system.host import ProcessId, machine, now, this_process
from sweep.training.protocol import End, Ending
from sweep.web import matplotlib_figures, notebook, plotly_figures, tables
from sweep.web.dashboard_study import study_of_folders
from sweep.web.epoch_logs import epoch_logs_of
from sweep.web.sections import sections_of
from sweep.web.texts import ENGLISH

TRIALS = 8
MOST_EPOCHS = 50
LONG = 2**20  # a log of some ten thousand rows: each takes its time
MOST_S, MOST_BYTES = 2.0, 500 * 2**20
DEEP = "put DEEP here"
TEXTS = {f'"{DEEP}"': "[" * 200_000 + "]" * 200_000}
VALUES = [
    *(None, True, -1, 0, 1.5, 99, 10**6, 2**31, 2**39, 2**53 + 1, 2**62, 2**70, 10**400),
    *(float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 5e-324, 1e-9),
    *("", "x", "\x1b[31m", "a" * 200_000, "\ud800", "\u2028\n\0", "../../x", "<script>", "=1+1"),
    *(
        "9999-12-31T00:00:00+00:00",
        "0001-01-01T00:00:00+00:00",
        "2026-01-01",
        "2999-12-31T00:00:00+00:00",
    ),
    *([], {}, [[]], [None] * 200_000, {str(number): 0 for number in range(100_000)}, DEEP),
]
GONE = object()  # the place itself is missing


def nested(levels):
    value = 0
    for level in range(levels):
        value = [value] if level % 2 else {"x": value}
    return value


VALUES += [nested(150), nested(400), GONE]
HEADER = "epoch,acc,loss,val_acc,val_loss\n"
LOGS = [
    "",
    "\n",
    HEADER,
    HEADER + "0,0,0,0.5,0",
    HEADER + "0,0,0,1e999,0\n1,0,0,-1e999,0\n",
    HEADER + "0,0,0,nan,0\n1,0,0,0.5,0\n",
    HEADER + "-1,0,0,0.5,0\n0,0,0,0.5,0\n",
    HEADER + f"{10**30},0,0,0.5,0\n",
    HEADER + f"0,0,0,{'9' * 5000},0\n",
    HEADER + "0,0,0,\0,0\n",
    HEADER + f"0,0,0,0.5,{'x' * 60_000}\n",
    HEADER + f'0,0,0,0.5,0\n1,0,0,0.5,"{"x" * 200_000}',
    HEADER + "0,0,0,0.5,0\n" + "x" * 30_000_000,
    HEADER + "".join(f"{row},0,0,0.5,0\n" for row in range(100_000)),
    HEADER + "".join(f"{row},0,0,0.5,0\n" for row in range(1_000_000)),
    "\n" * 10_000_000,
    "\r" * 10_000_000,
    "," * 10_000_000 + "\n",
    "epoch,val_acc" + ",x" * 30_000 + "\n0,0.5" + ",0" * 30_000 + "\n",
    "epoch,val_acc,trial,state,id_experience,=1+1,\x1b[31m\n0,0.5,0,0,0,0,0\n",
]


class Briefly(NoTraining):
    """Trainings that take no time, and fail where they would take more than ``MOST_EPOCHS``."""

    def train(self, job, stop, on_news):
        if job.record.parameters["epochs"] <= MOST_EPOCHS:
            return super().train(job, stop, on_news)
        job.record.outcome = Outcome(State.FAILED, now(), "too long for a test")
        job.experience.write(job.record)
        return End(Ending.OUTCOME)


def write_space(folder):
    path = folder / "space.py"
    path.write_text(SPACE)
    return path


def make(root, space, seed):
    """Make a root with each of our files; every third experience is cut after its first epoch."""
    control(root, space, trials=TRIALS, seed=seed)
    for number, one in enumerate(experiences_in(root)):
        record, begun = one.read(), now()
        end = {"how": "cut", "epoch": 1, "batch": 0, "trained_s": 1.0, "prepared_s": 1.0}
        sample = [1, 0, {"loss": 0.5}]
        evidence = {"header": HEADER, "rows": ["1,0,0,0,0\n"], "samples": [sample]}
        more = {"machine": machine().as_content(), "processor": "x", "versions": {"keras": "3"}}
        first = record.sessions[0].changed(**more, ended={**end, "sample": sample})
        proof = {"compared": 1, "differs": []}
        record.sessions = [first, first.changed(proof=proof, evidence=evidence)]
        record.search_space["modules"] = {}
        file = {"path": "/data/train.csv", "bytes": 1, "modified": begun}
        record.data_identity = {"digest": "0" * 64, "files": [file], "count": 1}
        record.approximate_because = "a reason"
        if number % 3 == 0:
            last = record.sessions[-1]
            record.outcome, record.trials[0].ended, last.ended = None, None, None
            last.process = ProcessId(host="gone", boot="", pid=1, started=0.0)
            write_heartbeat(one.heartbeat, Heartbeat(1, 1, 0, 1, 1.0, 1.0, 1, begun, {"loss": 0.5}))
            lines = one.log.read_text().splitlines(keepends=True)
            one.log.write_text("".join(lines[:2]))
        one.write(record)
        position = one.sauvegarde / "training_metadata.json"
        write_json(position, {**json.loads(position.read_bytes()), "record": record.as_content()})
    (root / "enqueued.json").write_text(
        json.dumps({"proposals": [{"x": 0.25}], "warm_starts": ["/x"]})
    )
    holder = {**this_process().as_content(), "pid": 2**22 + 1, "since": now(), "renewed": 0}
    (root / "sweep.lock.json").write_text(json.dumps(holder))


def write_json(path, content):
    if "checksum" in content:
        content = {name: value for name, value in content.items() if name != "checksum"}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        content = {"checksum": digest, **content}
    text = json.dumps(content)
    for mark, monster in TEXTS.items():
        text = text.replace(mark, monster)
    path.write_text(text)


def places(content, before=()):
    """Yield the way to each value in a content."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for name, value in items:
        yield (*before, name)
        if isinstance(value, dict | list):
            yield from places(value, (*before, name))


def put(content, place, value):
    """Return the content with a value in a place."""
    if not place:
        return value
    content = copy.deepcopy(content)
    inner = content
    for name in place[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return content


def spoil_json(path, draw):
    """Put a monstrous value in a place of a file, and say which."""
    content = json.loads(path.read_bytes())
    place, value = draw.choice(sorted(places(content), key=str)), draw.choice(VALUES)
    write_json(path, put(content, place, value))
    return f"{path.name} {place} {'GONE' if value is GONE else repr(value)[:50]}"


def spoil_record(one, draw):
    said = spoil_json(one.record, draw)
    rename(one)
    return said


def rename(one):
    """Let the folder have the name that its parameters give, as who means harm would."""
    try:
        content = json.loads(one.record.read_bytes())
        name = id_experience(content["search_space"]["name"], content["parameters"])
        one.record.write_text(json.dumps({**content, "id_experience": name}))
        one.path.rename(one.path.with_name(name))
    except (SweepError, ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError):
        pass


def spoil_log(one, draw):
    log = draw.choice(LOGS)
    one.log.write_text(log)
    own_up(one)
    return f"log.csv {log[:60]!r}"


def own_up(one):
    """Let the record know the files as they are."""
    record = one.read()
    if record and record.outcome:
        record.outcome.log, record.outcome.model = map(size_and_sha256, (one.log, one.meilleur))
        one.write(record)


def member(name, text, method=zipfile.ZIP_STORED):
    """Return what writes a model with another member, or with another label."""

    def write(path):
        label = {"sweep.json": json.dumps({"value": 0.5, "epoch": 0}), name: text}
        with zipfile.ZipFile(path, "w", method) as archive:
            for one, content in {"model.weights.h5": b"weights", **label}.items():
                archive.writestr(one, content)

    return write


def overlap(path):
    """Let a thousand members be the same bytes."""
    beside = io.BytesIO()
    with zipfile.ZipFile(beside, "w") as archive:
        archive.writestr("x", b"\0" * 1_000_000)
        archive.filelist += [replaced(archive.filelist[0], number) for number in range(1000)]
        archive._didModify = True
    path.write_bytes(beside.getvalue())


def replaced(info, number):
    other = copy.copy(info)
    other.filename = other.orig_filename = f"x{number}"
    return other


def label_of(value):
    return member("sweep.json", json.dumps(value) if value is not DEEP else TEXTS[f'"{DEEP}"'])


ARCHIVES = {
    "bomb": member("bomb", b"\0" * 100_000_000, zipfile.ZIP_DEFLATED),
    "bomb of bzip2": member("bomb", b"\0" * 30_000_000, zipfile.ZIP_BZIP2),
    "bomb as label": member("sweep.json", b"[" * 30_000_000, zipfile.ZIP_DEFLATED),
    "overlapping members": overlap,
    "many members": lambda path: many(path),
    "no archive": lambda path: path.write_bytes(b"PK" * 1000),
    **{
        f"label {str(value)[:30]}": label_of(value)
        for value in (
            *(
                [],
                {},
                3,
                DEEP,
                {"value": "x", "epoch": 0},
                {"value": 0.5, "epoch": "x"},
                {"epoch": 1},
            ),
            *(
                {"value": 0.5, "epoch": 2**70},
                {"value": None, "epoch": -1},
                {"value": 10**400, "epoch": 1},
            ),
        )
    },
}


def many(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(str(number), "")


def spoil_model(one, draw):
    name = draw.choice(sorted(ARCHIVES))
    ARCHIVES[name](one.meilleur)
    own_up(one)
    return f"meilleur.model.keras {name}"


X = ("trials", 0, "distributions", "x", "attributes")
RATE = {
    "name": "FloatDistribution",
    "attributes": {"low": 0.0, "high": 1.0, "step": None, "log": False},
}
MANY = [str(number) for number in range(200)]
# By name, what an enemy who knows us writes into a record: places and values.
RECORDS = {
    "a number far beyond the others": {("trials", 0, "number"): 10**6},
    "a trial that is repeated very often": {("trials", 0, "repeats"): 10**4},
    "a huge range": {
        (*X, "low"): -1e100,
        (*X, "high"): 1e100,
        ("trials", 0, "params", "x"): 1e100,
        ("parameters", "x"): 1e100,
    },
    "a tiny step": {(*X, "step"): 1e-300},
    "a logarithm of nothing": {(*X, "log"): True},
    "very many choices": {
        ("trials", 0, "distributions", "kind", "attributes", "choices"): [
            "a",
            None,
            True,
            3,
            *MANY * 49,
        ]
    },
    "a choice that is no float": {
        ("trials", 0, "distributions", "kind", "attributes", "choices", 2): 10**400
    },
    "very many parameters": {
        ("trials", 0, "params"): dict.fromkeys(MANY, 0.5),
        ("trials", 0, "distributions"): dict.fromkeys(MANY, RATE),
    },
    "what samplers keep": {
        ("trials", 0, "attributes"): {
            "user": {"id_experience": []},
            "system": {
                "constraints": "x",
                "nsga2:generation": "x",
                "fixed_params": 3,
                "grid_id": [],
            },
        }
    },
    "values that are none": {("outcome", "values"): {"val_acc": float("nan")}},
    "constraints that are none": {("outcome", "constraints"): [1e308, float("nan")]},
    "very many epochs": {("parameters", "epochs"): 10**9},
    "a deep parameter": {("parameters", "y"): nested(150)},
    "very many objectives": {("aims",): [["val_acc", "max"]] * 99},
}


def edit(one, changes):
    """Put values in their places of a record, as far as it has these places."""
    content = json.loads(one.record.read_bytes())
    for place, value in changes.items():
        if content[place[0]] is not None:  # an interrupted training has no outcome
            content = put(content, place, value)
    write_json(one.record, content)
    rename(one)


def spoil_position(one, draw):
    return spoil_json(one.sauvegarde / "training_metadata.json", draw)


def spoil_pulse(one, draw):
    return spoil_json(one.heartbeat, draw) if one.heartbeat.exists() else spoil_position(one, draw)


SPOILERS = [*[spoil_record] * 5, *[spoil_position] * 2, spoil_pulse, spoil_log, spoil_model]


def spoil(root, draw):
    """Spoil each experience of a root in one way, and its own files in one, and say how."""
    said = [(one.id, draw.choice(SPOILERS)(one, draw)) for one in experiences_in(root)]
    name = draw.choice(["sweep.json", "sweep.lock.json", "enqueued.json", "study.journal"])
    return [
        *said,
        spoil_journal(root, draw) if name == "study.journal" else spoil_json(root / name, draw),
    ]


def spoil_journal(root, draw):
    path = root / "study.journal"
    lines = path.read_text().splitlines()
    at = draw.randrange(len(lines))
    content = json.loads(lines[at])
    place, value = draw.choice(sorted(places(content), key=str)), draw.choice(VALUES)
    text = json.dumps(put(content, place, value))
    for mark, monster in TEXTS.items():
        text = text.replace(mark, monster)
    path.write_text("\n".join([*lines[:at], text, *lines[at + 1 :]]) + "\n")
    return f"study.journal {at} {place} {'GONE' if value is GONE else repr(value)[:50]}"


class Slow(str):
    """What took too much CPU time, or seemed so: a virtual machine that stands still counts it."""


class Measured:
    """Runs commands; notes which took too much CPU time or memory, or ended in no sentence."""

    def __init__(self, budget=1):
        self.wrong, self.budget = [], budget

    def __call__(self, name, command):
        Path("/proc/self/clear_refs").write_text("5")
        before, begun = resident("VmRSS"), time.process_time()
        error = None
        try:
            return command()
        except SweepError as sentence:
            error = sentence
            if "\n" in str(sentence):
                self.wrong.append(f"{name} says several lines: {sentence}")
        except Exception as raised:  # noqa: BLE001 # it is what is looked for
            self.wrong.append(
                f"{name} raises {type(raised).__name__}: {str(raised)[:300]} "
                f"{traceback.format_exc()[-1500:]}"
            )
        finally:
            took, memory = time.process_time() - begun, resident("VmHWM") - before
            if took > MOST_S * self.budget:
                self.wrong.append(Slow(f"{name} takes {took:.1f} s"))
            if memory > MOST_BYTES:
                self.wrong.append(f"{name} takes {memory / 2**20:.0f} MB")
        return error


def resident(what):
    return 1024 * int(re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


def use_all(hostile, good, space):
    """Do all that is done with a hostile root, and return what went wrong."""
    longest = [
        one for one in experiences_in(hostile) if one.log.exists() and one.log.stat().st_size > LONG
    ]
    measured, source = Measured(1 + len(longest)), find(str(space))
    measured("merge", lambda: list(merge(good, source, find_others(good, [hostile]), True)))
    error = measured("run after merge", lambda: control(good, space, Briefly(), accept_change=True))
    if isinstance(error, SweepError):
        measured.wrong.append(f"run after merge refuses: {error}")
    look_at_all(hostile, space, measured)
    while isinstance(
        error := measured("run", lambda: control(hostile, space, Briefly(), accept_change=True)),
        SweepError,
    ):
        if not remove_what(str(error), hostile):
            break
    return measured.wrong


def look_at_all(root, space, measured):
    sight = measured("look", lambda: SnapshotReader(root, lambda text: None).look())
    measured(
        "status", lambda: [*status.status_lines(sight), headline_of(sight), notebook.as_html(sight)]
    )
    measured("results", lambda: (results.as_json(sight.rows()), results.as_csv(sight.rows())))
    measured(
        "tables",
        lambda: [
            tables.harmless(table(sight), ENGLISH.decimal).to_csv()
            for table in (tables.trial_table, tables.epoch_table)
        ],
    )
    verification = Verification(str(space), root, None, control_progress())
    measured("verify", lambda: list(verification.findings(False)))
    measured("dashboard", lambda: study_of_folders("space", sight))
    if any(one.curve for one in sight.trainings):
        sections = (
            measured("sections", lambda: list(sections_of(sight, epoch_logs_of(sight), ENGLISH)))
            or []
        )
        for section in sections if isinstance(sections, list) else ():
            for module in (plotly_figures, matplotlib_figures) if section.has_data else ():
                measured(
                    f"{section.name} of {module.__name__}",
                    lambda: section.draw(module),  # noqa: B023
                )


def control_progress():
    from rich.console import Console

    from sweep.console.progress import Progress

    return Progress(Console(file=io.StringIO()))


def remove_what(sentence, root):
    """Do what the sentence asks for; return whether there was something to do."""
    for one in [path for path in root.iterdir() if path.name in sentence]:
        shutil.rmtree(one) if one.is_dir() else one.unlink()
        return True
    return False
