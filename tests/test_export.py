"""Exports are read back by the tools that they are for: each epoch is there once."""

import contextlib
import json
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from support.command import sweep
from support.folders import sweep_of_all_kinds
from support.postgresql import free_port
from sweep.errors import Misuse, SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.session_spans import SessionSpan
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.export.mlflow_runs import ID
from sweep.export.runs import epoch_ends, runs_of
from sweep.sweep_view import SweepView

TO = ("tensorboard", "mlflow", "wandb-offline")
# MLflow's own tables do what SQLAlchemy no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn") / "root"
    sweep_of_all_kinds(root)
    return root


@pytest.fixture
def root(drawn, tmp_path):
    """Return a root of its own, for a test that trains on."""
    return shutil.copytree(drawn, tmp_path / "root")


def export(space, root, to, where):
    done = sweep("export", space, "--root", root, "--to", to, where)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def logged(root):
    """Return the epochs of each experience, as its log has them: by metric, by epoch."""
    logs = {}
    for one in [one for one in experiences_in(root) if one.log.exists()]:
        header, *rows = [line.split(",") for line in one.log.read_text().splitlines() or [""]]
        if rows:
            columns = dict(zip(header, zip(*rows, strict=True), strict=True))
            del columns["epoch"]
            logs[one.id] = {name: [*map(float, cells)] for name, cells in columns.items()}
    return logs


def in_tensorboard(folder):
    """Return the same as ``logged``, read by TensorBoard; its numbers are float32."""
    logs = {}
    for path in folder.iterdir():
        events = EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
        logs[path.name] = {
            tag: [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]
            for tag in events.Tags()["tensors"]
            if not tag.startswith(("_hparams_", "best "))
        }
    return logs


def in_mlflow(uri):
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("toy").experiment_id
    logs = {}
    for run in client.search_runs([experiment]):
        assert run.info.run_name == run.data.tags["sweep.id_experience"]
        logs[run.info.run_name] = {
            name: [
                (metric.step, metric.value)
                for metric in client.get_metric_history(run.info.run_id, name)
            ]
            for name in run.data.metrics
            if not name.startswith("best ")
        }
    return logs


def in_wandb(folder):
    """Return the same, from the records of wandb's transaction logs: no reader comes with it."""
    from wandb.proto.wandb_internal_pb2 import Record

    logs = {}
    for path in (folder / "wandb").glob("offline-run-*"):
        (file,) = path.glob("run-*.wandb")
        log = logs.setdefault(file.stem.removeprefix("run-"), {})
        for content in records(file.read_bytes()):
            record = Record.FromString(content)
            items = {
                item.key or item.nested_key[0]: json.loads(item.value_json)
                for item in record.history.item
            }
            for name, value in items.items():
                if not name.startswith("_"):
                    log.setdefault(name, []).append((items["_step"], float(value)))
    return logs


def records(content, block=32768, head=7):
    """Yield the records of a log in LevelDB's format, after wandb's own header of 7 bytes."""
    position, record = head, b""
    while position < len(content):
        if block - position % block < head:
            position += block - position % block
            continue
        _, length, kind = struct.unpack("<IHB", content[position : position + head])
        record += content[position + head : position + head + length]
        position += head + length
        if kind in (1, 4):  # whole, or the last piece
            yield record
            record = b""


READ = {
    "tensorboard": in_tensorboard,
    "mlflow": in_mlflow,
    "wandb-offline": in_wandb,
}


def place(tmp_path, to):
    return f"sqlite:///{tmp_path}/mlflow.db" if to == "mlflow" else tmp_path / to


def same(read, root):
    expected = {
        id_experience: {
            name: [
                (epoch, pytest.approx(value, rel=1e-6, nan_ok=True))
                for epoch, value in enumerate(values)
            ]
            for name, values in log.items()
        }
        for id_experience, log in logged(root).items()
    }
    return read == expected


