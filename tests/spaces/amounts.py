"""Numbers that do not depend on each other."""

FIXED = {"epochs": 4, "batch_size": 1, "seed": 0}


def suggest(trial):
    return {
        "x": trial.suggest_float("x", 0, 1),
        "y": trial.suggest_float("y", 1e-3, 1, log=True),
        "n": trial.suggest_int("n", 1, 100),
    }


def load_data():
    raise NotImplementedError


def build_model(parameters):
    raise NotImplementedError
