"""Sweeps of which nothing is trained: their folders are written as trainings leave them."""

import zipfile

from sweep import meilleur
from sweep.experience import Experience
from sweep.files import size_and_sha256
from sweep.folders import Folders
from sweep.frozen import notes_of
from sweep.host import now
from sweep.identity import id_experience
from sweep.known import Known
from sweep.log import Best
from sweep.record import Outcome, Record, State
from sweep.resume import NEXT_WEIGHTS, Position, write_backup
from sweep.study import Study

TRIALS = 30
EPOCHS = 8
FIXED = {"epochs": EPOCHS, "batch_size": 1, "seed": 0}
GONE = {"host": "gone", "pid": 1, "started": 0.0}


def suggest(trial):
    parameters = {"x": trial.suggest_float("x", 0, 1), "y": trial.suggest_float("y", 1e-3, 1, log=True)}
    parameters["kind"] = trial.suggest_categorical("kind", ["a", None, 3])
    if parameters["kind"] == "a":
        parameters["n"] = trial.suggest_int("n", 1, 9)
    return parameters


def suggest_numbers(trial):
    """CMA-ES takes part only where no parameter depends on another."""
    return {name: trial.suggest_float(name, 0, 1) for name in "xyz"}


class Here:
    """A ``sweep.job.Place`` for one training at a time, but for its ``train``."""

    cluster = None

    def workers(self):
        return 1

    def threads(self, workers):
        return 1

    def start(self):
        pass

    def wait_until_warm(self, stop):
        pass

    def kill(self):
        pass


def text_of_log(values):
    """Return the text of a log.csv with these val_acc."""
    return "epoch,acc,loss,val_acc,val_loss\n" + "".join(f"{n},0,0,{value},0\n" for n, value in enumerate(values))


def write_model(experience, values):
    with zipfile.ZipFile(experience.meilleur, "w") as archive:
        archive.writestr("model.weights.h5", repr(values) * 10)
    meilleur.label(experience.meilleur, Best(max(values), values.index(max(values))))


def save(experience, values):
    """Make a backup after so many epochs."""
    experience.sauvegarde.mkdir(exist_ok=True)
    (experience.sauvegarde / NEXT_WEIGHTS).write_bytes(b"weights of %d epochs" % len(values))
    write_backup(experience.sauvegarde, Position(len(values), 0, False, text_of_log(values), {}, {}, now()))


class Search:
    """A sweep without training: the folders are written as a training leaves them."""

    save, write_model = staticmethod(save), staticmethod(write_model)

    def __init__(self, root, sampler="tpe", pruner="none", suggest=suggest, storage=None, seed=0, fingerprint=None):
        self.root, self.suggest, self.fingerprint = root, suggest, fingerprint or {}
        self.how = (storage or root / "study.journal", sampler, seed, pruner)
        root.mkdir(exist_ok=True)
        self.open()

    def open(self):
        self.study = Study("toy", *self.how, epochs=EPOCHS)

    def known(self):
        folders = Folders(self.root, "toy")
        folders.check()
        folders.settle(lambda text: None)
        return folders.known()

    def rebuild(self):
        self.study.rebuild(self.known(), lambda trial: self.study.suggest(trial, self.suggest), lambda: None)

    def write(self, trial, parameters, values, outcome=None):
        experience = Experience(self.root / id_experience("toy", parameters))
        entry = {**self.study.entry(trial), "ended": now() if outcome else None}
        session = {"begun": now(), "epoch": 0, "batch": 0, "process": GONE}
        identity = {"name": "toy", "fingerprint": self.fingerprint}
        record = Record(experience.id, identity, parameters, 0, 1, [entry], [session])
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
        """Ask for a trial, and return it with its parameters; its number makes equal proposals different trainings."""
        trial = self.study.ask()
        parameters = {**self.study.suggest(trial, self.suggest), "trial": trial.number, **FIXED}
        self.study.set_attribute(trial, "id_experience", id_experience("toy", parameters))
        return trial, parameters

    def end(self, trial, parameters, values=(), lose=lambda epoch: None):
        """Train the epochs that are left, and tell; ``lose`` may do harm in the middle, and returns the trial again."""
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
        self.study.tell(trial, outcome, values, notes_of(Known(experience, record, record.trials[0])))

    def go_on(self, trials=TRIALS):
        while self.study.count() < trials:
            self.end(*self.begin())
        return self

    def proposals(self):
        return [(trial.number, trial.params, trial.state, trial.value) for trial in self.study._trials()]