@pytest.mark.cold  # the order in a protobuf differs from one Python to the next
@pytest.mark.parametrize("to", TO)
def test_each_epoch_is_there_once_however_often_it_is_exported(never_run, root, tmp_path, to):
    where, count = place(tmp_path, to), len(logged(root))
    assert f"{count} new or changed, 0 there already" in export(never_run, root, to, where)
    assert f"0 new or changed, {count} there already" in export(never_run, root, to, where)
    train_on(root)
    assert "1 new or changed" in export(never_run, root, to, where)
    assert same(READ[to](where), root)


def train_on(root, change=lambda cell: cell):
    """Give an unfinished experience one more epoch; ``change`` the cells of the last one before."""
    one = next(one for one in experiences_in(root) if one.log.exists() and not one.read().outcome)
    header, *rows = one.log.read_text().splitlines()
    epoch, *cells = rows[-1].split(",")
    rows[-1:] = [
        ",".join([epoch, *map(change, cells)]),
        ",".join([str(int(epoch) + 1), *cells]),
    ]
    one.log.write_text("\n".join([header, *rows]) + "\n")


def test_a_training_that_was_not_exact_takes_the_place_of_what_mlflow_has(
    never_run, root, tmp_path
):
    where = place(tmp_path, "mlflow")
    view = SweepView(never_run, root)
    view.export("mlflow", where)
    train_on(root, change=lambda cell: "0.25")
    assert view.export("mlflow", where).new == 1
    assert same(in_mlflow(where), root)


def test_an_export_that_was_cut_is_completed_by_the_next(never_run, root, tmp_path, monkeypatch):
    where = place(tmp_path, "mlflow")
    log_batch, calls = MlflowClient.log_batch, []

    def cut(client, *arguments, **more):
        log_batch(client, *arguments, **more)
        calls.append(more)
        if len(calls) == 5:
            raise OSError("the network is gone")

    monkeypatch.setattr(MlflowClient, "log_batch", cut)
    view = SweepView(never_run, root)
    with pytest.raises(OSError, match="gone"):
        view.export("mlflow", where)
    assert "metrics" in calls[4], "it is cut before the digest of a run is there"
    view.export("mlflow", where)
    assert same(in_mlflow(where), root)


def test_names_that_mlflow_refuses_and_values_that_it_changes_are_there_once(
    never_run, root, tmp_path
):
    where = place(tmp_path, "mlflow")
    names = ("m@1", "m#1", "a//b", "best val_acc", "x" * 300)
    for one in (one for one in experiences_in(root) if one.log.exists()):
        header, *rows = one.log.read_text().splitlines()
        values = ("0.5", "-0.0", "inf", "-inf", "1e-320")
        lines = [",".join([header, *names]), *(",".join([row, *values]) for row in rows)]
        one.log.write_text("\n".join(lines) + "\n")
    view = SweepView(never_run, root)
    view.export("mlflow", where)
    train_on(root)
    view.export("mlflow", where)
    client = MlflowClient(where)
    experiment = client.get_experiment_by_name("toy").experiment_id
    everything = client.search_runs([experiment], run_view_type=ViewType.ALL)
    assert len(everything) == len(logged(root)), "none was deleted and made anew"
    for run in everything:
        log = logged(root)[run.info.run_name]
        assert len(run.data.metrics) >= len(log), "no two names became one"
        steps = {len(client.get_metric_history(run.info.run_id, name)) for name in run.data.metrics}
        assert steps <= {1, len(log["acc"])}


def test_runs_that_two_exports_have_made_become_one(never_run, root, tmp_path):
    where = place(tmp_path, "mlflow")
    view = SweepView(never_run, root)
    view.export("mlflow", where)
    client = MlflowClient(where)
    experiment = client.get_experiment_by_name("toy").experiment_id
    first = client.search_runs([experiment])[0]
    client.create_run(experiment, tags={ID: first.data.tags[ID]}, run_name=first.info.run_name)
    view.export("mlflow", where)
    assert same(in_mlflow(where), root)


def test_a_longer_training_that_has_not_begun_has_the_epochs_of_its_parent(
    never_run, root, tmp_path
):
    one = next(one for one in experiences_in(root) if one.log.exists() and not one.read().outcome)
    record = one.read()
    record.sessions = []
    one.write(record)
    for to in TO:
        SweepView(never_run, root).export(to, place(tmp_path, to))
        assert same(READ[to](place(tmp_path, to)), root)


