"""A search without folders and training, killed at a step of a trial.

As a program: ``search STORAGE SAMPLER TRIALS [TRIAL STEP]``.
"""

import json
import os
import signal
import sys
from pathlib import Path

from support.command import tool
from sweep.experience.record import Outcome, State
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions


def search(storage, sampler, *kills):
    """Run a whole search, killed at each of ``kills`` (trial, step).

    Returns:
        The number, parameters and value of each trial.
    """
    for kill in kills:
        assert tool("search", storage, sampler, 16, *kill).returncode == -signal.SIGKILL
    done = tool("search", storage, sampler, 16)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Killed:
    """A search that kills its process at a step of a trial."""

    def __init__(self, study, kill):
        self._study, self._kill = study, kill

    def reached(self, trial, step):
        if self._kill == [str(trial.number), step]:
            os.kill(os.getpid(), signal.SIGKILL)

    def suggest(self, trial):
        parameters = {"x": trial.suggest_float("x", 0, 1)}
        self.reached(trial, "asked")
        parameters["kind"] = trial.suggest_categorical("kind", ["a", "b"])
        if parameters["kind"] == "b":
            parameters["n"] = trial.suggest_int("n", 1, 9)
        self.reached(trial, "suggested")
        return parameters

    def bring_to_its_end(self, trial):
        parameters = self._study.suggest(trial, self.suggest)
        value = parameters["x"] + 0.1 * parameters.get("n", 0)
        for epoch in range(2):
            self._study.report(trial, epoch, value - epoch)
            self.reached(trial, "reported")
        outcome = Outcome(State.FINISHED, "", values={"val_acc": value}, epoch=0)
        self._study.tell(trial, outcome, [value, value - 1])
        self.reached(trial, "told")


def main(storage, sampler, trials, *kill):
    study = Study("toy", storage if "://" in storage else Path(storage), StudyOptions(sampler))
    killed = Killed(study, list(kill))
    for trial in study.interrupted_trials():
        killed.bring_to_its_end(trial)
    while study.count() < int(trials):
        killed.bring_to_its_end(study.ask())
    print(json.dumps([[trial.number, trial.params, trial.value] for trial in study.trials()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
