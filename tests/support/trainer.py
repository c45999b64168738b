"""One training of a test space, in a real process, as the controller would have it."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

from support.bits import only
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State
from sweep.running.local_processes import LocalProcesses
from sweep.space import search_space
from sweep.space.identity import id_experience, plain
from sweep.space.source import find
from sweep.training.protocol import Job

SPACES = Path(__file__).parent.parent / "spaces"
PARAMETERS = {
    "mlp": {"units": 8, "rate": 0.02},
    "cnn": {"filters": 4},
    "lstm": {"units": 6},
    "phased": {"units": 8},
    "events": {"units": 8},
}
# The spaces of these tests import Keras at their top; the process of the tests stays without it.
FIXED = {
    "mlp": {"epochs": 6, "batch_size": 32, "seed": 3},
    "cnn": {"epochs": 4, "batch_size": 32, "seed": 1},
    "lstm": {"epochs": 3, "batch_size": 32, "seed": 2},
    "phased": {"epochs": 8, "batch_size": 32, "seed": 4},
    "events": {"epochs": 4, "batch_size": 32, "seed": 3},
}
ORDER = "SWEEP_TEST_ORDER"  # see spaces/cut.py


class Trainer:
    """Trains one experience of a test space, and cuts it where it is told."""

    def __init__(self, folder):
        self.order = folder / "order.json"
        os.environ[ORDER] = str(self.order)
        self.place = LocalProcesses(["sklearn.datasets"])
        self.place.start()
        self.news = []
        self.stop = threading.Event()

    def __call__(
        self,
        space,
        root,
        cut=None,
        save_freq=4,
        parameters=None,
        on_news=lambda news: False,
        until=None,
    ):
        self.order.unlink(missing_ok=True)
        if cut:
            self.order.write_text(json.dumps(cut))
        job = replace(self.job(space, root, save_freq, parameters), until=until)
        self.news = []
        self.stop = threading.Event()
        end = self.place.train(job, self.stop, lambda news: self.news.append(news) or on_news(news))
        assert not (cut and self.order.exists()), "the cut did not come"
        return end

    def job(self, space, root, save_freq=4, parameters=None):
        path = space if isinstance(space, Path) else SPACES / f"{space}.py"
        source = find(str(path))
        fixed = FIXED.get(space) or (
            {} if "epochs" in parameters else search_space.load(source).fixed
        )
        values = plain({**(parameters or PARAMETERS[space]), **fixed})
        root.mkdir(parents=True, exist_ok=True)
        experience = Experience(root / id_experience(source.name, values))
        record = experience.read() or Record(
            experience.id, source.identity(), values, values["seed"], 2, []
        )
        return Job(source, experience, record, save_freq, prunes=True)

    def experience(self, space, root):
        return self.job(space, root).experience

    def cut_and_resume(self, space, root, *cuts, **how):
        """Train to the end, killed at each of the cuts, and return the experience."""
        for cut in cuts:
            end = self(space, root, cut, **how)
            assert "SIGKILL" in end.why, end
            assert only(root).state() is State.CUT_OFF
        end = self(space, root, **how)
        assert end.ending == "outcome", end
        return only(root)
