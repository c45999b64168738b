"""Real trainings of a fraction of a second, some of which go well and some do not."""

from toy import build_model, callbacks, load_data  # noqa: F401 # only the proposals differ

FIXED = {"epochs": 6, "batch_size": 50, "seed": 0}


def suggest(trial):
    return {
        "units": trial.suggest_int("units", 4, 9),
        "rate": trial.suggest_float("rate", 1e-3, 1, log=True),
    }
