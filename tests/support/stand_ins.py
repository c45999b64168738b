"""Whole sweeps by the real controller, whose trainings take no time.

As a program: ``stand_ins ROOT SPACE OPTIONS [TRIAL STEP | rows N]``. The options are those of
``run``, in JSON. The program kills itself by SIGKILL at a step of a trial: "added" to the study,
"asked" for its parameters, "begun" in its folder, or "trained"; or once the logs hold N rows.
"""

import io
import json
import os
import signal
import sys
from pathlib import Path

import optuna
from rich.console import Console

from support.command import rows_logged, tool
from support.folders import save, text_of_log, write_model
from support.trainer import SPACES
from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience import resume_start
from sweep.experience.entries import Session, SessionEnd
from sweep.experience.folder import experiences_in
from sweep.experience.record import Outcome, State
from sweep.running.controller import Controller
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.settings import Settings
from sweep.system.files import size_and_sha256
from sweep.system.host import now, this_process
from sweep.training.protocol import End, Ending, EpochDone

KILLS = (3, 14, 29)  # rows logged when the SIGKILL comes; four are a whole training
SPACE = """
FIXED = {"epochs": 2, "batch_size": 1, "seed": 0}


def suggest(trial):
    parameters = {
        "x": trial.suggest_float("x", 0, 1),
        "kind": trial.suggest_categorical("kind", ["a", None, True, 3]),
    }
    if parameters["kind"] == "a":
        parameters["n"] = trial.suggest_int("n", 2, 8, step=2)
    parameters["lr"] = trial.suggest_float("lr", 1e-4, 1, log=True)
    return parameters


def load_data():
    raise AssertionError("nothing is trained")


build_model = load_data
"""


def falling(parameters, epoch):
    """Return a value that depends on some parameters, and is half of that in the second epoch."""
    return round(parameters["x"] * 0.9 + 0.01 * (parameters.get("n") or 0), 6) / (epoch + 1)


def of_all(parameters, epoch):
    """Return a value in 0…1 that depends on each parameter; not all curves rise."""
    x, n = parameters["x"], parameters.get("n", 0) % 7
    end = (x * (1 - x) * 3 + n / 7 + parameters.get("y", 0.5) + (parameters.get("kind") == "a")) / 4
    return round(end * (1 - (0.5 - x) * epoch / parameters["epochs"]), 6)


class NoTraining:
    """A ``sweep.training.protocol.Place`` that leaves, epoch by epoch, what a training leaves.

    Args:
        value_of: the val_acc of an epoch, from the parameters and the epoch.
        reached: is told of each step: the number of the trial, and "begun", "logged" or "trained".
        takes_s: before the first epoch; a stop ends it there.
    """

    cluster = None

    def __init__(self, value_of=falling, reached=lambda number, step: None, takes_s=0.0):
        self.value_of, self.reached, self.takes_s = value_of, reached, takes_s
        self.trained = []

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

    def forget(self, run):
        pass

    def train(self, job, stop, on_news):
        record, experience = job.record, job.experience
        number = record.trials[-1].number
        start = resume_start.make_ready(experience).backup
        values = start.position.curve() if start else []
        session = Session(
            begun=now(),
            epoch=len(values),
            batch=0,
            batches=1,
            process=this_process(),
            until=job.until,
        )
        record.sessions.append(session)
        experience.write(record)
        self.trained.append(number)
        self.reached(number, "begun")
        if stop.wait(self.takes_s):
            return self._end(job, "stopped", End(Ending.STOPPED))
        why = on_news(EpochDone(len(values) - 1, values[-1])) if values else None
        until = min(job.until or record.parameters["epochs"], record.parameters["epochs"])
        while not why and len(values) < until:
            values.append(self.value_of(record.parameters, len(values)))
            experience.log.write_text(text_of_log(values))
            write_model(experience, values)
            self.reached(number, "logged")
            save(experience, values)
            why = on_news(EpochDone(len(values) - 1, values[-1]))
        if not why and until < record.parameters["epochs"]:
            end = self._end(job, "paused", End(Ending.PAUSED))
            self.reached(number, "trained")
            return end
        state, best = State.PRUNED if why else State.FINISHED, max(values)
        record.outcome = Outcome(state, now(), why, {"val_acc": best}, values.index(best))
        record.outcome.log, record.outcome.model = map(
            size_and_sha256, (experience.log, experience.meilleur)
        )
        end = self._end(job, "outcome", End(Ending.OUTCOME))
        self.reached(number, "trained")
        return end

    def _end(self, job, how, end):
        job.record.sessions[-1].ended = SessionEnd(
            how=how,
            epoch=job.record.parameters["epochs"] if job.record.outcome else job.until or 0,
            batch=0,
            trained_s=self.takes_s,
            prepared_s=0.0,
        )
        job.experience.write(job.record)
        return end


