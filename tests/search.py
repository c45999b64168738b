"""A search without training, killed at a step of a trial: search.py STORAGE SAMPLER TRIALS [TRIAL STEP]."""

import json
import os
import signal
import sys
from pathlib import Path

from sweep.record import Outcome, State
from sweep.study import Study

storage, sampler, trials, *kill = sys.argv[1:]


def reached(trial, step):
    if kill == [str(trial.number), step]:
        os.kill(os.getpid(), signal.SIGKILL)


def suggest(trial):
    parameters = {"x": trial.suggest_float("x", 0, 1)}
    reached(trial, "asked")
    parameters["kind"] = trial.suggest_categorical("kind", ["a", "b"])
    if parameters["kind"] == "b":
        parameters["n"] = trial.suggest_int("n", 1, 9)
    reached(trial, "suggested")
    return parameters


def bring_to_its_end(trial):
    parameters = study.suggest(trial, suggest)
    value = parameters["x"] + 0.1 * parameters.get("n", 0)
    for epoch in range(2):
        study.report(trial, epoch, value - epoch)
        reached(trial, "reported")
    study.tell(trial, Outcome(State.FINISHED, "", values={"val_acc": value}, epoch=0), [value, value - 1])
    reached(trial, "told")
    return [trial.number, parameters, value]


study = Study("toy", storage if "://" in storage else Path(storage), sampler, 0, "none")
for trial in study.cut_off():
    bring_to_its_end(trial)
while study.count() < int(trials):
    bring_to_its_end(study.ask())
print(json.dumps([[trial.number, trial.params, trial.value] for trial in study._trials()]))
