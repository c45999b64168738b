"""The same trainings without sweep: python -m benchmarks.contenders NAME SPACE PARAMETERS FOLDER.

SPACE is the path of a search space, PARAMETERS a JSON file with a list of the parameters of each
trial. Each contender trains them all, one after the other, as its own documentation shows.
"""

import importlib
import json
import os
import runpy
import sys
from pathlib import Path

NAMES = {
    "bare": "a bare Keras loop",
    "optuna": "Optuna, stock callbacks",
    "kerastuner": "KerasTuner",
    "ray": "Ray Tune",
}
NEEDS = {"bare": "keras", "optuna": "optuna", "kerastuner": "keras_tuner", "ray": "ray.tune"}


def import_needs(name):
    """Import what a contender needs; this part of its time is left out of the figures."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for module in ("tensorflow", "keras", "sklearn.datasets", NEEDS[name]):
        importlib.import_module(module)


def train(space, parameters, callbacks=()):
    """Train one trial and return its best val_acc."""
    import keras

    keras.utils.set_random_seed(parameters["seed"])
    (x, y), validation = space["load_data"]()
    model = space["build_model"](parameters)
    history = model.fit(
        x,
        y,
        batch_size=parameters["batch_size"],
        epochs=parameters["epochs"],
        validation_data=validation,
        callbacks=list(callbacks),
        verbose=0,
    )
    keras.backend.clear_session()
    return max(history.history["val_acc"])


def bare(space, trials, folder):  # noqa: ARG001 # all contenders take the same arguments
    return [train(space, parameters) for parameters in trials]


def optuna(space, trials, folder):
    """Train with SQLite, and with the three callbacks that a careful user would take."""
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{folder}/study.db", direction="maximize")

    def objective(trial):
        own_folder = folder / str(trial.number)
        own_folder.mkdir()
        callbacks = [
            keras.callbacks.ModelCheckpoint(
                own_folder / "best.keras", monitor="val_acc", mode="max", save_best_only=True
            ),
            keras.callbacks.CSVLogger(own_folder / "log.csv", append=True),
            keras.callbacks.BackupAndRestore(own_folder / "backup"),
        ]
        return train(space, trials[trial.number], callbacks)

    study.optimize(objective, n_trials=len(trials))


def kerastuner(space, trials, folder):
    import keras_tuner

    class Tuner(keras_tuner.GridSearch):
        def run_trial(self, trial, **arguments):
            number = trial.hyperparameters.Choice("number", list(range(len(trials))))
            return -train(space, trials[number])

    tuner = Tuner(max_trials=len(trials), directory=folder, project_name="tuner")
    tuner.search()


def ray(space, trials, folder):  # noqa: ARG001 # its workers load the space themselves
    import ray
    from ray import tune

    path = sys.argv[2]

    def objective(config):
        import_needs("bare")
        return {"val_acc": train(runpy.run_path(path), trials[config["number"]])}

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    numbers = tune.grid_search(list(range(len(trials))))
    tune.Tuner(
        objective,
        param_space={"number": numbers},
        run_config=tune.RunConfig(storage_path=str(folder)),
    ).fit()


if __name__ == "__main__":
    name, *words = sys.argv[1:]
    import_needs(name)
    if words:
        space, parameters, folder = words
        trials = json.loads(Path(parameters).read_text())
        globals()[name](runpy.run_path(space), trials, Path(folder))
