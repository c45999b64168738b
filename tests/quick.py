"""A sweep of which nothing is trained, by the real controller: quick.py SPACE ROOT OPTIONS, which are those of run, in JSON.

Its trainings take ten milliseconds an epoch, and leave what trainings leave.
"""

import json
import sys
import time
from pathlib import Path

from untrained import Here, save, text_of_log, write_model

from sweep import resume
from sweep.controller import Controller
from sweep.door import _progress
from sweep.errors import SweepError
from sweep.files import size_and_sha256
from sweep.host import now, this_process
from sweep.job import End, Ending, EpochDone
from sweep.record import Outcome, State
from sweep.settings import Settings

EPOCH_S = 0.01


def value_of(parameters, epoch):
    """Return a value in 0…1 that depends on each parameter, and on the epoch; not all curves rise."""
    x, n = parameters["x"], parameters.get("n", 0) % 7
    end = (x * (1 - x) * 3 + n / 7 + parameters.get("y", 0.5) + (parameters.get("kind") == "a")) / 4
    return round(end * (1 - (0.5 - x) * epoch / parameters["epochs"]), 6)


class Quick(Here):
    """Trains nothing, and leaves what a training leaves, epoch by epoch."""

    def train(self, job, stop, on_news):
        experience, record = job.experience, job.record
        start = resume.make_ready(experience).backup
        values = start.position.curve() if start else []
        record.sessions.append({"begun": now(), "epoch": len(values), "batch": 0, "process": this_process()})
        experience.write(record)
        why = on_news(EpochDone(len(values) - 1, values[-1])) if values else None
        while not why and len(values) < record.parameters["epochs"]:
            time.sleep(EPOCH_S)
            values.append(value_of(record.parameters, len(values)))
            experience.log.write_text(text_of_log(values))
            write_model(experience, values)
            save(experience, values)
            why = on_news(EpochDone(len(values) - 1, values[-1]))
        state, best = State.PRUNED if why else State.FINISHED, max(values)
        record.outcome = Outcome(state, now(), why, {"val_acc": best}, values.index(best))
        record.outcome.log, record.outcome.model = map(size_and_sha256, (experience.log, experience.meilleur))
        experience.write(record)
        return End(Ending.OUTCOME)


space, root, options = sys.argv[1:]
try:
    Controller(Settings(space=space, root=Path(root), **json.loads(options)), _progress(), Quick()).run()
except SweepError as error:
    sys.exit(f"sweep: {error}")
