"""Folders as trainings leave them: finished, cut off, pruned, failed; nothing is trained."""

import hashlib
import zipfile
from dataclasses import replace

from support.trainer import SPACES
from sweep.experience import backup_files, best_model
from sweep.experience.backup_files import NEXT_WEIGHTS
from sweep.experience.entries import Session, SessionEnd, TrialEntry
from sweep.experience.folder import Experience
from sweep.experience.inventory import Inventory
from sweep.experience.log_csv import BestEpoch
from sweep.experience.position import Position
from sweep.experience.record import Outcome, Record, State
from sweep.experience.trials import TrialRecord
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.search.trial_conversion import notes_of
from sweep.space.identity import id_experience
from sweep.space.source import find
from sweep.system.files import size_and_sha256, unfenced
from sweep.system.host import ProcessId, now

TRIALS = 30
EPOCHS = 8
FIXED = {"epochs": EPOCHS, "batch_size": 1, "seed": 0}
GONE = ProcessId(host="gone", pid=1, started=0.0)


def suggest(trial):
    parameters = {
        "x": trial.suggest_float("x", 0, 1),
        "y": trial.suggest_float("y", 1e-3, 1, log=True),
    }
    parameters["kind"] = trial.suggest_categorical("kind", ["a", None, 3])
    if parameters["kind"] == "a":
        parameters["n"] = trial.suggest_int("n", 1, 9)
    return parameters


def suggest_numbers(trial):
    """CMA-ES takes part only where no parameter depends on another."""
    return {name: trial.suggest_float(name, 0, 1) for name in "xyz"}


def text_of_log(values):
    """Return the text of a log.csv with these val_acc."""
    return "epoch,acc,loss,val_acc,val_loss\n" + "".join(
        f"{n},0,0,{value},0\n" for n, value in enumerate(values)
    )


def write_model(experience, values):
    with zipfile.ZipFile(experience.meilleur, "w") as archive:
        archive.writestr("model.weights.h5", repr(values) * 10)
    best_model.label(experience.meilleur, BestEpoch(max(values), values.index(max(values))))


def write_backup(sauvegarde, position, weights=b"weights", fence=unfenced):
    """Write a whole backup with these bytes as its weights."""
    sauvegarde.mkdir(parents=True, exist_ok=True)
    (sauvegarde / NEXT_WEIGHTS).write_bytes(weights)
    backup_files.write_backup(sauvegarde, position, hashlib.sha256(weights).hexdigest(), fence)


def save(experience, values):
    """Make a backup after so many epochs."""
    position = Position(len(values), 0, False, text_of_log(values), {}, {}, now())
    write_backup(experience.sauvegarde, position, b"weights of %d epochs" % len(values))


