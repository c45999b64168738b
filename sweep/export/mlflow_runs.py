"""Runs in MLflow, in a database or on a server."""

import hashlib
import math
import os
import posixpath
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

# MLflow would tell its makers that it is used, and print how it makes a database.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# It would ask a server that is away for four minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from sweep.experience.record import State
from sweep.export.runs import Run

ID, DIGEST = "sweep.id_experience", "sweep.digest"
STATUS = {State.FINISHED: "FINISHED", State.FAILED: "FAILED", State.PRUNED: "KILLED"}
LARGEST, LONGEST_NAME = sys.float_info.max, 200
MOST_METRICS, MOST_PARAMETERS, MOST_CHARACTERS = 1000, 100, 6000  # of one request
Metrics = dict[tuple[str, int], Metric]  # by name and epoch
T = TypeVar("T")
NOT_IN_A_NAME = re.compile(r"[^\w\-./ :]")


class MlflowRuns:
    """The runs of an experiment of MLflow, which is made where there is none.

    MLflow gives a run an id of its own; a tag, and the name of the run, are the id_experience.

    Args:
        uri: of the database or the server, as MLflow takes it.
        experiment: its name.

    Raises:
        mlflow.exceptions.MlflowException: it cannot be reached.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        self._client: Any = MlflowClient(uri)
        known = self._client.get_experiment_by_name(experiment)
        self._experiment = (
            known.experiment_id if known else self._client.create_experiment(experiment)
        )
        self._runs: dict[str, Any] = {}
        for run in self._runs_there():
            first = self._runs.setdefault(run.data.tags[ID], run)
            if first is not run:  # two exports ran at once, on two machines
                self._client.delete_run(run.info.run_id)

    def write(self, run: Run) -> bool:
        """Log what the run lacks there.

        MLflow appends whatever it is given, and changes nothing. Where it has other values for the
        run, as after a training that began anew and was not exact, the run is deleted there, which
        can be undone in MLflow, and another is made.
        """
        there = self._runs.get(run.id)
        if there and there.data.tags.get(DIGEST) == run.digest:
            return False
        metrics = _metrics_of(run)
        logged = self._logged(there, metrics) if there else {}
        if there and not _agrees(logged, metrics):
            self._client.delete_run(there.info.run_id)
            there, logged = None, {}
        self._log(
            there or self._create(run), run, [metrics[key] for key in metrics.keys() - logged]
        )
        return True

    def close(self) -> None:
        """Do nothing: the client holds nothing open."""

    def _runs_there(self) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_runs([self._experiment], page_token=token)
            yield from (run for run in page if ID in run.data.tags)
            token = page.token
            if not token:
                return

    def _create(self, run: Run) -> Any:
        tags = {ID: run.id, "sweep.trial": str(run.trial)}
        begun = _milliseconds(run.begun)
        return self._client.create_run(self._experiment, begun, tags, run_name=run.id)

    def _logged(self, there: Any, metrics: Metrics) -> Metrics:
        """Return all that MLflow has of these metrics."""
        names = {name for name, _ in metrics}
        histories = (self._client.get_metric_history(there.info.run_id, name) for name in names)
        return {(metric.key, metric.step): metric for history in histories for metric in history}

    def _log(self, there: Any, run: Run, metrics: list[Metric]) -> None:
        """Log what the run lacks; the tag with its digest comes last, when all is there."""
        run_id = there.info.run_id
        parameters = [
            Param(_name(name), str(value)[:MOST_CHARACTERS])
            for name, value in run.parameters.items()
        ]
        for some in _pieces(parameters, MOST_PARAMETERS):
            self._client.log_batch(run_id, params=some)
        for several in _pieces(metrics, MOST_METRICS):
            self._client.log_batch(run_id, metrics=several)
        status = STATUS.get(run.state)
        if status:
            self._client.set_terminated(run_id, status, _milliseconds(run.times[-1]))
        else:
            self._client.update_run(run_id, status="RUNNING")  # a failed one may be retried
        tags = {
            "sweep.approximate": run.approximate_because,
            "sweep.state": str(run.state),
            DIGEST: run.digest,
        }
        self._client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])


def _metrics_of(run: Run) -> Metrics:
    """Return each value of each epoch; the objectives have a name of their own, and one value."""
    metrics = [
        Metric(_name(name), value, _milliseconds(run.times[epoch]), epoch)
        for name, values in run.metrics.items()
        for epoch, value in enumerate(values)
    ]
    last = _milliseconds(run.times[-1])
    metrics += [Metric(_name(name), value, last, 0) for name, value in run.best.items()]
    return {(metric.key, metric.step): metric for metric in metrics}


def _agrees(logged: Metrics, metrics: Metrics) -> bool:
    """Tell whether all that is logged is among the metrics."""
    return all(
        key in metrics and _stored(metrics[key].value) == _stored(metric.value)
        for key, metric in logged.items()
    )


def _pieces(things: list[T], length: int) -> Iterator[list[T]]:
    for first in range(0, len(things), length):
        yield things[first : first + length]


def _stored(value: float) -> float | None:
    """Return a value as a database of MLflow's gives it back: without infinity; None for NaN."""
    return None if math.isnan(value) else min(max(value, -LARGEST), LARGEST)


def _name(name: str) -> str:
    """Return a name as MLflow allows it, which is a path; one that it refuses gets a digest."""
    is_path = name == posixpath.normpath(name) and not name.startswith(("/", ".."))
    if is_path and name != "." and len(name) <= LONGEST_NAME and not NOT_IN_A_NAME.search(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{NOT_IN_A_NAME.sub('_', name).replace('/', '_')[: LONGEST_NAME // 2]}-{digest}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