def control(root, space, place=None, **options):
    """Run a sweep in this process; return what it said, and its study."""
    progress, said = Progress(Console(file=io.StringIO())), []
    progress.say = said.append
    settings = Settings(**{"space": str(space), "root": root, "trials": 12, **options})
    controller = Controller.prepare(settings, progress, place or NoTraining())
    return said, controller.run().study


def proposals(root, space):
    """Return what the study has of each trial, without the times."""
    trials = Study(space.stem, root / "study.journal", StudyOptions("tpe")).trials()
    return [(trial.number, trial.params, str(trial.state), trial.value) for trial in trials]


def run_as_program(root, space, *kill, **options):
    """Run a sweep as a program that kills itself at ``kill``, and return what it said."""
    done = tool("stand_ins", root, space, json.dumps(options), *kill)
    assert done.returncode == (-signal.SIGKILL if kill else 0), done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def run_whole(space, root, *kill, **options):
    """Run a sweep of 24 trials over a test space as a program, see ``of_all``."""
    options = {"trials": 24, "values": "of_all", **options}
    return run_as_program(root, SPACES / f"{space}.py", *kill, **options)


def cut_three_times(space, root, kills=KILLS, between=lambda root: None, **options):
    """Kill such a sweep in mid-training, three times, and return what the fourth run said."""
    for rows in kills:
        run_whole(space, root, "rows", rows, **options)
        between(root)
    return run_whole(space, root, **options)


def lose_the_study(root):
    (root / "study.journal").unlink()


def all_of(root):
    """Return all that a sweep has proposed, heard and told: by its study, and by its folders."""
    backend = optuna.storages.journal.JournalFileBackend(str(root / "study.journal"))
    (name,) = optuna.get_all_study_names(storage := optuna.storages.JournalStorage(backend))
    trials = optuna.load_study(study_name=name, storage=storage).trials
    told = [
        (one.number, one.params, one.state.name, one.value, one.intermediate_values)
        for one in trials
    ]
    ends = {
        one.id: (one.log.read_bytes(), one.state(), reason_of(one.read()))
        for one in experiences_in(root)
    }
    return told, ends


def reason_of(record):
    return record.outcome.reason if record.outcome else None


def main(root, space, options, *kill):
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def reached(number, step):
        if list(kill) == [str(number), step]:
            die()
        if kill[:1] == ("rows",) and step == "logged" and rows_logged(Path(root)) >= int(kill[1]):
            die()

    def then(method, number_of, step):
        def wrapped(*args, **kwargs):
            answer = method(*args, **kwargs)
            reached(number_of(*args), step)
            return answer

        return wrapped

    optuna.Study.add_trial = then(
        optuna.Study.add_trial, lambda study, _: len(study.trials) - 1, "added"
    )
    Study.suggest = then(Study.suggest, lambda study, trial, _: trial.number, "asked")
    options = json.loads(options)
    value_of = {"falling": falling, "of_all": of_all}[options.pop("values", "falling")]
    try:
        said, _ = control(Path(root), Path(space), NoTraining(value_of, reached), **options)
    except SweepError as error:
        sys.exit(f"sweep: {error}")
    print("\n".join(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