class Search:
    """A sweep without training: the folders are written as a training leaves them."""

    save, write_model = staticmethod(save), staticmethod(write_model)

    def __init__(
        self,
        root,
        sampler="tpe",
        pruner="none",
        suggest=suggest,
        storage=None,
        seed=0,
        source=None,
    ):
        code = source.identity() if source else {"fingerprint": {}}
        self.root, self.suggest, self.code = root, suggest, {**code, "name": "toy"}
        self.where = storage or root / "study.journal"
        self.options = StudyOptions(sampler, seed, pruner, EPOCHS)
        root.mkdir(exist_ok=True)
        self.open()

    def open(self):
        self.study = Study("toy", self.where, self.options)

    def trials(self):
        folders = Inventory(self.root, "toy")
        folders.check()
        folders.settle(lambda text: None)
        return folders.trials()

    def rebuild(self):
        self.study.rebuild(
            self.trials(), lambda trial: self.study.suggest(trial, self.suggest), lambda: None
        )

    def write(self, trial, parameters, values, outcome=None):
        experience = Experience(self.root / id_experience("toy", parameters))
        entry = replace(self.study.entry(trial), ended=now() if outcome else None)
        session = Session(begun=now(), epoch=0, batch=0, process=GONE)
        record = Record(experience.id, self.code, parameters, 0, 1, [entry], [session])
        experience.path.mkdir(exist_ok=True)
        experience.log.write_text(text_of_log(values))
        if values:
            write_model(experience, values)
        if outcome:
            outcome.log = size_and_sha256(experience.log)
            outcome.model = size_and_sha256(experience.meilleur)
            record.outcome = outcome
        experience.write(record)
        return experience

    def begin(self):
        """Ask for a trial and return it with its parameters, which its number makes unique."""
        trial = self.study.ask()
        parameters = {**self.study.suggest(trial, self.suggest), "trial": trial.number, **FIXED}
        self.study.set_attribute(trial, "id_experience", id_experience("toy", parameters))
        return trial, parameters

    def end(self, trial, parameters, values=(), lose=lambda epoch: None):
        """Train the epochs that are left, and tell the study.

        ``lose`` may do harm after each epoch; it returns the trial where it made the study anew.
        """
        best = parameters["x"] + 0.1 * (parameters.get("n") or 0)
        values, state = list(values), State.FINISHED
        for epoch in range(len(values), EPOCHS):
            values.append(best * (epoch + 1) / EPOCHS)
            if self.study.report(trial, epoch, values[-1]):
                state = State.PRUNED
                break
            trial = lose(epoch) or trial
        reason = None if state is State.FINISHED else "pruned"
        outcome = Outcome(state, now(), reason, {"val_acc": max(values)}, len(values) - 1)
        experience = self.write(trial, parameters, values, outcome)
        save(experience, values)
        record = experience.read()
        self.study.tell(
            trial, outcome, values, notes_of(TrialRecord(experience, record, record.trials[0]))
        )

    def go_on(self, trials=TRIALS):
        while self.study.count() < trials:
            self.end(*self.begin())
        return self

    def proposals(self):
        return [
            (trial.number, trial.params, trial.state, trial.value) for trial in self.study.trials()
        ]


SCRIPT = "<script>window.hacked = 1</script>"
FORMULA = "=1+1"


def suggest_hostile(trial):
    parameters = {
        "rate": trial.suggest_float("rate", 1e-4, 1, log=True),
        "x": trial.suggest_float("x", 0, 1),
    }
    parameters["kind"] = trial.suggest_categorical("kind", [SCRIPT, FORMULA, None])
    if parameters["kind"] == FORMULA:
        parameters["n"] = trial.suggest_int("n", 1, 9)
    return parameters


def session(begun, how, epoch):
    end = SessionEnd(how=how, epoch=epoch, batch=5, trained_s=2.0, prepared_s=1.0) if how else None
    begun_at = f"2026-11-24T0{begun}:00:00+00:00"
    return Session(begun=begun_at, epoch=0, batch=0, batches=10, process=GONE, ended=end)


class Drawn(Search):
    """Writes trials of any end under ``root``, of a search space with hostile words."""

    def __init__(self, root):
        super().__init__(root, suggest=suggest_hostile, sampler="random")

    def trial(self, state, epochs=EPOCHS, how=("outcome",)):
        trial, parameters = self.begin()
        values = [round(parameters["x"] * (epoch + 1) / EPOCHS, 4) for epoch in range(epochs)]
        reason = None if state is State.FINISHED else f"it {state}"
        best = ({"val_acc": max(values)}, values.index(max(values))) if values else ({}, None)
        outcome = None if state is State.CUT_OFF else Outcome(state, now(), reason, *best)
        experience = (
            self.write(trial, parameters, values, outcome)
            if values
            else self.without_log(trial, parameters, outcome)
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
    """Write a sweep of every kind of end, and return it."""
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


TOY_FIXED = {"epochs": 3, "batch_size": 50, "seed": 0}


def toy_experience(root, number, rate, val_acc=(), outcome=None, process=None, space=None):
    """Write a folder as a training of toy.py leaves it, by its number, rate, epochs and outcome."""
    source = find(str(space or SPACES / "toy.py"))
    parameters = {"units": 4, "rate": rate, **TOY_FIXED}
    root.mkdir(exist_ok=True)
    made = Experience(root / id_experience("toy", parameters))
    session = Session(begun=now(), epoch=0, batch=0, process=process or GONE)
    record = Record(
        id_experience=made.id,
        search_space={**source.identity(), "name": "toy"},
        parameters=parameters,
        seed=0,
        threads=1,
        trials=[TrialEntry(number=number, begun=now())],
        sessions=[session],
        outcome=outcome,
    )
    made.write(record)
    made.log.write_text(text_of_log(val_acc))
    return made