def test_the_time_of_a_run_is_that_of_its_first_session(root):
    snapshot = SnapshotReader(root, print).look()
    begun = {
        one.experience.id: one.record.sessions[0].begun for one in snapshot.trainings if one.curve
    }
    assert {run.id: run.begun.isoformat() for run in runs_of(snapshot)} == begun


@pytest.mark.parametrize(
    ("to", "where", "says"),
    [
        ("mlflow", "ml.db", "ml.db is no URI: give mlflow such as sqlite:///mlflow.db"),
        (
            "mlflow",
            "nonsense://me:secret@host",
            "nonsense://me:***@host: mlflow cannot write there (",
        ),
        ("mlflow", "mysql+nodriver://me:secret@host/db", "mysql+nodriver://me:***@host/db: mlflow"),
        ("excel", "x", "'excel' is none of tensorboard, mlflow, wandb-offline."),
    ],
)
def test_a_place_that_cannot_be_is_one_sentence_without_the_password(
    never_run, root, to, where, says
):
    with pytest.raises(SweepError) as error:
        SweepView(never_run, root).export(to, where)
    assert str(error.value).startswith(says)
    assert "secret" not in str(error.value)


@pytest.mark.long
def test_the_hparams_page_of_tensorboard_shows_the_sweep(never_run, root, tmp_path):
    export(never_run, root, "tensorboard", tmp_path / "board")
    words = ("--logdir", tmp_path / "board", "--port", port := free_port(), "--host", "127.0.0.1")
    with subprocess.Popen(
        [Path(sys.executable).with_name("tensorboard"), *map(str, words)]
    ) as board:
        try:
            address = f"http://127.0.0.1:{port}/data/plugin/hparams/"
            experiment = eventually(lambda: ask(address + "experiment", {"experimentName": ""}))
            names = {info["name"] for info in experiment["hparamInfos"]}
            metrics = {info["name"]["tag"] for info in experiment["metricInfos"]}
            every = {"allowedStatuses": ["STATUS_UNKNOWN"], "startIndex": 0, "sliceSize": 1000}
            groups = ask(address + "session_groups", {"experimentName": "", **every})
        finally:
            board.terminate()
    assert {group["name"] for group in groups["sessionGroups"]} == set(logged(root))
    assert {"x", "epochs"} <= names
    assert {"val_acc", "best val_acc"} <= metrics


def ask(address, body):
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def eventually(ask, seconds=60):
    """Return the first answer that shows parameters, once the server is there and has read all."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            answer = ask()
            if answer.get("hparamInfos") and answer.get("metricInfos"):
                return answer
        assert time.monotonic() < until, "TensorBoard does not answer"
        time.sleep(0.5)


def test_an_epoch_ends_within_its_session():
    begun = datetime(2026, 1, 1, tzinfo=UTC)

    def span(number, minutes, ended, from_epoch, to_epoch):
        at = begun + timedelta(minutes=minutes)
        until = begun + timedelta(minutes=ended)
        return SessionSpan("0" * 16, 0, number, at, until, "cut", from_epoch, to_epoch)

    spans = [span(0, 0, 10, 0.0, 2.5), span(1, 60, 66, 2.0, 5.0)]
    minutes = [(moment - begun).total_seconds() / 60 for moment in epoch_ends(spans, 5, begun)]
    assert minutes == [4, 8, 62, 64, 66]
    assert epoch_ends([], 2, begun) == [begun, begun], "of a longer training, before it begins"


@pytest.mark.parametrize(("to", "package"), [("mlflow", "mlflow"), ("wandb-offline", "wandb")])
def test_what_is_not_installed_is_said(never_run, root, tmp_path, monkeypatch, to, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(
        sys.modules, f"sweep.export.{package}_{'runs' if package == 'mlflow' else 'folders'}", False
    )
    with pytest.raises(Misuse, match=f"needs {package}, which is not installed: pip install"):
        SweepView(never_run, root).export(to, place(tmp_path, to))
