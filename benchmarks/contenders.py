"""The same trainings without sweep: python -m benchmarks.contenders NAME SPACE PARAMETERS FOLDER.

SPACE is the path of a search space, PARAMETERS a JSON file with the list of what its trials are to be given. Each contender
trains them all, one after the other, as its own documentation shows it.
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


def imports(name):
    """Import what the contender needs: the part of its time that is left out."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for module in ("tensorflow", "keras", "sklearn.datasets", NEEDS[name]):
        importlib.import_module(module)


def train(space, parameters, callbacks=()):
    """Train one of them and return its best val_acc."""
    import keras

    keras.utils.set_random_seed(parameters["seed"])
    (x, y), validation = space["load_data"]()
    model = space["build_model"](parameters)
    size, epochs = parameters["batch_size"], parameters["epochs"]
    history = model.fit(
        x,
        y,
        batch_size=size,
        epochs=epochs,
        validation_data=validation,
        callbacks=list(callbacks),
        verbose=0,
    )
    keras.backend.clear_session()
    return max(history.history["val_acc"])


def bare(space, of_trials, folder):  # noqa: ARG001 # all are called alike
    return [train(space, parameters) for parameters in of_trials]


def optuna(space, of_trials, folder):
    """SQLite, and the three callbacks that a careful user would take."""
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{folder}/study.db", direction="maximize")

    def objective(trial):
        here = folder / str(trial.number)
        here.mkdir()
        callbacks = [
            keras.callbacks.ModelCheckpoint(
                here / "best.keras", monitor="val_acc", mode="max", save_best_only=True
            ),
            keras.callbacks.CSVLogger(here / "log.csv", append=True),
            keras.callbacks.BackupAndRestore(here / "backup"),
        ]
        return train(space, of_trials[trial.number], callbacks)

    study.optimize(objective, n_trials=len(of_trials))


def kerastuner(space, of_trials, folder):
    import keras_tuner

    class Tuner(keras_tuner.GridSearch):
        def run_trial(self, trial, **of_search):
            return -train(
                space,
                of_trials[trial.hyperparameters.Choice("number", list(range(len(of_trials))))],
            )

    tuner = Tuner(max_trials=len(of_trials), directory=folder, project_name="tuner")
    tuner.search()


def ray(space, of_trials, folder):  # noqa: ARG001 # its workers load the space themselves
    import ray
    from ray import tune

    path = sys.argv[2]

    def objective(config):
        imports("bare")
        return {"val_acc": train(runpy.run_path(path), of_trials[config["number"]])}

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    numbers = tune.grid_search(list(range(len(of_trials))))
    tune.Tuner(
        objective,
        param_space={"number": numbers},
        run_config=tune.RunConfig(storage_path=str(folder)),
    ).fit()


if __name__ == "__main__":
    name, *words = sys.argv[1:]
    imports(name)
    if words:
        space, of_trials, folder = words
        globals()[name](
            runpy.run_path(space), json.loads(Path(of_trials).read_text()), Path(folder)
        )
