"""Twenty combinations, some of which depend on a choice."""

FIXED = {"epochs": 4, "batch_size": 1, "seed": 0}


def suggest(trial):
    parameters = {
        "x": trial.suggest_float("x", 0, 1, step=0.25),
        "kind": trial.suggest_categorical("kind", ["a", "b"]),
    }
    if parameters["kind"] == "b":
        parameters["n"] = trial.suggest_int("n", 1, 3)
    return parameters


def load_data():
    raise NotImplementedError


def build_model(parameters):
    raise NotImplementedError
