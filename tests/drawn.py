"""A sweep of every kind of end, and of hostile words, of which nothing is trained."""

from untrained import EPOCHS, GONE, Search

from sweep.host import now
from sweep.record import Outcome, State

SCRIPT = "<script>window.hacked = 1</script>"
FORMULA = "=1+1"


def suggest(trial):
    parameters = {"rate": trial.suggest_float("rate", 1e-4, 1, log=True), "x": trial.suggest_float("x", 0, 1)}
    parameters["kind"] = trial.suggest_categorical("kind", [SCRIPT, FORMULA, None])
    if parameters["kind"] == FORMULA:
        parameters["n"] = trial.suggest_int("n", 1, 9)
    return parameters


def session(begun, how, epoch):
    end = {"ended": {"how": how, "epoch": epoch, "batch": 5, "trained_s": 2.0, "prepared_s": 1.0}} if how else {}
    return {"begun": f"2026-11-24T0{begun}:00:00+00:00", "epoch": 0, "batch": 0, "batches": 10, "process": GONE, **end}


class Drawn(Search):
    """Writes trials of any end under ``root``."""

    def __init__(self, root):
        super().__init__(root, suggest=suggest, sampler="random")

    def trial(self, state, epochs=EPOCHS, how=("outcome",)):
        trial, parameters = self.begin()
        values = [round(parameters["x"] * (epoch + 1) / EPOCHS, 4) for epoch in range(epochs)]
        reason = None if state is State.FINISHED else f"it {state}"
        best = ({"val_acc": max(values)}, values.index(max(values))) if values else ({}, None)
        outcome = None if state is State.CUT_OFF else Outcome(state, now(), reason, *best)
        experience = (
            self.write(trial, parameters, values, outcome) if values else self.without_log(trial, parameters, outcome)
        )
        record = experience.read()
        record.sessions = [session(number, end, epochs) for number, end in enumerate(how)]
        experience.write(record)
        if outcome:
            self.study.tell(trial, outcome, values)
        return experience

    def without_log(self, trial, parameters, outcome):
        experience = self.write(trial, parameters, [0.5], outcome)
        experience.log.unlink()
        experience.meilleur.unlink()
        return experience


def sweep_of_all_kinds(root):
    drawn = Drawn(root)
    for _ in range(6):
        drawn.trial(State.FINISHED)
    drawn.trial(State.FINISHED, how=("cut", "stopped", "outcome"))
    drawn.trial(State.PRUNED, 3)
    drawn.trial(State.PRUNED, 1)
    drawn.trial(State.FAILED, 2)
    drawn.trial(State.FAILED, 0)
    drawn.trial(State.CUT_OFF, 4, how=("stopped", None))
    return drawn
