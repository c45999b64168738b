"""Real trainings of a fraction of a second, of which some are well and some are not."""

from toy import build_model, load_data  # noqa: F401 # the same, and quicker

FIXED = {"epochs": 6, "batch_size": 50, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 9), "rate": trial.suggest_float("rate", 1e-3, 1, log=True)}


def callbacks(parameters):
    import time

    import keras

    return [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(0.01))]
