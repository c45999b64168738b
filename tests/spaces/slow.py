"""The search space of toy.py, slowed down: a kill at a random moment finds it at work."""

from toy import FIXED, build_model, load_data  # noqa: F401 # a search space has them


def suggest(trial):
    return {
        "units": trial.suggest_int("units", 4, 6),
        "rate": trial.suggest_categorical("rate", [0.3, 0.1, 0.03]),
    }


def callbacks(parameters):
    import time

    import keras

    def pause(batch, logs):
        time.sleep(0.05)

    return [keras.callbacks.LambdaCallback(on_train_batch_end=pause)]
