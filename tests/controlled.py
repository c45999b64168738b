"""A whole sweep, of which the trainings alone are left out: controlled.py ROOT SPACE OPTIONS [TRIAL STEP].

As a script it is killed at a step of a trial: "added" to the study, "asked" what it is, "begun" in its folder, or "trained".
"""

import io
import json
import os
import signal
import sys
import time
import zipfile
from pathlib import Path

import optuna
from rich.console import Console
from untrained import Here

from sweep import meilleur
from sweep.controller import Controller
from sweep.files import size_and_sha256
from sweep.host import now, this_process
from sweep.job import End, Ending, EpochDone
from sweep.log import Best
from sweep.progress import Progress
from sweep.record import Outcome, State
from sweep.settings import Settings
from sweep.study import Study

SPACE = """
FIXED = {"epochs": 2, "batch_size": 1, "seed": 0}


def suggest(trial):
    parameters = {"x": trial.suggest_float("x", 0, 1), "kind": trial.suggest_categorical("kind", ["a", None, True, 3])}
    if parameters["kind"] == "a":
        parameters["n"] = trial.suggest_int("n", 2, 8, step=2)
    parameters["lr"] = trial.suggest_float("lr", 1e-4, 1, log=True)
    return parameters


def load_data():
    raise AssertionError("nothing is trained")


build_model = load_data
"""


def value_of(parameters):
    return round(parameters["x"] * 0.9 + 0.01 * (parameters.get("n") or 0), 6)


class NoTraining(Here):
    """A place that writes the folder of a training as its process leaves it."""

    def __init__(self, reached=lambda number, step: None, takes_s=0.0, value_of=value_of):
        self.reached, self.takes_s, self.value_of = reached, takes_s, value_of
        self.trained = []

    def train(self, job, stop, on_news):
        record, experience = job.record, job.experience
        number = record.trials[-1]["number"]
        session = {"begun": now(), "epoch": 0, "batch": 0, "batches": 1, "process": this_process()}
        record.sessions.append(session)
        experience.write(record)
        self.trained.append(number)
        self.reached(number, "begun")
        if stop.wait(self.takes_s):
            return self.end(experience, record, "stopped", End(Ending.STOPPED))
        value = self.value_of(record.parameters)
        experience.log.write_text(f"epoch,acc,loss,val_acc,val_loss\n0,0,0,{value},0\n1,0,0,{value / 2},0\n")
        with zipfile.ZipFile(experience.meilleur, "w") as archive:
            archive.writestr("model.weights.h5", repr(value))
        meilleur.label(experience.meilleur, Best(value, 0))
        for epoch in range(2):
            on_news(EpochDone(epoch, value / (epoch + 1)))
        files = size_and_sha256(experience.log), size_and_sha256(experience.meilleur)
        record.outcome = Outcome(State.FINISHED, now(), None, {"val_acc": value}, 0, log=files[0], model=files[1])
        end = self.end(experience, record, "outcome", End(Ending.OUTCOME))
        self.reached(number, "trained")
        return end

    def end(self, experience, record, how, end):
        at = {"epoch": 2 if record.outcome else 0, "batch": 0}
        record.sessions[-1]["ended"] = {"how": how, **at, "trained_s": self.takes_s, "prepared_s": 0.0}
        experience.write(record)
        return end


def control(root, space, place=None, **options):
    """Run a sweep in this process; return what it said, and its study."""
    progress, said = Progress(Console(file=io.StringIO())), []
    progress.say = said.append
    settings = Settings.of({"space": str(space), "root": root, "trials": 12, **options})
    controller = Controller(settings, progress, place or NoTraining())
    controller.run()
    return said, controller._study


def proposals(root, space):
    """Return what the study has of each trial, without the times."""
    trials = Study(space.stem, root / "study.journal", "tpe", 0, "none")._trials()
    return [(trial.number, trial.params, str(trial.state), trial.value) for trial in trials]


def main(root, space, options, *kill):
    def reached(number, step):
        if list(kill) == [str(number), step]:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)

    def then(method, number_of, step):
        def wrapped(*args, **kwargs):
            answer = method(*args, **kwargs)
            reached(number_of(*args), step)
            return answer

        return wrapped

    optuna.Study.add_trial = then(optuna.Study.add_trial, lambda study, _: len(study.trials) - 1, "added")
    Study.suggest = then(Study.suggest, lambda study, trial, _: trial.number, "asked")
    said, _ = control(Path(root), Path(space), NoTraining(reached), **json.loads(options))
    print(said[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
