"""Runs as event files of TensorBoard, with what its HParams page shows."""

import io
import math
from datetime import datetime
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from sweep.export.runs import Run
from sweep.system.files import write_whole

# TensorBoard reads every file with tfevents in its name. One name a run: a second export writes the
# same file.
FILE = "events.out.tfevents.sweep"
VERSION = "brain.Event:2"


class TensorBoardFiles:
    """A folder for TensorBoard, with a folder for each run. TensorBoard's numbers are float32.

    Args:
        folder: where it is, made with the first run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, run: Run) -> bool:
        """Write the whole file of a run, if it is not there yet."""
        path, content = self._folder / run.id / FILE, _records(run)
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        return True

    def close(self) -> None:
        """Do nothing: nothing is open."""


def _records(run: Run) -> bytes:
    """Return the events of a run in TensorBoard's format."""
    file = io.BytesIO()
    writer, begun = RecordWriter(file), run.begun
    events = [
        Event(wall_time=begun.timestamp(), file_version=VERSION),
        Event(wall_time=begun.timestamp(), summary=_hyperparameters(run)),
        *(
            _scalar(name, values[epoch], epoch, ended)
            for epoch, ended in enumerate(run.times)
            for name, values in run.metrics.items()
            if not math.isnan(values[epoch])
        ),
        *(_scalar(name, value, 0, run.times[-1]) for name, value in run.best.items()),
    ]
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    return file.getvalue()


def _hyperparameters(run: Run) -> Any:
    """Return what the HParams page shows of a run, the same bytes each time."""
    values = {name: _hyperparameter(value) for name, value in run.parameters.items()}
    summary = hparams_pb(values, trial_id=run.id, start_time_secs=run.begun.timestamp())
    # Its content is serialized already, in an order that differs from one process to the next.
    plugin = summary.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin.content)
    plugin.content = content.SerializeToString(deterministic=True)
    return summary


def _hyperparameter(value: Any) -> bool | float | str:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _scalar(name: str, value: float, epoch: int, ended: datetime) -> Any:
    return Event(wall_time=ended.timestamp(), step=epoch, summary=scalar_pb(name, value))
